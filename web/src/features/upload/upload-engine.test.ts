import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeTransport } from './fake-transport';
import { UploadEngine } from './upload-engine';
import { titleOf } from './upload-job';
import { UploadRecords } from './upload-records';

const lost = { status: null, body: '', retryAfterMs: null };
let online = true;

function fileOf(name: string, size = 1_000): File {
  const file = new File([], name, { type: 'video/mp4', lastModified: 7 });
  Object.defineProperty(file, 'size', { value: size });
  return file;
}

function setUp() {
  const transport = new FakeTransport();
  const records = new UploadRecords(localStorage);
  const engine = new UploadEngine({ transport, records, isOnline: () => online });
  const first = () => {
    const item = engine.getState().items[0];
    if (!item) throw new Error('the list is empty');
    return item;
  };
  return { transport, engine, first };
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  online = true;
});
afterEach(() => {
  vi.useRealTimers();
});

describe('one upload', () => {
  it('goes from waiting to done and names its video', () => {
    const { transport, engine, first } = setUp();
    engine.add([fileOf('a.mp4')]);
    expect(first().phase).toBe('uploading');
    transport.last().events.onUrl('http://host/files/v123');
    transport.last().events.onProgress(400);
    vi.advanceTimersByTime(200);
    expect(first()).toMatchObject({ sent: 400, videoId: 'v123' });
    transport.last().events.onSuccess();
    expect(first()).toMatchObject({ phase: 'done', sent: 1_000 });
    expect(engine.isBusy()).toBe(false);
  });

  it('sends name, type, title and visibility along', () => {
    const { transport, engine } = setUp();
    engine.setVisibility('private');
    engine.add([fileOf('My_trip.mp4')]);
    expect(transport.last().source.metadata).toEqual({
      filename: 'My_trip.mp4',
      filetype: 'video/mp4',
      title: 'My trip',
      visibility: 'private',
    });
  });

  it('measures its speed over the last seconds', () => {
    const { transport, engine, first } = setUp();
    engine.add([fileOf('a.mp4', 100_000)]);
    for (let second = 0; second <= 4; second += 1) {
      transport.last().events.onProgress(second * 2_000);
      vi.advanceTimersByTime(1_000);
    }
    expect(first().bytesPerSecond).toBeCloseTo(2_000, 0);
  });

  it('pauses, and continues the same upload', () => {
    const { transport, engine, first } = setUp();
    engine.add([fileOf('a.mp4')]);
    transport.last().events.onUrl('/files/v1');
    engine.pause(first().key);
    expect(first().phase).toBe('paused');
    expect(transport.last().aborted).toBe(true);
    engine.resume(first().key);
    expect(transport.last().source.url).toBe('/files/v1');
    expect(first().phase).toBe('uploading');
  });

  it('is cancelled on the server too', () => {
    const { transport, engine, first } = setUp();
    engine.add([fileOf('a.mp4')]);
    transport.last().events.onUrl('/files/v1');
    engine.cancel(first().key);
    expect(transport.terminated).toEqual(['/files/v1']);
    expect(engine.getState().items).toEqual([]);
  });
});

