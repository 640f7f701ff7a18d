import { AuthLayout } from './auth-layout';
import { SignInForm } from './sign-in-form';

export function LoginPage({ onDone }: { onDone: () => void }) {
  return (
    <AuthLayout
      title="Sign in"
      lead={<p>Uploading and managing need an account. Watching does not.</p>}
    >
      <SignInForm onDone={onDone} />
    </AuthLayout>
  );
}
