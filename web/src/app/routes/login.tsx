import { getRouteApi } from '@tanstack/react-router';
import { LoginPage } from '~/features/account/login-page';

const route = getRouteApi('/login');

export function Login() {
  const { next } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <>
      <title>Sign in – StreamForge</title>
      <LoginPage onDone={() => void navigate({ href: next ?? '/' })} />
    </>
  );
}
