import styles from './ladder-meter.module.css';

export type Rung = { name: string; value: number };

/**
 * The mark of the house as a meter: one bar a rung, filled as far as it is made. A picture of
 * numbers that stand beside it in words, so it is hidden from assistive technology.
 */
export function LadderMeter({ rungs }: { rungs: Rung[] }) {
  return (
    <span className={styles.ladder} aria-hidden="true">
      {rungs.map((rung) => (
        <span key={rung.name} className={styles.rung}>
          <span className={styles.fill} style={{ transform: `scaleX(${rung.value})` }} />
        </span>
      ))}
    </span>
  );
}
