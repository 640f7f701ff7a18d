import type { Page } from '@playwright/test';
import { tallClip } from './support/clips';
import { expect, test, uploadReady } from './support/test';

const ladder: [string, number, number][] = [
  ['1080p', 1920, 1080],
  ['360p', 640, 360],
  ['720p', 1280, 720],
  ['480p', 854, 480],
];

let id = '';
test.beforeAll(async ({ playwright, session }) => {
  test.setTimeout(240_000);
  const request = await playwright.request.newContext({
    baseURL: session.url,
    storageState: session.state,
  });
  id = await uploadReady(request, tallClip(), 'Tall clip');
  await request.dispose();
});

function video(page: Page) {
  return page.locator('video');
}

function state(page: Page) {
  return video(page).evaluate((element: HTMLVideoElement) => ({
    time: element.currentTime,
    duration: element.duration,
    paused: element.paused,
    width: element.videoWidth,
    height: element.videoHeight,
    volume: element.volume,
    muted: element.muted,
    rate: element.playbackRate,
  }));
}

/** As a person may: perhaps before the player has its source, which ends this promise. */
async function play(page: Page): Promise<void> {
  await video(page).evaluate((element: HTMLVideoElement) => {
    element.loop = true;
    element.play().catch(() => undefined);
  });
}

async function watch(page: Page): Promise<void> {
  await page.goto(`/watch/${id}`);
  await play(page);
  await expect.poll(async () => (await state(page)).time).toBeGreaterThan(0.5);
}

test('the seek bar shows what is where', async ({ page }) => {
  await watch(page);
  const bar = page.getByRole('slider', { name: /seek/i });
  const box = await bar.evaluate((thumb: HTMLElement) => {
    const { x, y, width, height } = (thumb.parentElement ?? thumb).getBoundingClientRect();
    return { x, y, width, height };
  });
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const tile = page.locator('img[src*="storyboard/0.jpg"]');
  await expect(tile).toBeVisible();
  expect(
    await tile.evaluate((image: HTMLImageElement) => [image.complete, image.naturalWidth > 0]),
  ).toEqual([true, true]);
});

test('a rung as one file plays, and is sought in', async ({ page }) => {
  await page.goto('/');
  const seen = await page.evaluate(async (url) => {
    const element = document.createElement('video');
    element.muted = true;
    element.src = url;
    document.body.append(element);
    const until = (name: string) =>
      new Promise((resolve, reject) => {
        element.addEventListener(name, resolve, { once: true });
        element.addEventListener('error', () => reject(element.error?.message), { once: true });
      });
    const ended = until('ended');
    await element.play();
    element.currentTime = element.duration - 1;
    await until('seeked');
    await ended;
    const { totalVideoFrames, droppedVideoFrames } = element.getVideoPlaybackQuality();
    return {
      size: [element.videoWidth, element.videoHeight],
      end: element.currentTime - element.duration,
      frames: totalVideoFrames - droppedVideoFrames,
    };
  }, `/v/${id}/360p.mp4`);
  expect(seen.size).toEqual([640, 360]);
  expect(Math.abs(seen.end)).toBeLessThan(0.05);
  expect(seen.frames).toBeGreaterThan(0);
});

test('a card shows the poster', async ({ page }) => {
  await page.goto('/');
  const poster = page.locator(`img[src="/v/${id}/poster.jpg"]`);
  await expect(poster).toBeVisible();
  await expect
    .poll(() => poster.evaluate((image: HTMLImageElement) => image.naturalWidth))
    .toBeGreaterThan(0);
});

/** A few pixels of the picture, enough to see whether it moved. */
function picture(page: Page): Promise<string> {
  return video(page).evaluate((element: HTMLVideoElement) => {
    const canvas = document.createElement('canvas');
    canvas.width = 64;
    canvas.height = 36;
    const context = canvas.getContext('2d');
    context?.drawImage(element, 0, 0, 64, 36);
    return Array.from(context?.getImageData(0, 0, 64, 36).data ?? []).join();
  });
}

async function chooseQuality(page: Page, name: RegExp): Promise<void> {
  await video(page).hover();
  await page.getByRole('button', { name: /^Quality:/ }).click();
  await page.getByRole('menuitemradio', { name }).click();
}

test('time advances and the picture moves', async ({ page }) => {
  await watch(page);
  const first = { ...(await state(page)), picture: await picture(page) };
  await page.waitForTimeout(1_500);
  const second = { ...(await state(page)), picture: await picture(page) };
  expect(second.time).not.toBe(first.time);
  expect(second.picture).not.toBe(first.picture);
});

test('a Play pressed while the player is still loading is kept', async ({ page }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(/\/assets\/hls[^/]*\.js/, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`/watch/${id}`);
  await play(page);
  expect((await state(page)).paused).toBe(false);
  release();
  await expect.poll(async () => (await state(page)).time).toBeGreaterThan(0.5);
});

