import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import { statusBadge, statusShare } from '~/api/describe';
import type { Video } from '~/api/wire';
import { Badge } from '~/ui/badge';
import { classNames } from '~/ui/class-names';
import { formatDuration } from '~/ui/format';
import { Poster } from '~/ui/poster';
import { ProgressBar } from '~/ui/progress-bar';
import styles from './video-card.module.css';
import { VideoActivity, VideoMeta } from './video-facts';
import { VideoMenu } from './video-menu';

export type LibraryView = 'grid' | 'list';

type VideoCardProps = { video: Video; view: LibraryView; manages: boolean };

/** One video in the library, as a card or as a row; the whole picture and title lead to it. */
export const VideoCard = memo(function VideoCard({ video, view, manages }: VideoCardProps) {
  const badge = statusBadge(video);
  const share = statusShare(video);
  return (
    <li
      className={classNames(styles.card, view === 'list' && styles.row)}
      data-status={video.status}
      data-video-id={video.id}
    >
      <div className={styles.picture}>
        <Poster src={video.poster_url} seed={video.id} />
        {video.duration_ms ? (
          <span className={styles.duration}>{formatDuration(video.duration_ms)}</span>
        ) : null}
        {share !== null && (
          <div className={styles.progress}>
            <ProgressBar
              value={share}
              label={`${video.title}: ${badge.text}`}
              tone={video.status === 'uploading' ? 'info' : 'accent'}
            />
          </div>
        )}
      </div>
      <div className={styles.words}>
        <h3 className={styles.title}>
          <Link to="/watch/$id" params={{ id: video.id }}>
            {video.title}
          </Link>
        </h3>
        <VideoMeta video={video} />
        <VideoActivity video={video} />
      </div>
      <div className={styles.badge}>
        <Badge tone={badge.tone} live={badge.live}>
          {badge.text}
        </Badge>
      </div>
      {manages && (
        <div className={styles.menu}>
          <VideoMenu video={video} />
        </div>
      )}
    </li>
  );
});
