import { useState } from 'react';
import type { Video } from '~/api/wire';
import { Button } from '~/ui/button';
import { Notice } from '~/ui/notice';
import styles from './failure.module.css';
import { LogDialog } from './log-dialog';
import { useVideoActions } from './use-video-actions';

/** Why a video is not there, and what can be done about it. */
export function Failure({ video }: { video: Video }) {
  const { act } = useVideoActions();
  const [logOpen, setLogOpen] = useState(false);
  const cancelled = video.status === 'cancelled';
  const title = cancelled
    ? 'Processing was cancelled'
    : (video.error?.message ?? 'The video could not be processed.');

  return (
    <Notice tone={cancelled ? 'info' : 'bad'} title={title}>
      {video.error?.hint && <p>{video.error.hint}</p>}
      <div className={styles.actions}>
        {(cancelled || video.error?.retryable) && (
          <Button icon="retry" onClick={() => act(video, 'retry')}>
            Try again
          </Button>
        )}
        <Button icon="log" onClick={() => setLogOpen(true)}>
          Show log
        </Button>
      </div>
      <LogDialog
        id={video.id}
        title={video.title}
        open={logOpen}
        following={false}
        onClose={() => setLogOpen(false)}
      />
    </Notice>
  );
}
