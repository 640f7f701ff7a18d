import { getRouteApi } from '@tanstack/react-router';
import { SetupPage } from '~/features/account/setup-page';

const route = getRouteApi('/setup');

export function Setup() {
  const { token } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <>
      <title>First run – StreamForge</title>
      <SetupPage token={token ?? null} onDone={() => void navigate({ to: '/' })} />
    </>
  );
}
