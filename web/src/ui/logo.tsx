import styles from './logo.module.css';

/** The mark: a play triangle cut into the four rungs of the ladder. */
function Rungs({ className }: { className: string | undefined }) {
  return (
    <g className={className}>
      <path d="M5 3v5.5h10.15z" />
      <path d="M5 10v5.25h22.6L17.9 10z" />
      <path d="M5 16.75V22h12.9l9.7-5.25z" />
      <path d="M5 23.5V29l10.15-5.5z" />
    </g>
  );
}

export function LogoMark({ size = 28 }: { size?: number }) {
  return (
    <svg aria-hidden="true" width={size} height={size} viewBox="0 0 32 32" focusable="false">
      <Rungs className={styles.rungs} />
    </svg>
  );
}

/** The mark as large as a page, for pages that have little else to show. */
export function LogoArt({ className }: { className: string | undefined }) {
  return (
    <svg aria-hidden="true" className={className} viewBox="5 3 24 26" focusable="false">
      <Rungs className={styles.art} />
    </svg>
  );
}

export function Logo() {
  return (
    <span className={styles.logo}>
      <LogoMark />
      <span className={styles.word}>
        Stream<b>Forge</b>
      </span>
    </span>
  );
}
