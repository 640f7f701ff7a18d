import type { ReactNode } from 'react';
import { Logo } from '~/ui/logo';
import styles from './auth-layout.module.css';

type AuthLayoutProps = { title: string; lead: ReactNode; children?: ReactNode };

/** The quiet page around the doors of the house: first run and sign-in. */
export function AuthLayout({ title, lead, children }: AuthLayoutProps) {
  return (
    <main className={styles.page}>
      <svg className={styles.rungs} aria-hidden="true" viewBox="0 0 400 400" focusable="false">
        <path d="M0 20h150l130 80H0z" />
        <path d="M0 112h300l100 84H0z" />
        <path d="M0 206h400l-100 84H0z" />
        <path d="M0 302h280l-130 80H0z" />
      </svg>
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
