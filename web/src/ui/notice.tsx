import type { ReactNode } from 'react';
import { classNames } from './class-names';
import { Icon, type IconName } from './icons';
import styles from './notice.module.css';

type NoticeProps = {
  tone: 'bad' | 'info' | 'warn';
  title: ReactNode;
  children?: ReactNode;
  /** Announces itself when it appears. */
  alert?: boolean;
  className?: string;
};

const icons: Record<NoticeProps['tone'], IconName> = {
  bad: 'warning',
  warn: 'warning',
  info: 'info',
};

/** A box that explains something the person should know, with what can be done about it. */
export function Notice({ tone, title, children, alert = false, className }: NoticeProps) {
  return (
    <div
      className={classNames(styles.notice, styles[tone], className)}
      role={alert ? 'alert' : undefined}
    >
      <Icon name={icons[tone]} />
      <div className={styles.body}>
        <p className={styles.title}>{title}</p>
        {children}
      </div>
    </div>
  );
}
