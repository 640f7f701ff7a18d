import { AuthLayout } from './auth-layout';
import { SetupForm } from './setup-form';

type SetupPageProps = { token: string | null; onDone: () => void };

export function SetupPage({ token, onDone }: SetupPageProps) {
  if (token) {
    return (
      <AuthLayout
        title="Light the forge"
        lead={<p>This server is new. Create its administrator; everyone else comes later.</p>}
      >
        <SetupForm token={token} onDone={onDone} />
      </AuthLayout>
    );
  }
  return (
    <AuthLayout
      title="Almost there"
      lead={
        <>
          <p>
            This server has no administrator yet. Only someone who can see its terminal may create
            one.
          </p>
          <p>
            Open the one-time link that it printed when it started; it ends in{' '}
            <code>/setup?token=…</code>
          </p>
          <p>
            Or, on the server: <code>streamforge user add NAME</code>
          </p>
        </>
      }
    />
  );
}
