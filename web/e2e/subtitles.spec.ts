import type { Page } from '@playwright/test';
import { subtitledClip } from './support/clips';
import { expect, test, uploadReady } from './support/test';

let id = '';
test.beforeAll(async ({ playwright, session }) => {
  test.setTimeout(120_000);
  const request = await playwright.request.newContext({
    baseURL: session.url,
    storageState: session.state,
  });
  id = await uploadReady(request, subtitledClip(), 'Subtitled');
  await request.dispose();
});

/** What the browser shows of subtitles at this moment of the film. */
async function shownAt(page: Page, seconds: number): Promise<string[]> {
  return page.locator('video').evaluate(async (element: HTMLVideoElement, at: number) => {
    element.pause();
    element.currentTime = at;
    await new Promise((seeked) => element.addEventListener('seeked', seeked, { once: true }));
    await new Promise((later) => setTimeout(later, 300));
    return [...element.textTracks]
      .filter(({ kind, mode }) => kind === 'subtitles' && mode === 'showing')
      .flatMap(({ activeCues }) => [...(activeCues ?? [])])
      .map((cue) => (cue as VTTCue).getCueAsHTML().textContent ?? '');
  }, seconds);
}

async function watch(page: Page): Promise<void> {
  await page.goto(`/watch/${id}`);
  await expect
    .poll(() => page.locator('video').evaluate((element: HTMLVideoElement) => element.readyState))
    .toBeGreaterThan(2);
}

async function choose(page: Page, name: string): Promise<void> {
  await page.getByRole('region', { name: /Video player/ }).hover();
  await page.getByRole('button', { name: /^Subtitles: / }).click();
  await page.getByRole('menuitemradio', { name, exact: true }).click();
}

test('a subtitle is shown at its time, and not before or after', async ({ page }) => {
  await watch(page);
  await expect(page.getByRole('button', { name: 'Subtitles: English' })).toBeAttached();
  await expect.poll(() => shownAt(page, 3)).toEqual(['Across the border']);
  expect(await shownAt(page, 1.5)).toEqual([]);
  expect(await shownAt(page, 5.5), 'behind the border of two parts').toEqual(['Across the border']);
  expect(await shownAt(page, 7)).toEqual([]);
  await expect.poll(() => shownAt(page, 9.5)).toEqual(['End']);
});

test('another language, or none, is chosen and remembered', async ({ page }) => {
  await watch(page);
  await choose(page, 'German');
  await expect.poll(() => shownAt(page, 3)).toEqual(['Über die Grenze']);
  await watch(page);
  await expect(page.getByRole('button', { name: 'Subtitles: German' })).toBeAttached();
  await expect.poll(() => shownAt(page, 3)).toEqual(['Über die Grenze']);
  await choose(page, 'Off');
  await expect.poll(() => shownAt(page, 3)).toEqual([]);
  await watch(page);
  await expect(page.getByRole('button', { name: 'Subtitles: Off' })).toBeAttached();
  expect(await shownAt(page, 3)).toEqual([]);
});

test('the keyboard chooses subtitles', async ({ page }) => {
  await watch(page);
  const button = page.getByRole('button', { name: /^Subtitles: / });
  await expect(button).toHaveAccessibleName('Subtitles: English');
  await page.keyboard.press('c');
  await expect(button).toHaveAccessibleName('Subtitles: Off');
  await page.keyboard.press('c');
  await expect(button).toHaveAccessibleName('Subtitles: English');
  await button.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('menuitemradio', { name: 'Off' })).toBeVisible();
  for (const name of ['English', 'German', 'Off']) {
    await expect(page.getByRole('menuitemradio', { name, exact: true })).toHaveCount(1);
  }
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await expect(button).toHaveAccessibleName('Subtitles: German');
});

test('a player that began before the subtitles were there gets them when they are chosen', async ({
  page,
}) => {
  let early = true;
  await page.route(/master\.m3u8/, async (route) => {
    const answer = await route.fetch();
    const text = await answer.text();
    const without = text
      .split('\n')
      .filter((line) => !line.includes('TYPE=SUBTITLES'))
      .join('\n')
      .replaceAll(',SUBTITLES="subtitles"', '');
    await route.fulfill({ response: answer, body: early ? without : text });
    early = false;
  });
  await watch(page);
  await expect(page.getByRole('button', { name: 'Subtitles: Off' })).toBeAttached();
  await shownAt(page, 7);
  await choose(page, 'German');
  await expect(page.getByRole('button', { name: 'Subtitles: German' })).toBeAttached();
  const time = () =>
    page.locator('video').evaluate((element: HTMLVideoElement) => element.currentTime);
  await expect.poll(time, 'it goes on where it was').toBeGreaterThan(6.9);
  await expect.poll(() => shownAt(page, 3)).toEqual(['Über die Grenze']);
});
