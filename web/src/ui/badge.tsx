import type { ReactNode } from 'react';
import styles from './badge.module.css';
import { classNames } from './class-names';

export type Tone = 'ok' | 'info' | 'accent' | 'bad' | 'calm';

type BadgeProps = { tone: Tone; live?: boolean; children: ReactNode };

/** A short state in words; the dot and the tone only repeat what the words say. */
export function Badge({ tone, live = false, children }: BadgeProps) {
  return (
    <span className={classNames(styles.badge, styles[tone])}>
      <span className={classNames(styles.dot, live && styles.live)} />
      {children}
    </span>
  );
}
