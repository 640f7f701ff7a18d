import { heightName, receivedShare, rungShares, visibilityWords } from '~/api/describe';
import type { Video } from '~/api/wire';
import { formatAgo, formatBytes, formatDate, formatRemaining } from '~/ui/format';
import { Icon, type IconName } from '~/ui/icons';
import { LadderMeter } from '~/ui/ladder-meter';
import styles from './video-facts.module.css';

const visibilityIcons: Record<Video['visibility'], IconName> = {
  public: 'globe',
  unlisted: 'link',
  private: 'lock',
};

/** When it came, who may see it, how large it is: the line under a title. */
export function VideoMeta({ video }: { video: Video }) {
  const words = visibilityWords[video.visibility];
  const size = heightName(video);
  return (
    <span className={styles.meta}>
      <span className={styles.visibility} title={words.meaning}>
        <Icon name={visibilityIcons[video.visibility]} size={14} />
        {words.label}
      </span>
      <time dateTime={video.created_at} title={formatDate(video.created_at)}>
        {formatAgo(video.created_at)}
      </time>
      {size && <span>{size}</span>}
      {video.source?.bytes ? <span>{formatBytes(video.source.bytes)}</span> : null}
    </span>
  );
}

/** What is going on with a video that is not simply ready; null when there is nothing to say. */
export function VideoActivity({ video }: { video: Video }) {
  const text = activityText(video);
  if (!text) return null;
  return (
    <span className={styles.activity}>
      {video.status === 'processing' && <LadderMeter rungs={rungShares(video)} />}
      <span>{text}</span>
    </span>
  );
}

function activityText(video: Video): string | null {
  switch (video.status) {
    case 'uploading': {
      const source = video.source;
      if (!source?.bytes || receivedShare(video) === null) return 'Waiting for bytes';
      return `${formatBytes(source.received_bytes)} of ${formatBytes(source.bytes)} received`;
    }
    case 'queued':
      return video.queue_position ? `Number ${video.queue_position} in the queue` : 'In the queue';
    case 'processing': {
      if (video.paused) return 'Processing is paused';
      const rest =
        video.eta_ms === null ? 'Estimating the time left' : formatRemaining(video.eta_ms);
      return video.playable ? `${rest}, can be watched already` : rest;
    }
    case 'failed':
      return video.error?.message ?? 'The video could not be processed.';
    case 'cancelled':
      return 'Processing was cancelled';
    case 'ready':
      return video.warnings[0] ?? null;
  }
}
