import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError } from './problem';
import { editVideo, getVersionedVideo, listVideos } from './videos';

function answer(status: number, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const fetched = vi.fn(async (_path: string, _init: RequestInit) => {
    return new Response(status === 204 ? null : text, { status, headers });
  });
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

async function errorOf(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof ApiError) return error;
  throw new Error('no ApiError was thrown');
}

const video = { id: 'v1', title: 'T', status: 'ready', created_at: '2026-01-02T03:04:05Z' };

afterEach(() => vi.unstubAllGlobals());

describe('requests', () => {
  it('prove that they come from the page and name the version they edit', async () => {
    const fetched = answer(200, video);
    await editVideo('a/b', { title: 'New' }, '"3"');
    const [path, init] = fetched.mock.calls[0] ?? [];
    expect(path).toBe('/api/v1/videos/a%2Fb');
    expect(init).toMatchObject({ method: 'PATCH', body: '{"title":"New"}' });
    expect(init?.headers).toMatchObject({
      'X-Requested-With': 'streamforge',
      'If-Match': '"3"',
      'Content-Type': 'application/json',
    });
  });

  it('leave out filters that are not set', async () => {
    const fetched = answer(200, { items: [], next_cursor: null });
    await listVideos({ q: '', status: 'failed', visibility: null, sort: 'title' }, null);
    expect(fetched.mock.calls[0]?.[0]).toBe('/api/v1/videos?sort=title&limit=48&status=failed');
  });

  it('carry the entity tag back', async () => {
    answer(200, video, { ETag: '"9"' });
    expect((await getVersionedVideo('v1')).etag).toBe('"9"');
  });
});

describe('failures', () => {
  it('speak with the server’s words', async () => {
    answer(412, { code: 'changed', detail: 'It changed.', hint: 'Look again.', request_id: 'r1' });
    expect(await errorOf(editVideo('v1', {}, null))).toMatchObject({
      status: 412,
      code: 'changed',
      message: 'It changed.',
      hint: 'Look again.',
      requestId: 'r1',
    });
  });

  it('find words when the body has none', async () => {
    answer(502, '<html>Bad gateway</html>');
    expect((await errorOf(getVersionedVideo('v1'))).message).toBe('The server had a problem.');
  });

  it('tell a lost connection from a refusal', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    expect(await errorOf(getVersionedVideo('v1'))).toMatchObject({ status: 0, code: 'network' });
  });

  it('never let an answer of another shape into the page', async () => {
    answer(200, { ...video, status: 'melted' });
    expect(await errorOf(getVersionedVideo('v1'))).toMatchObject({ code: 'bad_answer' });
  });
});
