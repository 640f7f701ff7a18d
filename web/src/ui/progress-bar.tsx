import { classNames } from './class-names';
import styles from './progress-bar.module.css';

type ProgressBarProps = {
  /** 0–1; null while the end is unknown. */
  value: number | null;
  label: string;
  tone?: 'accent' | 'info' | 'calm' | 'bad';
};

export function ProgressBar({ value, label, tone = 'accent' }: ProgressBarProps) {
  const percent = value === null ? null : Math.floor(value * 100);
  return (
    <div
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent ?? undefined}
      className={classNames(styles.track, styles[tone], value === null && styles.unknown)}
    >
      <span className={styles.fill} style={{ transform: `scaleX(${value ?? 1})` }} />
    </div>
  );
}