describe('faults', () => {
  it('retries by itself with growing pauses and says why', () => {
    const { transport, engine, first } = setUp();
    online = false;
    engine.add([fileOf('a.mp4')]);
    transport.last().events.onFailure(lost);
    expect(first()).toMatchObject({ phase: 'retrying', reason: 'You are offline' });
    vi.advanceTimersByTime(1_000);
    expect(transport.attempts).toHaveLength(2);
    transport.last().events.onFailure(lost);
    vi.advanceTimersByTime(1_900);
    expect(transport.attempts).toHaveLength(2);
    vi.advanceTimersByTime(100);
    expect(transport.attempts).toHaveLength(3);
  });

  it('goes on at once when the network is back', () => {
    const { transport, engine, first } = setUp();
    engine.add([fileOf('a.mp4')]);
    transport.last().events.onFailure(lost);
    engine.wake();
    expect(transport.attempts).toHaveLength(2);
    expect(first().phase).toBe('uploading');
  });

  it('starts over when the server forgot the upload', () => {
    const { transport, engine, first } = setUp();
    engine.add([fileOf('a.mp4')]);
    transport.last().events.onUrl('/files/old');
    transport.last().events.onProgress(500);
    transport.last().events.onFailure({ ...lost, status: 404 });
    expect(first()).toMatchObject({ phase: 'retrying', sent: 0, videoId: null });
    vi.advanceTimersByTime(1_000);
    expect(transport.last().source.url).toBeNull();
  });

  it('stops at a refusal, shows it, and can be tried again', () => {
    const { transport, engine, first } = setUp();
    engine.add([fileOf('a.mp4')]);
    transport.last().events.onFailure({ ...lost, status: 413, body: '{"detail":"Too large."}' });
    expect(first()).toMatchObject({ phase: 'failed', reason: 'Too large.' });
    vi.advanceTimersByTime(60_000);
    expect(transport.attempts).toHaveLength(1);
    engine.resume(first().key);
    expect(first().phase).toBe('uploading');
  });

  it('notices a connection that neither moves nor ends', () => {
    const { transport, engine, first } = setUp();
    engine.add([fileOf('a.mp4')]);
    transport.last().events.onProgress(10);
    vi.advanceTimersByTime(45_000);
    expect(first().phase).toBe('retrying');
    expect(transport.attempts[0]?.aborted).toBe(true);
  });
});

describe('several uploads', () => {
  it('runs two at a time, in order', () => {
    const { transport, engine } = setUp();
    engine.add([fileOf('a.mp4'), fileOf('b.mp4'), fileOf('c.mp4')]);
    expect(engine.getState().items.map((item) => item.phase)).toEqual([
      'uploading',
      'uploading',
      'waiting',
    ]);
    transport.attempts[0]?.events.onSuccess();
    expect(transport.last().source.metadata.filename).toBe('c.mp4');
  });

  it('does not upload the same file twice at once', () => {
    const { engine } = setUp();
    engine.add([fileOf('a.mp4'), fileOf('a.mp4')]);
    expect(engine.getState().items).toHaveLength(1);
  });
});

describe('a reload', () => {
  function reloadMidway() {
    const before = setUp();
    before.engine.add([fileOf('a.mp4')]);
    before.transport.last().events.onProgress(600);
    before.transport.last().events.onUrl('/files/v1');
    before.engine.releaseClaims();
    return setUp();
  }

  it('shows what was unfinished, and continues when the file is chosen again', () => {
    const { transport, engine, first } = reloadMidway();
    expect(first()).toMatchObject({ phase: 'detached', name: 'a.mp4', sent: 600, videoId: 'v1' });
    expect(engine.attach(first().key, fileOf('other.mp4'))).toBe(false);
    expect(engine.attach(first().key, fileOf('a.mp4'))).toBe(true);
    expect(transport.last().source.url).toBe('/files/v1');
  });

  it('recognises the file when it is simply dropped', () => {
    const { transport, engine } = reloadMidway();
    engine.add([fileOf('a.mp4')]);
    expect(engine.getState().items).toHaveLength(1);
    expect(transport.last().source.url).toBe('/files/v1');
  });

  it('leaves alone what another tab is working on', () => {
    const other = setUp();
    other.engine.add([fileOf('a.mp4')]);
    other.transport.last().events.onUrl('/files/v1');
    expect(setUp().engine.getState().items).toEqual([]);
  });

  it('forgets what finished', () => {
    const before = setUp();
    before.engine.add([fileOf('a.mp4')]);
    before.transport.last().events.onUrl('/files/v1');
    before.transport.last().events.onSuccess();
    before.engine.releaseClaims();
    expect(setUp().engine.getState().items).toEqual([]);
  });
});

it.each([
  ['holiday.mp4', 'holiday'],
  ['my_trip.final.mov', 'my trip final'],
  ['.mp4', '.mp4'],
  ['no extension', 'no extension'],
])('titles %s as %s', (name, title) => expect(titleOf(name)).toBe(title));
