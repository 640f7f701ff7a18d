import { useQuery } from '@tanstack/react-query';
import { isActive, readySubtitles } from '~/api/describe';
import { messageOf } from '~/api/problem';
import { videoQuery } from '~/api/queries';
import { Notice } from '~/ui/notice';
import styles from './embed-page.module.css';
import { Player } from './player';
import { WaitingStage } from './waiting-stage';

const pollMs = 4_000;

/** Nothing but the player, for an iframe on another site. */
export function EmbedPage({ id }: { id: string }) {
  const query = useQuery({
    ...videoQuery(id),
    refetchInterval: (current) =>
      current.state.data && isActive(current.state.data) ? pollMs : false,
  });
  const video = query.data;
  return (
    <main className={styles.page}>
      {!video && query.isError && <Notice tone="bad" alert title={messageOf(query.error)} />}
      {video?.playable && video.hls_url ? (
        <Player
          url={video.hls_url}
          title={video.title}
          poster={video.poster_url}
          storyboard={video.storyboard_url}
          subtitles={readySubtitles(video)}
          autoPlay={false}
          making={isActive(video)}
        />
      ) : (
        video && (
          <WaitingStage
            video={video}
            failure={<Notice tone="bad" title="This video cannot be played." />}
          />
        )
      )}
    </main>
  );
}
