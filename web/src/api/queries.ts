import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { getSession } from './session';
import { getLog, getVideo, listVideos, type VideoFilter } from './videos';

/** What is cached under which key; features ask through these, so that events can find every copy. */
export const keys = {
  session: ['session'] as const,
  lists: ['videos'] as const,
  list: (filter: VideoFilter) => ['videos', filter] as const,
  videos: ['video'] as const,
  video: (id: string) => ['video', id] as const,
  log: (id: string) => ['log', id] as const,
};

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: ({ signal }) => getSession(signal),
  staleTime: Number.POSITIVE_INFINITY,
});

export function videosQuery(filter: VideoFilter) {
  return infiniteQueryOptions({
    queryKey: keys.list(filter),
    queryFn: ({ pageParam, signal }) => listVideos(filter, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function videoQuery(id: string) {
  return queryOptions({
    queryKey: keys.video(id),
    queryFn: ({ signal }) => getVideo(id, signal),
  });
}

export function logQuery(id: string) {
  return queryOptions({
    queryKey: keys.log(id),
    queryFn: ({ signal }) => getLog(id, signal),
    staleTime: 0,
  });
}