test('what the browser drops of what was loaded is loaded again', async ({ page }) => {
  await page.addInitScript(() => {
    const buffers: SourceBuffer[] = [];
    Object.assign(window, { buffers });
    const add = MediaSource.prototype.addSourceBuffer;
    MediaSource.prototype.addSourceBuffer = function (type) {
      const buffer = add.call(this, type);
      buffers.push(buffer);
      return buffer;
    };
  });
  await page.goto(`/watch/${id}`);
  const bufferedTo = () =>
    video(page).evaluate(({ buffered }: HTMLVideoElement) =>
      buffered.length > 0 ? buffered.end(buffered.length - 1) : 0,
    );
  const ended = () => video(page).evaluate((element: HTMLVideoElement) => element.ended);
  await video(page).evaluate((element: HTMLVideoElement) => {
    element.play().catch(() => undefined);
  });
  await expect.poll(bufferedTo).toBeGreaterThan(15.9);
  await page.evaluate(() => {
    for (const buffer of (window as unknown as { buffers: SourceBuffer[] }).buffers) {
      buffer.remove(8, Number.POSITIVE_INFINITY);
    }
  });
  await expect.poll(bufferedTo).toBeLessThan(9);
  await expect.poll(ended, { timeout: 60_000 }).toBe(true);
  expect((await state(page)).time).toBeGreaterThan(15.9);
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('each quality chosen in turn decodes at its own size, and Auto says what it is', async ({
  page,
}) => {
  await watch(page);
  for (const [name, width, height] of ladder) {
    await chooseQuality(page, new RegExp(`^${name}`));
    await expect(page.getByRole('button', { name: `Quality: ${name}` })).toBeVisible();
    await expect
      .poll(async () => (({ width, height }) => ({ width, height }))(await state(page)), {
        timeout: 30_000,
      })
      .toEqual({ width, height });
  }
  await chooseQuality(page, /^Auto/);
  await expect(page.getByRole('button', { name: /Quality: Auto \(\d+p\)/ })).toBeVisible();
});

test('the keyboard drives the player', async ({ page }) => {
  await watch(page);
  await page.keyboard.press('k');
  await expect.poll(async () => (await state(page)).paused).toBe(true);
  const { duration } = await state(page);
  const half = Math.round(duration / 2);
  const second = async () => Math.round((await state(page)).time);
  await page.keyboard.press('5');
  await expect.poll(second).toBe(half);
  await page.keyboard.press('ArrowLeft');
  await expect.poll(second).toBe(half - 5);
  await page.keyboard.press('ArrowRight');
  await expect.poll(second).toBe(half);
  await page.keyboard.press('0');
  await expect.poll(second).toBe(0);
  await page.keyboard.press('l');
  await expect.poll(second).toBe(10);
  await page.keyboard.press('j');
  await expect.poll(second).toBe(0);
  await page.keyboard.press('m');
  await expect.poll(async () => (await state(page)).muted).toBe(true);
  await page.keyboard.press('Shift+>');
  await expect.poll(async () => (await state(page)).rate).toBeGreaterThan(1);
  await page.keyboard.press('Space');
  await expect.poll(async () => (await state(page)).paused).toBe(false);
});

test('the volume is remembered', async ({ page }) => {
  await watch(page);
  await video(page).hover();
  await page.getByRole('slider', { name: 'Volume' }).focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('PageUp');
  const { volume } = await state(page);
  expect(volume).toBeLessThan(1);
  await page.reload();
  await expect.poll(async () => (await state(page)).volume).toBeCloseTo(volume, 2);
});

test('an unlisted video plays without an account, with nothing to manage it', async ({
  anonymous,
}) => {
  await watch(anonymous);
  await expect(anonymous.getByRole('heading', { name: 'Tall clip' })).toBeVisible();
  await expect(anonymous.getByRole('link', { name: 'Sign in' })).toBeVisible();
  await expect(anonymous.getByRole('button', { name: /^Actions for/ })).toHaveCount(0);
});

test('the embedded player plays by itself', async ({ anonymous }) => {
  await anonymous.goto(`/embed/${id}`);
  await anonymous.getByRole('button', { name: 'Play' }).first().click();
  await expect.poll(async () => (await state(anonymous)).time).toBeGreaterThan(0.5);
  await expect(anonymous.getByRole('navigation')).toHaveCount(0);
});

test('the link and the embed code can be copied', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto(`/watch/${id}`);
  await page.getByRole('button', { name: 'Share' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).last().click();
  const code = await page.evaluate(() => navigator.clipboard.readText());
  expect(code).toContain(`/embed/${id}"`);
  expect(code).toContain('title="Tall clip"');
});
