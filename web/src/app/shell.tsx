import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { sessionQuery } from '~/api/queries';
import { mayBrowse, mayManage } from '~/api/session';
import { AccountMenu } from '~/features/account/account-menu';
import { DropOverlay } from '~/features/upload/drop-overlay';
import { UploadButton } from '~/features/upload/file-picker';
import { UploadTray } from '~/features/upload/upload-tray';
import { buttonClass } from '~/ui/button';
import { Logo } from '~/ui/logo';
import styles from './shell.module.css';
import { ThemeToggle } from './theme-toggle';

/** The frame of every page with a header: navigation, account, and uploads that outlive pages. */
export function Shell() {
  const navigate = useNavigate();
  const session = useQuery(sessionQuery).data;
  const href = useRouterState({ select: (state) => state.location.publicHref });
  const manages = session !== undefined && mayManage(session);

  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#content">
        Skip to content
      </a>
      <header className={styles.header}>
        <div className={styles.inner}>
          <Link to="/" className={styles.home} aria-label="StreamForge, to the library">
            <Logo />
          </Link>
          <nav className={styles.tools} aria-label="Site">
            {manages && <UploadButton />}
            <ThemeToggle />
            {session?.user && (
              <AccountMenu
                user={session.user}
                onSignedOut={() => void navigate({ to: '/login', search: { next: '/' } })}
              />
            )}
            {session && !mayBrowse(session) && (
              <Link to="/login" search={{ next: href }} className={buttonClass('secondary')}>
                Sign in
              </Link>
            )}
          </nav>
        </div>
      </header>
      <main id="content" className={styles.content} tabIndex={-1}>
        <Outlet />
      </main>
      {manages && <UploadTray />}
      {manages && <DropOverlay />}
    </div>
  );
}
