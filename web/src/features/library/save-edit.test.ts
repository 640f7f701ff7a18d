import { afterEach, expect, it, vi } from 'vitest';
import { ApiError } from '~/api/problem';
import { sampleVideo } from '~/api/sample-video';
import type { Video } from '~/api/wire';
import { saveEdit } from './save-edit';

/** A server with one video, which `meanwhile` may change before each PATCH arrives. */
function serve(meanwhile: (video: Video, patches: number) => Video) {
  let video = sampleVideo();
  let revision = 1;
  let patches = 0;
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    const json = (status: number) =>
      new Response(JSON.stringify(video), { status, headers: { ETag: `"r${revision}"` } });
    if (init.method !== 'PATCH') return json(200);
    patches += 1;
    const changed = meanwhile(video, patches);
    if (changed !== video) revision += 1;
    video = changed;
    const sent = new Headers(init.headers).get('If-Match');
    if (sent !== `"r${revision}"`) return new Response('{}', { status: 412 });
    video = { ...video, ...JSON.parse(String(init.body)) };
    return json(200);
  });
}

const start = { video: sampleVideo(), etag: '"r1"' };

afterEach(() => vi.unstubAllGlobals());

it('is not disturbed by progress', async () => {
  serve((video, patches) => (patches < 4 ? { ...video, progress: patches / 10 } : video));
  expect(await saveEdit(start, { title: 'New' })).toMatchObject({ title: 'New', progress: 0.3 });
});

it('never overwrites what another person wrote', async () => {
  serve((video) => ({ ...video, description: 'Theirs' }));
  const error = await saveEdit(start, { title: 'New' }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 412 });
});

it('gives up on a video that never holds still', async () => {
  serve((video, patches) => ({ ...video, progress: patches / 100 }));
  await expect(saveEdit(start, { title: 'New' })).rejects.toMatchObject({ status: 412 });
});
