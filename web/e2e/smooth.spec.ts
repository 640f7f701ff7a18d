import type { Page } from '@playwright/test';
import { countedClip, countedFps, countedSeconds } from './support/clips';
import { expect, test, uploadReady } from './support/test';

/** Longest that time, or the picture, may stand still while it plays. */
const haltMs = 250;
/** Longest that a picture may take to be shown after a jump. */
const againMs = 1_000;
const triesMax = 3;

/** A picture shown; `number` is what was read in it, at `readAt` seconds of the video. */
type Frame = {
  nowMs: number;
  mediaTime: number;
  height: number;
  number: number;
  readAt: number;
  presented: number;
  dropped: number;
};
/** `fed`: what is to be shown within the next quarter of a second is there. */
type Tick = { nowMs: number; time: number; playing: boolean; fed: boolean };
type Happening = { nowMs: number; name: string };
type Record = { frames: Frame[]; ticks: Tick[]; happenings: Happening[] };

/** What happens to a video of the pages opened from here on, until `take` empties it. */
async function recordHappenings(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const seen: Record = { frames: [], ticks: [], happenings: [] };
    Object.assign(window, { seen });
    // A page that may play by itself does so before a test can find its video.
    for (const name of ['waiting', 'seeking', 'playing', 'error', 'ended']) {
      const happened = () => seen.happenings.push({ nowMs: performance.now(), name });
      document.addEventListener(name, happened, { capture: true });
    }
  });
}

/** Keeps what the video of `page` shows from here on, in the page, until `take` empties it. */
function recordPictures(page: Page): Promise<void> {
  return page.locator('video').evaluate((video: HTMLVideoElement) => {
    const { seen } = window as unknown as { seen: Record };
    // The upper quarter of each picture is its number, the lowest of 12 bits left.
    const canvas = new OffscreenCanvas(12, 1);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const look = (nowMs: number, shown: VideoFrameCallbackMetadata) => {
      context?.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 4, 0, 0, 12, 1);
      const pixels = context?.getImageData(0, 0, 12, 1).data ?? [];
      let number = 0;
      for (let bit = 0; bit < 12; bit += 1) {
        if ((pixels[4 * bit] ?? 0) > 128) number += 2 ** bit;
      }
      seen.frames.push({
        nowMs,
        mediaTime: shown.mediaTime,
        height: shown.height,
        number,
        readAt: video.currentTime,
        presented: shown.presentedFrames,
        dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
      });
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    setInterval(() => {
      const { buffered, currentTime: time, duration } = video;
      const playing = !video.paused && !video.seeking && !video.ended && time > 0;
      const soon = Math.min(time + 0.25, duration - 0.05);
      let fed = false;
      for (let range = 0; range < buffered.length; range += 1) {
        fed ||= buffered.start(range) <= time && soon <= buffered.end(range);
      }
      seen.ticks.push({ nowMs: performance.now(), time, playing, fed });
    }, 20);
  });
}

function take(page: Page): Promise<Record> {
  return page.evaluate(() => {
    const { seen } = window as unknown as { seen: Record };
    const { frames, ticks, happenings } = seen;
    return {
      frames: frames.splice(0),
      ticks: ticks.splice(0),
      happenings: happenings.splice(0),
    };
  });
}

/**
 * How far the video's clock fell behind the wall's in any stretch of playing. A page that gets no
 * processor for a while looks late, but then sees that the video went on.
 */
function longestHaltMs(ticks: readonly Tick[]): number {
  let longest = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const { nowMs, time, playing } of ticks) {
    const behind = nowMs - time * 1_000;
    least = playing ? Math.min(least, behind) : Number.POSITIVE_INFINITY;
    if (playing) longest = Math.max(longest, behind - least);
  }
  return longest;
}

/**
 * Between two pictures that followed each other. Where the browser says that it dropped one, or
 * showed one that the page had no time to look at, it was the processor that was late.
 */
function longestGapMs(frames: readonly Frame[]): number {
  return frames.reduce((longest, frame, at) => {
    const before = frames[at - 1];
    const next = before?.presented === frame.presented - 1 && before.dropped === frame.dropped;
    return next ? Math.max(longest, frame.nowMs - before.nowMs) : longest;
  }, 0);
}

/** What stood still, in words; nothing where nothing did. From the first `playing` on. */
function haltsOf({ frames, ticks, happenings }: Record): string[] {
  const names = happenings.map(({ name }) => name);
  const waits = names.slice(names.indexOf('playing')).filter((name) => name === 'waiting');
  const halts = waits.map(() => 'it waited');
  const [halt, gap] = [longestHaltMs(ticks), longestGapMs(frames)];
  if (halt >= haltMs) halts.push(`time stood still for ${halt.toFixed()} ms`);
  if (gap >= haltMs) halts.push(`a picture stood still for ${gap.toFixed()} ms`);
  return halts;
}

