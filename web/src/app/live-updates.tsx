import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useEffect, useState } from 'react';
import { applyEvent, refreshVideos } from '~/api/cache';
import { EventStream, type StreamState, type VideoEvent } from '~/api/event-stream';
import { keys, sessionQuery } from '~/api/queries';
import { mayBrowse } from '~/api/session';
import type { Video } from '~/api/wire';
import { announce } from '~/ui/announcer';

const pollMs = 4_000;
/** A tab nobody looks at gives its connection back; browsers allow only six to one host. */
const hiddenMs = 30_000;

const StateContext = createContext<StreamState>('polling');

/** Keeps every cached video as the server has it, by events where they come. */
export function LiveUpdates({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const session = useQuery(sessionQuery);
  const allowed = session.data !== undefined && mayBrowse(session.data);
  const [state, setState] = useState<StreamState>('polling');

  useEffect(() => {
    if (!allowed) return;
    const stream = new EventStream({
      onEvent: (event) => {
        announceEnd(client, event);
        applyEvent(client, event);
      },
      onState: (next) => {
        setState(next);
        // Whatever happened while no events came is asked for once.
        if (next === 'live') refreshVideos(client);
      },
    });
    stream.start();
    let hiddenTimer: ReturnType<typeof setTimeout> | undefined;
    function followVisibility() {
      clearTimeout(hiddenTimer);
      if (document.visibilityState === 'visible') stream.start();
      else hiddenTimer = setTimeout(() => stream.stop(), hiddenMs);
    }
    document.addEventListener('visibilitychange', followVisibility);
    return () => {
      clearTimeout(hiddenTimer);
      document.removeEventListener('visibilitychange', followVisibility);
      stream.stop();
      setState('polling');
    };
  }, [allowed, client]);

  return <StateContext value={state}>{children}</StateContext>;
}

/** How often a page must ask by itself: false while events arrive. */
export function usePollMs(): number | false {
  return use(StateContext) === 'live' ? false : pollMs;
}

/** Says when something a person waits for has ended, wherever on the site they are. */
function announceEnd(client: QueryClient, event: VideoEvent): void {
  if (event.kind !== 'changed') return;
  const { video } = event;
  const before = client.getQueryData<Video>(keys.video(video.id));
  if (!before || before.status === video.status) return;
  if (video.status === 'ready') announce(`${video.title} is ready`);
  if (video.status === 'failed') announce(`${video.title} failed: ${video.error?.message ?? ''}`);
}
