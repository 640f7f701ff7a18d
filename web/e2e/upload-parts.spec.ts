import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { APIRequestContext, Page, Request } from '@playwright/test';
import { heavyClip, largeClip } from './support/clips';
import { card, choose, expect, slowUploads, test, uploadRow } from './support/test';
import { openWeakLink } from './support/weak-link';

const slow = 8_000_000;
const goneUpMs = 120_000;
const transcodeMs = 180_000;

type Part = { url: string; at: number; bytes: number };

/** What the page asked of the server to upload a file, as it happens. */
type Traffic = {
  created: Part[];
  /** Parts by the end of their PATCH. */
  finished: string[];
  patched: { url: string; offset: number }[];
  joins: string[][];
  /** The most PATCHes that were under way at once. */
  lanes: number;
};

function metadataOf(request: Request, key: string): string {
  const pairs = (request.headers()['upload-metadata'] ?? '').split(',').map((it) => it.split(' '));
  return Buffer.from(pairs.find(([name]) => name === key)?.[1] ?? '', 'base64').toString();
}

function watchTraffic(page: Page): Traffic {
  const traffic: Traffic = { created: [], finished: [], patched: [], joins: [], lanes: 0 };
  const open = new Set<Request>();
  page.on('request', (sent) => {
    const url = new URL(sent.url()).pathname;
    const concat = sent.headers()['upload-concat'] ?? '';
    if (sent.method() === 'PATCH') {
      traffic.patched.push({ url, offset: Number(sent.headers()['upload-offset']) });
      open.add(sent);
      traffic.lanes = Math.max(traffic.lanes, open.size);
    }
    if (sent.method() === 'POST' && concat.startsWith('final;')) {
      const urls = concat.slice('final;'.length).split(' ');
      traffic.joins.push(urls.map((part) => new URL(part, sent.url()).pathname));
    }
  });
  page.on('requestfinished', (sent) => open.delete(sent));
  page.on('requestfailed', (sent) => open.delete(sent));
  page.on('response', (answer) => {
    const sent = answer.request();
    const url = new URL(sent.url()).pathname;
    if (sent.method() === 'PATCH' && answer.status() === 204) traffic.finished.push(url);
    if (sent.method() !== 'POST' || sent.headers()['upload-concat'] !== 'partial') return;
    const location = new URL(answer.headers().location ?? '', sent.url()).pathname;
    const at = Number(metadataOf(sent, 'offset'));
    traffic.created.push({ url: location, at, bytes: Number(sent.headers()['upload-length']) });
  });
  return traffic;
}

/** Waits until `row` shows at least `percent`. */
async function reached(page: Page, fileName: string, percent: number): Promise<void> {
  const bar = uploadRow(page, fileName).getByRole('progressbar');
  await expect
    .poll(async () => Number(await bar.getAttribute('aria-valuenow')), { timeout: goneUpMs })
    .toBeGreaterThanOrEqual(percent);
}

async function videoNamed(request: APIRequestContext, title: string) {
  const { items } = await (await request.get(`/api/v1/videos?q=${title}`)).json();
  expect(items).toHaveLength(1);
  return items[0];
}

/** The server has, in one piece, exactly the bytes of the file. */
async function expectSame(request: APIRequestContext, title: string, path: string) {
  const expected = createHash('sha256').update(readFileSync(path)).digest('hex');
  await expect
    .poll(async () => (await videoNamed(request, title)).source.sha256, { timeout: 60_000 })
    .toBe(expected);
}

test('a large file goes up in parts, its index first, and plays', async ({ page, request }) => {
  const path = largeClip('large.mp4');
  const size = statSync(path).size;
  const traffic = watchTraffic(page);
  await page.goto('/');
  await slowUploads(page, slow);
  await choose(page, path);
  const row = uploadRow(page, 'large.mp4');
  await reached(page, 'large.mp4', 30);
  await expect(row).toContainText(/MB\/s, .* left/);
  await slowUploads(page, -1);
  await expect(row).toContainText('uploaded', { timeout: goneUpMs });

  const [index, ...others] = traffic.created;
  expect(index?.at).toBeGreaterThan(66 * 1024 * 1024);
  expect((index?.at ?? 0) + (index?.bytes ?? 0)).toBe(size);
  expect(traffic.finished[0]).toBe(index?.url);
  expect(others.length).toBeGreaterThanOrEqual(4);
  expect(traffic.lanes).toBe(3);
  const inOrder = traffic.created.toSorted((a, b) => a.at - b.at).map(({ url }) => url);
  expect(traffic.joins).toEqual([inOrder]);

  await expectSame(request, 'large', path);
  await expect(card(page, 'large')).toContainText('Ready', { timeout: transcodeMs });
  await row.getByRole('link', { name: 'Watch' }).click();
  const video = page.locator('video');
  await video.evaluate((element: HTMLVideoElement) => {
    element.play().catch(() => undefined);
  });
  await expect
    .poll(() => video.evaluate((element: HTMLVideoElement) => element.currentTime))
    .toBeGreaterThan(0.5);
});

