import type { ReactNode } from 'react';
import { Logo, LogoArt } from '~/ui/logo';
import styles from './auth-layout.module.css';

type AuthLayoutProps = { title: string; lead: ReactNode; children?: ReactNode };

/** The quiet page around the doors of the house: first run and sign-in. */
export function AuthLayout({ title, lead, children }: AuthLayoutProps) {
  return (
    <main className={styles.page}>
      <LogoArt className={styles.art} />
      <div className={styles.column}>
        <Logo />
        <div className={styles.head}>
          <h1>{title}</h1>
          <div className={styles.lead}>{lead}</div>
        </div>
        {children}
      </div>
    </main>
  );
}
