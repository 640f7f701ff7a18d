import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeTransport } from './fake-transport';
import { UploadEngine } from './upload-engine';
import type { ByteRange } from './upload-plan';
import { UploadRecords } from './upload-records';

const part = 16 * 1024 * 1024;
const size = 5 * part;

/** Parts of one size, so that these stories can count them; the index first, as it should be. */
vi.mock('./upload-plan', async (original) => {
  const plan = await original<typeof import('./upload-plan')>();
  return {
    ...plan,
    planParts: (bytes: number, index: ByteRange | null) => {
      const real = plan.planParts(bytes, index);
      const fresh = (begin: number, end: number) => ({
        ...{ begin, end: Math.min(end, bytes) },
        ...{ url: null, sent: 0, done: false },
      });
      const leader = index ? real.parts.slice(0, 1) : [];
      const parts = [];
      for (let at = 0; at < (leader[0]?.begin ?? bytes); at += part) {
        parts.push(fresh(at, Math.min(at + part, leader[0]?.begin ?? bytes)));
      }
      return { group: real.group, parts: [...leader, ...parts] };
    },
  };
});
const lost = { status: null, body: '', retryAfterMs: null };

/** Of a size that it has not: slices are as long as they should be, reads find `bytes`. */
function largeFile(name = 'large.mp4', bytes = new Blob([])): File {
  const file = new File([], name, { lastModified: 7 });
  const slice = (begin = 0, end = size) =>
    Object.defineProperty(bytes.slice(begin, end), 'size', { value: end - begin });
  return Object.defineProperties(file, { size: { value: size }, slice: { value: slice } });
}

function setUp() {
  const transport = new FakeTransport();
  const engine = new UploadEngine({
    transport,
    records: new UploadRecords(localStorage),
    isOnline: () => true,
  });
  const first = () => {
    const item = engine.getState().items[0];
    if (!item) throw new Error('the list is empty');
    return item;
  };
  return { transport, engine, first };
}

/** Where the parts of the attempts since `from` begin. */
function offsets(transport: FakeTransport, from = 0) {
  return transport.attempts.slice(from).map(({ source }) => Number(source.metadata.offset) / part);
}

/** Adds a file and waits until it was looked into. */
async function begin(file = largeFile()) {
  const page = setUp();
  page.engine.add([file]);
  await vi.waitFor(() => expect(page.transport.attempts).toHaveLength(1));
  return page;
}

/** The first three parts are created and on their way. */
async function beginThree() {
  const page = await begin();
  for (const index of [0, 1, 2]) page.transport.at(index).events.onUrl(`/files/p${index}`);
  return page;
}

function sendAll(transport: FakeTransport) {
  for (const index of [1, 0, 2, 3, 4]) {
    transport.at(index).events.onUrl(`/files/p${index}`);
    transport.at(index).events.onSuccess();
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a large file', () => {
  it('makes its group by one part, then sends three at once, in order', async () => {
    const { transport } = await begin();
    expect(transport.last().source).toMatchObject({ url: null, partial: true });
    expect(transport.last().source.metadata).toMatchObject({
      title: 'large',
      group: expect.stringMatching(/^[0-9a-f]{32}$/),
      offset: '0',
      total: String(size),
    });
    expect(transport.last().source.body.size).toBe(part);
    transport.last().events.onUrl('/files/p0');
    expect(offsets(transport)).toEqual([0, 1, 2]);
    const groups = new Set(transport.attempts.map(({ source }) => source.metadata.group));
    expect(groups.size).toBe(1);
    transport.at(1).events.onSuccess();
    expect(offsets(transport)).toEqual([0, 1, 2, 3]);
  });

  it('counts all its parts as one, and is done when they are joined', async () => {
    const { transport, engine, first } = await beginThree();
    transport.at(0).events.onProgress(100);
    transport.at(2).events.onProgress(50);
    vi.advanceTimersByTime(200);
    expect(first()).toMatchObject({ phase: 'uploading', sent: 150, videoId: null });
    sendAll(transport);
    expect(first().phase).toBe('uploading');
    expect(transport.lastJoin().urls).toEqual([0, 1, 2, 3, 4].map((n) => `/files/p${n}`));
    transport.lastJoin().events.onSuccess('/files/whole');
    expect(first()).toMatchObject({ phase: 'done', sent: size, videoId: 'whole' });
    engine.releaseClaims();
    expect(setUp().engine.getState().items).toEqual([]);
  });

  it('joins again, and sends nothing again, when the answer to that was lost', async () => {
    const { transport, first } = await beginThree();
    sendAll(transport);
    transport.lastJoin().events.onFailure(lost);
    expect(first().phase).toBe('retrying');
    vi.advanceTimersByTime(1_000);
    expect(transport.joins).toHaveLength(2);
    expect(transport.attempts).toHaveLength(5);
  });

  it('sends an index that stands behind the media first, alone', async () => {
    const boxes = new DataView(new ArrayBuffer(24 + size));
    const moov = 4 * part + 4096;
    for (const [at, bytes, type] of [
      [0, 24, 'ftyp'],
      [24, moov - 24, 'mdat'],
      [moov, size - moov, 'moov'],
    ] as const) {
      boxes.setUint32(at, bytes);
      for (const [n, letter] of [...type].entries())
        boxes.setUint8(at + 4 + n, letter.charCodeAt(0));
    }
    const { transport } = await begin(largeFile('end.mp4', new Blob([boxes])));
    expect(transport.last().source.metadata.offset).toBe(String(moov));
    transport.last().events.onUrl('/files/tail');
    expect(transport.attempts).toHaveLength(1);
    transport.last().events.onSuccess();
    expect(offsets(transport, 1)).toEqual([0, 1, 2]);
  });
});

