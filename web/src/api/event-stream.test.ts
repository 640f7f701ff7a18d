import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EventStream, type StreamState, type VideoEvent } from './event-stream';

const encoder = new TextEncoder();

/** One connection that the test feeds by hand. */
class Connection {
  readonly headers: Record<string, string>;
  readonly response: Response;
  private controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(init: RequestInit) {
    this.headers = init.headers as Record<string, string>;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.controller = controller;
      },
    });
    this.response = new Response(body);
    init.signal?.addEventListener('abort', () => this.controller?.error(new Error('aborted')));
  }

  say(text: string) {
    this.controller?.enqueue(encoder.encode(text));
  }

  end() {
    this.controller?.close();
  }
}

const connections: Connection[] = [];
const events: VideoEvent[] = [];
const states: StreamState[] = [];
let stream: EventStream;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    const connection = new Connection(init);
    connections.push(connection);
    return connection.response;
  });
  stream = new EventStream({
    onEvent: (event) => events.push(event),
    onState: (state) => states.push(state),
  });
  stream.start();
});

afterEach(() => {
  stream.stop();
  connections.length = 0;
  events.length = 0;
  states.length = 0;
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

it('delivers events and resumes after the last one', async () => {
  await settle();
  expect(states).toEqual(['live']);
  connections[0]?.say('id: 42\nevent: video.deleted\ndata: {"id":"v1"}\n\n');
  await settle();
  expect(events).toEqual([{ kind: 'deleted', id: 'v1' }]);

  connections[0]?.end();
  await settle();
  expect(states).toEqual(['live', 'polling']);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(connections[1]?.headers['Last-Event-ID']).toBe('42');
  expect(states.at(-1)).toBe('live');
});

it('takes silence for a dead connection, but comments for life', async () => {
  await settle();
  for (let beat = 0; beat < 5; beat += 1) {
    await vi.advanceTimersByTimeAsync(40_000);
    connections[0]?.say(': beat\n\n');
    await settle();
  }
  expect(connections).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(52_000);
  expect(connections).toHaveLength(2);
});

it('is quiet after stop', async () => {
  await settle();
  stream.stop();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(connections).toHaveLength(1);
  expect(states).toEqual(['live']);
});
