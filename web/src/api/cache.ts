import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import type { VideoEvent } from './event-stream';
import { keys } from './queries';
import type { VideoFilter } from './videos';
import type { Video, VideoPage } from './wire';

type Pages = InfiniteData<VideoPage, string | null>;

/** Whether a list made with `filter` would hold `video`, as far as the page can tell. */
export function matches(video: Video, filter: VideoFilter): boolean {
  if (filter.status && video.status !== filter.status) return false;
  if (filter.visibility && video.visibility !== filter.visibility) return false;
  return !filter.q || video.title.toLowerCase().includes(filter.q.toLowerCase());
}

function replaceIn(pages: Pages, video: Video): Pages | null {
  let found = false;
  const next = pages.pages.map((page) => {
    if (!page.items.some((item) => item.id === video.id)) return page;
    found = true;
    return { ...page, items: page.items.map((item) => (item.id === video.id ? video : item)) };
  });
  return found ? { ...pages, pages: next } : null;
}

function removeFrom(pages: Pages, id: string): Pages {
  if (!pages.pages.some((page) => page.items.some((item) => item.id === id))) return pages;
  return {
    ...pages,
    pages: pages.pages.map((page) => ({
      ...page,
      items: page.items.filter((item) => item.id !== id),
    })),
  };
}

function prependTo(pages: Pages, video: Video): Pages {
  const [first, ...others] = pages.pages;
  if (!first) return pages;
  return { ...pages, pages: [{ ...first, items: [video, ...first.items] }, ...others] };
}

function updateList(pages: Pages, filter: VideoFilter, video: Video): Pages {
  if (!matches(video, filter)) return removeFrom(pages, video.id);
  const replaced = replaceIn(pages, video);
  if (replaced) return replaced;
  // Only the newest-first order tells where an unknown video belongs without asking.
  return filter.sort === '-created_at' && !filter.q ? prependTo(pages, video) : pages;
}

/** Puts a video as it is now into every cached list and its own entry. */
export function putVideo(client: QueryClient, video: Video): void {
  client.setQueryData(keys.video(video.id), video);
  for (const [key, pages] of client.getQueriesData<Pages>({ queryKey: keys.lists })) {
    const filter = key[1] as VideoFilter | undefined;
    if (pages && filter) client.setQueryData<Pages>(key, updateList(pages, filter, video));
  }
}

/** Takes a video out of every cached list; its own entry is asked anew if someone looks at it. */
export function dropVideo(client: QueryClient, id: string): void {
  client.setQueriesData<Pages>({ queryKey: keys.lists }, (pages) => pages && removeFrom(pages, id));
  void client.invalidateQueries({ queryKey: keys.video(id) });
}

/** Asks for everything that is on the screen again, because events may have been missed. */
export function refreshVideos(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: keys.lists });
  void client.invalidateQueries({ queryKey: keys.videos });
}

export function applyEvent(client: QueryClient, event: VideoEvent): void {
  if (event.kind === 'reset') refreshVideos(client);
  else if (event.kind === 'deleted') dropVideo(client, event.id);
  else if (event.video.deleted_at !== null) dropVideo(client, event.video.id);
  else putVideo(client, event.video);
}
