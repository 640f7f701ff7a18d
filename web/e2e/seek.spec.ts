import { longClip } from './support/clips';
import { expect, test, upload } from './support/test';

test('a jump in a video that is still being made begins with what is made soonest', async ({
  page,
  request,
}) => {
  test.setTimeout(180_000);
  const id = await upload(request, longClip(), 'Long clip');
  await expect
    .poll(async () => (await (await request.get(`/api/v1/videos/${id}`)).json()).playable)
    .toBe(true);
  const asked: string[] = [];
  page.on('request', (one) => {
    const part = /\/(\d+p)\/(\d+)\.ts$/.exec(one.url());
    if (part) asked.push(`${part[1]} ${part[2]}`);
  });
  await page.goto(`/watch/${id}`);
  const video = page.locator('video');
  await video.evaluate((element: HTMLVideoElement) => {
    element.muted = true;
    element.play().catch(() => undefined);
  });
  await expect
    .poll(() => asked.some((one) => !one.startsWith('360p ')), { timeout: 60_000 })
    .toBe(true);
  expect(asked[0]).toBe('360p 0');
  const shown = await video.evaluate(async (element: HTMLVideoElement) => {
    element.currentTime = 54;
    const begun = performance.now();
    for (let at = 0; at < 54; ) {
      at = await new Promise<number>((done) =>
        element.requestVideoFrameCallback((_, { mediaTime }) => done(mediaTime)),
      );
    }
    return performance.now() - begun;
  });
  test.info().annotations.push({ type: 'ms to the first frame', description: String(shown) });
  expect(asked.find((one) => one.endsWith(' 15'))).toBe('360p 15');
  await request.delete(`/api/v1/videos/${id}`);
});
