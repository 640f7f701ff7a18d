import { useQuery } from '@tanstack/react-query';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { isActive, readySubtitles, statusBadge, visibilityWords } from '~/api/describe';
import { messageOf } from '~/api/problem';
import { videoQuery } from '~/api/queries';
import type { Video } from '~/api/wire';
import { Badge } from '~/ui/badge';
import { Button, IconButton } from '~/ui/button';
import { formatAgo, formatDate } from '~/ui/format';
import { Notice } from '~/ui/notice';
import { Details } from './details';
import { EncodingPanel } from './encoding-panel';
import { HotkeysDialog } from './hotkeys-dialog';
import { ShareDialog } from './share-dialog';
import { WaitingStage } from './waiting-stage';
import styles from './watch-page.module.css';

const Player = lazy(() => import('./player').then((module) => ({ default: module.Player })));

type WatchPageProps = {
  id: string;
  /** How often to ask while the video moves and no events arrive; false when they do. */
  pollMs: number | false;
  /** What a person who may manage the video can do to it. */
  actions: (video: Video) => ReactNode;
  /** Shown in place of the picture of a failed video. */
  failure: (video: Video) => ReactNode;
  /** Shown when there is no such video, or not for this person. */
  missing: ReactNode;
};

export function WatchPage({ id, pollMs, actions, failure, missing }: WatchPageProps) {
  const query = useQuery({
    ...videoQuery(id),
    refetchInterval: (current) =>
      pollMs !== false && current.state.data && isActive(current.state.data) ? pollMs : false,
  });
  const video = query.data;
  if (!video && query.isError) {
    return (
      <div className={styles.missing}>
        <Notice tone="bad" alert title={messageOf(query.error)} />
        {missing}
      </div>
    );
  }
  return (
    <article className={styles.page}>
      <div className={styles.screen}>
        {video && <Screen video={video} failure={failure(video)} />}
      </div>
      {video && <About video={video} actions={actions(video)} />}
    </article>
  );
}

function Screen({ video, failure }: { video: Video; failure: ReactNode }) {
  if (!video.playable || !video.hls_url || video.status === 'failed') {
    return <WaitingStage video={video} failure={failure} />;
  }
  return (
    <Suspense fallback={null}>
      <Player
        url={video.hls_url}
        title={video.title}
        poster={video.poster_url}
        storyboard={video.storyboard_url}
        subtitles={readySubtitles(video)}
        autoPlay
        making={isActive(video)}
      />
    </Suspense>
  );
}

function About({ video, actions }: { video: Video; actions: ReactNode }) {
  const [dialog, setDialog] = useState<'share' | 'keys' | null>(null);
  const badge = statusBadge(video);
  return (
    <div className={styles.about}>
      <title>{`${video.title} – StreamForge`}</title>
      <div className={styles.main}>
        <header className={styles.head}>
          <h1>{video.title}</h1>
          <div className={styles.actions}>
            <Button icon="link" onClick={() => setDialog('share')}>
              Share
            </Button>
            <IconButton
              icon="keyboard"
              label="Keyboard shortcuts"
              onClick={() => setDialog('keys')}
            />
            {actions}
          </div>
        </header>
        <p className={styles.meta}>
          {video.status !== 'ready' && (
            <Badge tone={badge.tone} live={badge.live}>
              {badge.text}
            </Badge>
          )}
          <span>{visibilityWords[video.visibility].label}</span>
          <time dateTime={video.created_at} title={formatDate(video.created_at)}>
            {formatAgo(video.created_at)}
          </time>
        </p>
        {video.warnings.map((warning) => (
          <Notice key={warning} tone="warn" title={warning} />
        ))}
        {video.description && <p className={styles.description}>{video.description}</p>}
      </div>
      <div className={styles.side}>
        <EncodingPanel video={video} />
        <Details video={video} />
      </div>
      <ShareDialog video={video} open={dialog === 'share'} onClose={() => setDialog(null)} />
      <HotkeysDialog open={dialog === 'keys'} onClose={() => setDialog(null)} />
    </div>
  );
}