describe('stopping in the middle', () => {
  it('sends nothing of a file that was cancelled while it was looked into', async () => {
    const { transport, engine, first } = setUp();
    engine.add([largeFile()]);
    engine.cancel(first().key);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(transport.attempts).toEqual([]);
  });

  it('ends the join too', async () => {
    const { transport, engine, first } = await beginThree();
    sendAll(transport);
    engine.pause(first().key);
    expect(transport.lastJoin().aborted).toBe(true);
  });

  it('pauses all parts and goes on with each', async () => {
    const { transport, engine, first } = await beginThree();
    transport.at(1).events.onSuccess();
    engine.pause(first().key);
    expect(transport.attempts.map(({ aborted }) => aborted)).toEqual([true, false, true, true]);
    engine.resume(first().key);
    expect(transport.attempts.slice(4).map(({ source }) => source.url)).toEqual([
      '/files/p0',
      '/files/p2',
      null,
    ]);
    expect(offsets(transport, 4)).toEqual([0, 2, 3]);
  });

  it('is cancelled with all parts, one that was being created too', async () => {
    const { transport, engine, first } = await beginThree();
    transport.at(0).events.onSuccess();
    engine.cancel(first().key);
    expect(transport.terminated).toEqual(['/files/p0', '/files/p1', '/files/p2']);
    transport.at(3).events.onUrl('/files/p3');
    expect(transport.terminated.at(-1)).toBe('/files/p3');
    expect(engine.getState().items).toEqual([]);
  });

  it('is cancelled as a video when its last byte has made it one', async () => {
    const { transport, engine, first } = await beginThree();
    sendAll(transport);
    engine.cancel(first().key);
    expect(transport.terminated).toEqual([]);
    transport.lastJoin().events.onSuccess('/files/whole');
    expect(transport.terminated).toEqual(['/files/whole']);
    expect(engine.getState().items).toEqual([]);
  });

  it('is cancelled as parts when it was no video yet', async () => {
    const { transport, engine, first } = await beginThree();
    sendAll(transport);
    engine.cancel(first().key);
    transport.lastJoin().events.onFailure({ ...lost, status: 400 });
    expect(transport.terminated).toEqual([0, 1, 2, 3, 4].map((n) => `/files/p${n}`));
  });

  it('keeps a part whose creation ended during the pause', async () => {
    const { transport, engine, first } = await begin();
    engine.pause(first().key);
    transport.last().events.onUrl('/files/p0');
    engine.resume(first().key);
    expect(transport.at(1).source.url).toBe('/files/p0');
    expect(transport.terminated).toEqual([]);
  });

  it('removes a part that was created twice', async () => {
    const { transport, engine, first } = await begin();
    engine.pause(first().key);
    engine.resume(first().key);
    transport.at(0).events.onUrl('/files/late');
    expect(transport.terminated).toEqual(['/files/late']);
    transport.at(1).events.onUrl('/files/p0');
    engine.pause(first().key);
    engine.resume(first().key);
    expect(transport.at(-3).source.url).toBe('/files/p0');
  });

  it('tries all again when one part fails', async () => {
    const { transport, first } = await beginThree();
    transport.at(1).events.onFailure(lost);
    expect(transport.attempts.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    expect(first()).toMatchObject({ phase: 'retrying', reason: 'The connection was lost' });
    vi.advanceTimersByTime(1_000);
    expect(offsets(transport, 3)).toEqual([0, 1, 2]);
  });

  it('begins a new group when the server forgot a part', async () => {
    const { transport, first } = await beginThree();
    const group = transport.at(0).source.metadata.group;
    transport.at(0).events.onProgress(500);
    transport.at(2).events.onFailure({ ...lost, status: 410 });
    expect(transport.terminated).toEqual(['/files/p0', '/files/p1', '/files/p2']);
    expect(first()).toMatchObject({ phase: 'retrying', sent: 0 });
    vi.advanceTimersByTime(1_000);
    await vi.waitFor(() => expect(transport.attempts).toHaveLength(4));
    expect(transport.last().source).toMatchObject({ url: null });
    expect(transport.last().source.metadata.group).not.toBe(group);
  });

  it('survives a reload: the group, each part, and what was done', async () => {
    const before = await beginThree();
    before.transport.at(0).events.onProgress(1_000);
    before.transport.at(1).events.onSuccess();
    before.transport.at(3).events.onUrl('/files/p3');
    before.engine.releaseClaims();
    const { transport, engine, first } = setUp();
    expect(first()).toMatchObject({ phase: 'detached', sent: 1_000 + part });
    engine.add([largeFile()]);
    expect(transport.attempts.map(({ source }) => source.url)).toEqual([
      '/files/p0',
      '/files/p2',
      '/files/p3',
    ]);
    expect(transport.last().source.metadata.group).toBe(
      before.transport.last().source.metadata.group,
    );
  });
});

it('leaves connections to the page: one large file and a small one at a time', async () => {
  const { transport, engine } = await beginThree();
  engine.add([largeFile('next.mp4'), new File(['x'], 'small.mp4')]);
  expect(engine.getState().items.map((item) => item.phase)).toEqual([
    'uploading',
    'waiting',
    'uploading',
  ]);
  expect(transport.attempts).toHaveLength(4);
});
