import type { Rendition, Video } from '~/api/wire';
import { formatBitrate, formatBytes, formatPercent, formatRemaining } from '~/ui/format';
import { ProgressBar } from '~/ui/progress-bar';
import styles from './encoding-panel.module.css';

/** The ladder: which sizes exist, how far each is made, what each costs. */
export function EncodingPanel({ video }: { video: Video }) {
  if (video.renditions.length === 0) return null;
  const making = video.status === 'processing' || video.status === 'uploading';
  return (
    <section className={styles.panel} aria-labelledby="ladder-title">
      <header className={styles.head}>
        <h2 id="ladder-title">{making ? 'Being made' : 'Qualities'}</h2>
        {making && (
          <span className={styles.total}>
            {formatPercent(video.progress)}
            {video.eta_ms !== null && `, ${formatRemaining(video.eta_ms)}`}
          </span>
        )}
      </header>
      <ul className={styles.rungs}>
        {video.renditions.map((rendition) => (
          <Rung key={rendition.name} rendition={rendition} making={making} />
        ))}
      </ul>
    </section>
  );
}

function Rung({ rendition, making }: { rendition: Rendition; making: boolean }) {
  const { segments_done: done, segments_total: total } = rendition;
  const share = total ? done / total : null;
  const bitrate = rendition.average_bps;
  return (
    <li className={styles.rung}>
      <span className={styles.name}>{rendition.name}</span>
      <span className={styles.note}>
        {rendition.mode === 'copy' ? 'as recorded' : `${rendition.width} × ${rendition.height}`}
        {rendition.quality &&
          `, SSIM ${rendition.quality.ssim.toFixed(3)}, ${rendition.quality.psnr_db.toFixed(1)} dB`}
      </span>
      <span className={styles.number}>
        {making && share !== null && share < 1
          ? `${done} of ${total} parts`
          : bitrate
            ? formatBitrate(bitrate)
            : rendition.bytes
              ? formatBytes(rendition.bytes)
              : ''}
      </span>
      {making && (
        <div className={styles.bar}>
          <ProgressBar value={share} label={`${rendition.name} made`} />
        </div>
      )}
    </li>
  );
}
