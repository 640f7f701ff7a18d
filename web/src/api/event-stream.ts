import * as v from 'valibot';
import { basePath } from './base-path';
import { EventParser, type ServerEvent } from './event-parser';
import { type Video, VideoSchema } from './wire';

/**
 * What the page is told: a video as it is now, that one is gone, or (`reset`) that events were
 * missed and everything must be asked for again.
 */
export type VideoEvent =
  | { kind: 'changed'; video: Video }
  | { kind: 'deleted'; id: string }
  | { kind: 'reset' };

/** `live`: events arrive. `polling`: they do not, so whoever shows videos must ask. */
export type StreamState = 'live' | 'polling';

type Listener = {
  onEvent: (event: VideoEvent) => void;
  onState: (state: StreamState) => void;
};

const ChangedSchema = v.object({ video: VideoSchema });
const DeletedSchema = v.union([
  v.object({ id: v.string() }),
  v.pipe(
    v.object({ video: v.object({ id: v.string() }) }),
    v.transform((body) => ({ id: body.video.id })),
  ),
]);

const retryFirstMs = 1_000;
const retryMaxMs = 30_000;
/** The server writes a comment at least every 15 s; three of them missing is a dead connection. */
const silenceMaxMs = 50_000;

/**
 * Follows /api/v1/events with fetch instead of EventSource, because EventSource can neither set
 * Last-Event-ID on a fresh connection nor see why it was refused. Reconnects with growing pauses
 * until stopped. Belongs to the page that started it; one listener.
 */
export class EventStream {
  private readonly listener: Listener;
  private abort: AbortController | null = null;
  private lastEventId: string | null = null;

  constructor(listener: Listener) {
    this.listener = listener;
  }

  start(): void {
    if (this.abort) return;
    this.abort = new AbortController();
    void this.run(this.abort.signal);
  }

  stop(): void {
    this.abort?.abort();
    this.abort = null;
  }

  private async run(signal: AbortSignal): Promise<void> {
    let retryMs = retryFirstMs;
    while (!signal.aborted) {
      const wasLive = await this.follow(signal);
      if (signal.aborted) return;
      this.listener.onState('polling');
      if (wasLive) retryMs = retryFirstMs;
      await pause(retryMs * (0.75 + Math.random() / 2), signal);
      retryMs = Math.min(retryMs * 2, retryMaxMs);
    }
  }

  /** One connection, until it ends in whatever way; true when it had been open. */
  private async follow(signal: AbortSignal): Promise<boolean> {
    const connection = new AbortController();
    const end = () => connection.abort();
    signal.addEventListener('abort', end);
    let watchdog = setTimeout(end, silenceMaxMs);
    let open = false;
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      if (this.lastEventId) headers['Last-Event-ID'] = this.lastEventId;
      const url = `${basePath}/api/v1/events`;
      const response = await fetch(url, { headers, signal: connection.signal });
      if (!response.ok || !response.body) return false;
      open = true;
      this.listener.onState('live');
      const parser = new EventParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return open;
        clearTimeout(watchdog);
        watchdog = setTimeout(end, silenceMaxMs);
        for (const event of parser.push(value)) this.deliver(event);
      }
    } catch {
      return open;
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener('abort', end);
    }
  }

  private deliver(event: ServerEvent): void {
    if (event.id) this.lastEventId = event.id;
    const parsed = parseVideoEvent(event);
    if (parsed) this.listener.onEvent(parsed);
  }
}

/** Understands one event; null for names and bodies this page does not know. */
export function parseVideoEvent(event: ServerEvent): VideoEvent | null {
  if (event.name === 'reset') return { kind: 'reset' };
  if (!event.name.startsWith('video.')) return null;
  let body: unknown;
  try {
    body = JSON.parse(event.data);
  } catch {
    return null;
  }
  if (event.name === 'video.deleted') {
    const deleted = v.safeParse(DeletedSchema, body);
    return deleted.success ? { kind: 'deleted', id: deleted.output.id } : null;
  }
  const changed = v.safeParse(ChangedSchema, body);
  return changed.success ? { kind: 'changed', video: changed.output.video } : null;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