test('a large upload goes on after a cut and after a reload', async ({ page, request, server }) => {
  const path = largeClip('interrupted.mp4');
  const link = await openWeakLink(server.url);
  const traffic = watchTraffic(page);
  await page.goto(link.url);
  await slowUploads(page, slow);
  await choose(page, path);
  const row = uploadRow(page, 'interrupted.mp4');
  await reached(page, 'interrupted.mp4', 20);

  link.cut();
  await expect(row).toContainText('The connection was lost');
  await expect(row).toContainText(/trying again/);
  link.mend();
  await reached(page, 'interrupted.mp4', 45);

  page.on('dialog', (dialog) => void dialog.accept());
  await page.reload();
  await expect(row).toContainText(/[1-9]\d % is on the server/);
  await slowUploads(page, -1);
  const known = traffic.finished.length;
  const patched = traffic.patched.length;
  const chooser = page.waitForEvent('filechooser');
  await row.getByRole('button', { name: 'Choose file' }).click();
  await (await chooser).setFiles(path);
  await expect(row).toContainText('uploaded', { timeout: goneUpMs });

  const again = traffic.patched.slice(patched);
  expect(again.some(({ offset }) => offset > 0)).toBe(true);
  const done = traffic.finished.slice(0, known);
  expect(done.length).toBeGreaterThan(0);
  expect(again.filter(({ url }) => done.includes(url))).toEqual([]);
  const parts = new Set(traffic.created.map(({ at }) => at));
  expect(parts.size).toBe(traffic.joins.at(-1)?.length);
  await expectSame(request, 'interrupted', path);
  link.close();
});

test('a cancelled large upload leaves no part behind', async ({ page, request }) => {
  const traffic = watchTraffic(page);
  await page.goto('/');
  await slowUploads(page, slow);
  await choose(page, largeClip('dropped-large.mp4'));
  await reached(page, 'dropped-large.mp4', 20);
  const row = uploadRow(page, 'dropped-large.mp4');
  await row.getByRole('button', { name: 'Cancel dropped-large.mp4' }).click();
  await expect(row).toBeHidden();
  await expect
    .poll(async () => (await (await request.get('/api/v1/videos?q=dropped')).json()).items.length)
    .toBe(0);
  for (const { url } of traffic.created) {
    const asked = await request.head(url, { headers: { 'Tus-Resumable': '1.0.0' } });
    expect(asked.status()).toBe(404);
  }
});

for (const { kind, name } of [
  { kind: 'single', name: 'seen single.mp4' },
  { kind: 'in parts', name: 'seen parts.mp4' },
]) {
  test(`another page sees an upload move (${kind})`, async ({ page, context }) => {
    const title = name.replace('.mp4', '');
    const other = await context.newPage();
    const listed = other.waitForResponse((answer) => /\/videos(\?|$)/.test(answer.url()));
    const live = other.waitForResponse((answer) => answer.url().endsWith('/api/v1/events'));
    await other.goto('/');
    await Promise.all([listed, live]);
    await other.waitForTimeout(1_000); // It asks once more when events begin to come.
    const asked: string[] = [];
    other.on('request', (sent) => asked.push(new URL(sent.url()).pathname));
    await page.goto('/');
    await slowUploads(page, kind === 'single' ? 700_000 : slow);
    await choose(page, kind === 'single' ? heavyClip(name) : largeClip(name));

    const shares: number[] = [];
    await expect(card(other, title)).toContainText(/Uploading \d+ %/);
    while (!/uploaded/.test((await uploadRow(page, name).textContent()) ?? '')) {
      const text = (await card(other, title).textContent()) ?? '';
      const share = Number(/Uploading (\d+) %/.exec(text)?.[1] ?? Number.NaN);
      if (Number.isFinite(share) && share !== shares.at(-1)) shares.push(share);
      await page.waitForTimeout(100);
    }
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.length).toBeGreaterThan(5);
    expect(shares.some((share) => share > 30 && share < 70)).toBe(true);
    expect(asked.filter((path) => path.startsWith('/api/v1/videos'))).toEqual([]);
    await other.close();
  });
}
