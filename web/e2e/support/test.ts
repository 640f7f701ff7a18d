import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type APIRequestContext, test as base, expect, type Page } from '@playwright/test';
import { type Server, startServer } from './server';

export const account = { name: 'admin', password: 'a long enough password' };
const fromPage = { 'X-Requested-With': 'streamforge' };
const transcodeMs = 180_000;

type Session = { url: string; state: Awaited<ReturnType<APIRequestContext['storageState']>> };
type Fixtures = { anonymous: Page };
type WorkerFixtures = { server: Server; session: Session };

/**
 * Stories start signed in on one server per worker. A script error or a broken content security
 * policy fails any of them.
 */
export const test = base.extend<Fixtures, WorkerFixtures>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape
    async ({}, use) => {
      const server = await startServer();
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  session: [
    async ({ server, playwright }, use) => {
      const request = await playwright.request.newContext({
        baseURL: server.url,
        extraHTTPHeaders: fromPage,
      });
      const token = new URL(server.setupUrl).searchParams.get('token');
      const created = await request.post('/api/v1/users', {
        data: { setup_token: token, ...account },
      });
      expect(created.status()).toBe(201);
      await use({ url: server.url, state: await request.storageState() });
      await request.dispose();
    },
    { scope: 'worker' },
  ],
  baseURL: async ({ server }, use) => use(server.url),
  storageState: async ({ session }, use) => use(session.state),
  page: async ({ page }, use) => {
    const faults = watchFaults(page);
    await use(page);
    expect(faults).toEqual([]);
  },
  anonymous: async ({ browser, server }, use) => {
    const context = await browser.newContext({
      baseURL: server.url,
      storageState: { cookies: [], origins: [] },
    });
    await use(await context.newPage());
    await context.close();
  },
});

export { expect } from '@playwright/test';

/** Script errors and broken policies, as they come. */
export function watchFaults(page: Page): string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) faults.push(message.text());
  });
  return faults;
}

/** The card of a video in the library. */
export function card(page: Page, title: string) {
  return page.getByRole('listitem').filter({ has: page.getByRole('link', { name: title }) });
}

/** The row of an upload in the tray. */
export function uploadRow(page: Page, fileName: string) {
  return page
    .getByRole('complementary', { name: 'Uploads' })
    .getByRole('listitem')
    .filter({ hasText: fileName });
}

/** Gives files to the page as the Upload button would. */
export async function choose(page: Page, ...paths: string[]): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('navigation').getByRole('button', { name: 'Upload' }).click();
  await (await chooser).setFiles(paths);
}

/** Makes sending slow, so that an upload can be watched; -1 is as fast as it goes. */
export async function slowUploads(page: Page, bytesPerSecond: number): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: bytesPerSecond,
  });
}

/** Uploads without the page, as a script would. */
export async function upload(request: APIRequestContext, path: string, title: string) {
  const bytes = readFileSync(path);
  const encoded = (text: string) => Buffer.from(text).toString('base64');
  const tus = { ...fromPage, 'Tus-Resumable': '1.0.0' };
  const created = await request.post('/files', {
    headers: {
      ...tus,
      'Upload-Length': String(bytes.length),
      'Upload-Metadata': `filename ${encoded(basename(path))},title ${encoded(title)}`,
    },
  });
  expect(created.status()).toBe(201);
  const location = created.headers().location ?? '';
  const sent = await request.patch(location, {
    headers: { ...tus, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' },
    data: bytes,
    timeout: 60_000,
  });
  expect(sent.status()).toBe(204);
  return location.split('/').at(-1) ?? '';
}

/** The same, and waits until the video is ready. */
export async function uploadReady(request: APIRequestContext, path: string, title: string) {
  const id = await upload(request, path, title);
  await expect
    .poll(async () => (await (await request.get(`/api/v1/videos/${id}`)).json()).status, {
      timeout: transcodeMs,
      intervals: [500],
    })
    .toBe('ready');
  return id;
}
