import { useInfiniteQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { isActive } from '~/api/describe';
import { messageOf } from '~/api/problem';
import { videosQuery } from '~/api/queries';
import type { VideoFilter } from '~/api/videos';
import { Button } from '~/ui/button';
import { classNames } from '~/ui/class-names';
import { Notice } from '~/ui/notice';
import styles from './library-page.module.css';
import { Toolbar } from './toolbar';
import { type LibraryView, VideoCard } from './video-card';

type LibraryPageProps = {
  filter: VideoFilter;
  onFilter: (change: Partial<VideoFilter>) => void;
  /** How often to ask while videos move and no events arrive; false when they do. */
  pollMs: number | false;
  /** Whether this person may change videos. */
  manages: boolean;
  /** What an empty library shows. */
  empty: ReactNode;
};

const viewKey = 'sf.view';

function useView() {
  const [view, setView] = useState<LibraryView>(() =>
    localStorage.getItem(viewKey) === 'list' ? 'list' : 'grid',
  );
  return [
    view,
    (next: LibraryView) => {
      localStorage.setItem(viewKey, next);
      setView(next);
    },
  ] as const;
}

export function LibraryPage(props: LibraryPageProps) {
  const { filter, onFilter, pollMs, manages, empty } = props;
  const [view, setView] = useView();
  const list = useInfiniteQuery({
    ...videosQuery(filter),
    placeholderData: (previous) => previous,
    refetchInterval: (query) => {
      const videos = query.state.data?.pages.flatMap((page) => page.items) ?? [];
      return pollMs !== false && videos.some(isActive) ? pollMs : false;
    },
  });
  const videos = list.data?.pages.flatMap((page) => page.items) ?? [];
  const filtered = filter.q !== '' || filter.status !== null || filter.visibility !== null;

  if (list.isSuccess && videos.length === 0 && !filtered) return empty;
  return (
    <section className={styles.page} aria-labelledby="library-title">
      <h1 id="library-title" className={styles.title}>
        Library
      </h1>
      <Toolbar filter={filter} onFilter={onFilter} view={view} onView={setView} />
      {list.isError && (
        <Notice tone="bad" alert title={messageOf(list.error)}>
          <div>
            <Button icon="retry" onClick={() => void list.refetch()}>
              Try again
            </Button>
          </div>
        </Notice>
      )}
      {list.isPending && <Skeleton />}
      {list.isSuccess && videos.length === 0 && (
        <div className={styles.nothing} role="status">
          <h2>Nothing matches</h2>
          <Button onClick={() => onFilter({ q: '', status: null, visibility: null })}>
            Show everything
          </Button>
        </div>
      )}
      <ul className={classNames(view === 'grid' ? styles.grid : styles.list)}>
        {videos.map((video) => (
          <VideoCard key={video.id} video={video} view={view} manages={manages} />
        ))}
      </ul>
      {list.hasNextPage && (
        <MoreButton busy={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} />
      )}
    </section>
  );
}

/** Loads on when it scrolls into sight; a plain button for everyone else. */
function MoreButton({ busy, onMore }: { busy: boolean; onMore: () => void }) {
  const anchor = useRef<HTMLDivElement>(null);
  const latest = useRef(onMore);
  latest.current = onMore;
  useEffect(() => {
    const element = anchor.current;
    if (!element || busy) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && latest.current(),
      { rootMargin: '600px' },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [busy]);
  return (
    <div ref={anchor} className={styles.more}>
      <Button busy={busy} onClick={onMore}>
        {busy ? 'Loading…' : 'Show more'}
      </Button>
    </div>
  );
}

function Skeleton() {
  return (
    <div className={styles.grid} role="status" aria-label="Loading videos">
      {['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((key) => (
        <div key={key} className={styles.ghost} />
      ))}
    </div>
  );
}
