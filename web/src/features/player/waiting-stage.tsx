import type { ReactNode } from 'react';
import { receivedShare, rungShares, statusBadge } from '~/api/describe';
import type { Video } from '~/api/wire';
import { formatBytes, formatPercent, formatRemaining } from '~/ui/format';
import { ProgressBar } from '~/ui/progress-bar';
import styles from './waiting-stage.module.css';

type WaitingStageProps = { video: Video; failure: ReactNode };

/** Stands where the picture will be, and says truthfully what is still missing. */
export function WaitingStage({ video, failure }: WaitingStageProps) {
  if (video.status === 'failed' || video.status === 'cancelled') {
    return (
      <div className={styles.stage}>
        <div className={styles.failure}>{failure}</div>
      </div>
    );
  }
  const share = video.status === 'uploading' ? receivedShare(video) : video.progress;
  return (
    <div className={styles.stage}>
      <Rungs rungs={rungShares(video)} />
      <h2 className={styles.title}>{statusBadge(video).text}</h2>
      <p className={styles.text}>{explanation(video)}</p>
      {video.status !== 'queued' && (
        <div className={styles.bar}>
          <ProgressBar value={share} label={statusBadge(video).text} />
        </div>
      )}
    </div>
  );
}

function explanation(video: Video): string {
  if (video.status === 'uploading' && video.source?.bytes) {
    const { received_bytes: received, bytes } = video.source;
    return `${formatBytes(received)} of ${formatBytes(bytes)} are here. Playing starts by itself.`;
  }
  if (video.status === 'queued') {
    const place = video.queue_position ? ` It is number ${video.queue_position} in line.` : '';
    return `Waiting for a free worker.${place} Playing starts by itself.`;
  }
  const rest = video.eta_ms === null ? '' : ` ${formatRemaining(video.eta_ms)}.`;
  return `${formatPercent(video.progress)} is made.${rest} Playing starts by itself.`;
}

function Rungs({ rungs }: { rungs: { name: string; value: number }[] }) {
  const shown = rungs.length > 0 ? rungs : ['1', '2', '3', '4'].map((name) => ({ name, value: 0 }));
  return (
    <div className={styles.rungs} aria-hidden="true">
      {shown.slice(0, 4).map((rung) => (
        <span key={rung.name} className={styles.rung}>
          <span style={{ transform: `scaleX(${rung.value})` }} />
        </span>
      ))}
    </div>
  );
}
