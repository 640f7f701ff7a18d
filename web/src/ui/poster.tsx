import { useState } from 'react';
import { classNames } from './class-names';
import styles from './poster.module.css';

type PosterProps = { src: string | null; seed: string; className?: string };

/** A small, stable hash, so that the same seed always gets the same picture. */
function hashOf(text: string): number {
  let hash = 2166136261;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
  }
  return hash >>> 0;
}

/** A picture, or while there is none, rungs of steel and ember that differ from seed to seed. */
export function Poster({ src, seed, className }: PosterProps) {
  const [broken, setBroken] = useState<string | null>(null);
  if (src && broken !== src) {
    return (
      <img
        src={src}
        alt=""
        loading="lazy"
        decoding="async"
        className={classNames(styles.poster, className)}
        onError={() => setBroken(src)}
      />
    );
  }
  const hash = hashOf(seed);
  const warm = hash % 4;
  return (
    <svg
      aria-hidden="true"
      focusable="false"
      viewBox="0 0 160 90"
      preserveAspectRatio="xMidYMid slice"
      className={classNames(styles.poster, styles.made, className)}
    >
      <g transform={`translate(${24 + ((hash >>> 4) % 36)} 0) skewX(-${18 + (hash % 13)})`}>
        {[0, 1, 2, 3].map((rung) => {
          const width = 34 + (((hash >>> (rung * 5)) & 31) * 72) / 31;
          return (
            <rect
              key={rung}
              x={10 + ((hash >>> (rung * 3 + 7)) & 15)}
              y={13 + rung * 17}
              width={width}
              height="12"
              rx="2"
              className={rung === warm ? styles.ember : styles.steel}
              opacity={rung === warm ? 1 : 0.35 + ((hash >>> (rung * 6)) % 5) / 10}
            />
          );
        })}
      </g>
    </svg>
  );
}
