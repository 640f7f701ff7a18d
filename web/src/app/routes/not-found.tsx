import { Link, useRouter } from '@tanstack/react-router';
import { ApiError, messageOf } from '~/api/problem';
import { Button, buttonClass } from '~/ui/button';
import { Logo } from '~/ui/logo';
import styles from './not-found.module.css';

export function NotFound() {
  return (
    <main className={styles.page}>
      <Logo />
      <h1>There is nothing here</h1>
      <p>The address may be mistyped, or what was here is gone.</p>
      <Link to="/" className={buttonClass('primary')}>
        To the library
      </Link>
    </main>
  );
}

/** The last resort of every page: says what happened and offers to try again. */
export function PageError({ error }: { error: unknown }) {
  const router = useRouter();
  return (
    <main className={styles.page}>
      <Logo />
      <h1>{error instanceof ApiError ? 'The server does not answer' : 'This page broke'}</h1>
      <p role="alert">{messageOf(error)}</p>
      {error instanceof ApiError && error.hint && <p>{error.hint}</p>}
      <Button variant="primary" icon="retry" onClick={() => void router.invalidate()}>
        Try again
      </Button>
    </main>
  );
}
