import { test as base, expect, type Page } from '@playwright/test';
import { heavyClip } from './support/clips';
import { type Server, startServer } from './support/server';
import { account, card, choose, uploadRow, watchFaults } from './support/test';

/** A server that shares its host with others, and the paths that its page has asked for. */
const test = base.extend<{ below: Server; asked: string[] }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape
  below: async ({}, use) => {
    const server = await startServer({ basePath: '/media' });
    await use(server);
    await server.stop();
  },
  asked: async ({ page }, use) => {
    const asked: string[] = [];
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol === 'http:') asked.push(url.pathname);
    });
    const faults = watchFaults(page);
    await use(asked);
    expect(faults).toEqual([]);
  },
});

test.skip(Boolean(process.env.SF_MOCK), 'the mock is at the root of its host');

async function plays(page: Page): Promise<void> {
  const video = page.locator('video');
  await video.evaluate((element: HTMLVideoElement) => element.play());
  await expect
    .poll(() => video.evaluate((element: HTMLVideoElement) => element.currentTime))
    .toBeGreaterThan(0.3);
}

async function setUp(page: Page, server: Server): Promise<void> {
  await page.goto(server.setupUrl);
  await page.getByLabel('Name').fill(account.name);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByLabel('Password again').fill(account.password);
  await page.getByRole('button', { name: 'Create the administrator' }).click();
  await expect(page.getByRole('heading', { name: 'Drop a video anywhere' })).toBeVisible();
}

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('Name').fill(account.name);
  await page.getByLabel('Password').fill(account.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('below a path of its host all of it works, and nothing beside it is asked for', async ({
  page,
  below,
  asked,
}) => {
  await setUp(page, below);
  expect(new URL(page.url()).pathname).toMatch(/^\/media\/?$/);
  const [session] = await page.context().cookies(`${below.url}/`);
  expect(session?.path).toBe('/media');

  await choose(page, heavyClip('below.mp4'));
  await expect(uploadRow(page, 'below.mp4')).toContainText('uploaded', { timeout: 60_000 });
  await expect(card(page, 'below')).toContainText('Ready', { timeout: 180_000 });
  await page.getByRole('link', { name: 'below' }).first().click();
  await expect(page).toHaveURL(new RegExp(`^${below.url}/watch/`));
  await plays(page);
  const watch = page.url();

  await page.getByRole('button', { name: 'Share' }).click();
  await expect(page.getByLabel('Link')).toHaveValue(watch);
  const embed = watch.replace('/watch/', '/embed/');
  await expect(page.getByLabel('Embed in another page')).toHaveValue(new RegExp(`"${embed}"`));
  await page.goto(embed);
  await plays(page);

  await page.goto(`${below.url}/none`);
  await page.getByRole('link', { name: 'library' }).click();
  await expect(card(page, 'below')).toBeVisible();

  await page.getByRole('button', { name: `Account: ${account.name}` }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await signIn(page);
  await expect(card(page, 'below')).toBeVisible();
  expect(asked.filter((path) => !/^\/media(\/|$)/.test(path))).toEqual([]);
});

test('who must sign in first comes to where the link led', async ({ page, below, browser }) => {
  await setUp(page, below);

  const other = await (await browser.newContext()).newPage();
  await other.goto(`${below.url}/?sort=title`);
  await expect(other).toHaveURL(new RegExp(`^${below.url}/login`));
  await signIn(other);
  await expect(other).toHaveURL(`${below.url}/?sort=title`);
  await other.context().close();
});