/** Whatever the machine had time for: each picture is the source's of its time, and data is there. */
function expectRight({ frames, ticks, happenings }: Record): void {
  expect(frames.length).toBeGreaterThan(0);
  // Read late, it may be one that came after.
  const wrong = frames.filter(
    ({ mediaTime, number, readAt }) =>
      number < Math.round(mediaTime * countedFps) || number > readAt * countedFps + 2,
  );
  expect(wrong).toEqual([]);
  // hls.js jumps over a hole by a seek of its own.
  const names = happenings.map(({ name }) => name);
  const afterwards = names.slice(names.indexOf('playing'));
  expect(afterwards.filter((name) => name === 'seeking' || name === 'error')).toEqual([]);
  expect(ticks.filter(({ playing, fed }) => playing && !fed)).toEqual([]);
}

async function chooseQuality(page: Page, name: string): Promise<void> {
  await page.locator('video').hover();
  await page.getByRole('button', { name: /^Quality:/ }).click();
  await page.getByRole('menuitemradio', { name: new RegExp(`^${name}`) }).click();
}

/** Waits for a time between `from` and `to`. */
function until(page: Page, from: number, to: number): Promise<void> {
  const now = () => page.locator('video').evaluate((video: HTMLVideoElement) => video.currentTime);
  return expect
    .poll(async () => ((time) => time > from && time < to)(await now()), {
      timeout: 30_000,
      intervals: [50],
    })
    .toBe(true);
}

/** Once through, with another quality chosen as soon as the one before is shown. */
async function playThrough(page: Page): Promise<string[]> {
  const video = page.locator('video');
  await until(page, 0.5, countedSeconds);
  for (const height of [360, 720, 480, 720, 360]) {
    await chooseQuality(page, `${height}p`);
    await expect
      .poll(() => video.evaluate((element: HTMLVideoElement) => element.videoHeight), {
        timeout: 30_000,
        intervals: [50],
      })
      .toBe(height);
  }
  await expect
    .poll(() => video.evaluate((element: HTMLVideoElement) => element.ended), { timeout: 30_000 })
    .toBe(true);
  const through = await take(page);
  const decoded = await video.evaluate(
    (element: HTMLVideoElement) => element.getVideoPlaybackQuality().totalVideoFrames,
  );
  const heights = through.frames
    .map(({ height }) => height)
    .filter((height, index, all) => height !== all[index - 1]);
  expectRight(through);
  expect(new Set(heights)).toEqual(new Set([360, 480, 720]));
  expect(heights.length).toBeGreaterThanOrEqual(5);
  const halts = haltsOf(through);
  const all = countedSeconds * countedFps;
  if (decoded !== all) halts.push(`${decoded} pictures of ${all} were decoded`);
  return halts.map((halt) => `played through: ${halt}`);
}

async function jump(page: Page, name: string, where: number): Promise<string[]> {
  await chooseQuality(page, name);
  await page.locator('video').evaluate((element: HTMLVideoElement, to) => {
    element.currentTime = to;
    if (element.paused) element.play().catch(() => undefined);
  }, where);
  await until(page, where + 1, where + 3);
  const { frames, ticks, happenings } = await take(page);
  const soughtMs = happenings.find((one) => one.name === 'seeking')?.nowMs ?? 0;
  const afterwards = <T extends { nowMs: number }>(all: T[]) =>
    all.filter(({ nowMs }) => nowMs >= soughtMs);
  const sought = {
    frames: afterwards(frames).filter(({ mediaTime }) => Math.abs(mediaTime - where) < 2),
    ticks: afterwards(ticks),
    happenings: afterwards(happenings),
  };
  expectRight(sought);
  const halts = haltsOf(sought);
  const shownAfterMs = (sought.frames[0]?.nowMs ?? Number.POSITIVE_INFINITY) - soughtMs;
  if (shownAfterMs >= againMs) halts.push(`shown after ${shownAfterMs.toFixed()} ms`);
  return halts.map((halt) => `${name} at ${where}: ${halt}`);
}

test('a finished video plays without a halt through changes of quality and seeks', async ({
  page,
  session,
  playwright,
}, { annotations }) => {
  const request = await playwright.request.newContext({
    baseURL: session.url,
    storageState: session.state,
  });
  const id = await uploadReady(request, countedClip(), 'Counted');
  await request.dispose();
  const refused: string[] = [];
  page.on('response', (response) => {
    if (response.status() >= 400) refused.push(`${response.status()} ${response.url()}`);
  });
  await recordHappenings(page);
  // A machine that others use has its moments; what is ours to mend halts each time.
  let halts: string[] = [];
  for (let tries = 0; tries < triesMax && (tries === 0 || halts.length > 0); tries += 1) {
    await page.goto(`/watch/${id}`);
    await recordPictures(page);
    await page.locator('video').evaluate((element: HTMLVideoElement) => {
      element.play().catch(() => undefined);
    });
    halts = await playThrough(page);
    halts.push(...(await jump(page, '720p', 2.5)));
    halts.push(...(await jump(page, '360p', 13.2)));
    halts.push(...(await jump(page, '480p', 6.1)));
    halts.push(...(await jump(page, '720p', 9.9)));
    annotations.push(...halts.map((description) => ({ type: 'halt', description })));
  }
  expect(halts).toEqual([]);
  expect(refused).toEqual([]);
});
