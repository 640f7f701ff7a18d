import { test as base, expect } from '@playwright/test';
import { type Server, startServer } from './support/server';
import { account } from './support/test';

/** These stories need a server that nobody has set up. */
const test = base.extend<{ fresh: Server }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape
  fresh: async ({}, use) => {
    const server = await startServer();
    await use(server);
    await server.stop();
  },
});

test('without the link the page says where to find it', async ({ page, fresh }) => {
  await page.goto(fresh.url);
  await expect(page.getByRole('heading', { name: 'Almost there' })).toBeVisible();
  await expect(page.getByText('streamforge user add NAME')).toBeVisible();
});

test('the link creates the administrator, who can leave and come back', async ({ page, fresh }) => {
  await page.goto(fresh.setupUrl);
  await page.getByLabel('Name').fill(account.name);
  await page.getByLabel('Password', { exact: true }).fill('short');
  await page.getByLabel('Password again').fill('other');
  await page.getByRole('button', { name: 'Create the administrator' }).click();
  await expect(page.getByText('At least 8 characters, please.')).toBeVisible();
  await expect(page.getByText('The two passwords are not the same.')).toBeVisible();

  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByLabel('Password again').fill(account.password);
  await page.getByRole('button', { name: 'Create the administrator' }).click();
  await expect(page.getByRole('heading', { name: 'Drop a video anywhere' })).toBeVisible();

  await page.getByRole('button', { name: `Account: ${account.name}` }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();

  await page.getByLabel('Name').fill(account.name);
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByLabel('Password').fill(account.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Drop a video anywhere' })).toBeVisible();
});

test('the link works once', async ({ page, fresh, browser }) => {
  const second = await (await browser.newContext()).newPage();
  await second.goto(fresh.setupUrl);
  for (const visitor of [page, second]) {
    if (visitor === page) await visitor.goto(fresh.setupUrl);
    await visitor.getByLabel('Name').fill(visitor === page ? 'first' : 'second');
    await visitor.getByLabel('Password', { exact: true }).fill(account.password);
    await visitor.getByLabel('Password again').fill(account.password);
    await visitor.getByRole('button', { name: 'Create the administrator' }).click();
    if (visitor === page) {
      await expect(visitor.getByRole('heading', { name: 'Drop a video anywhere' })).toBeVisible();
    }
  }
  await expect(second.getByRole('alert')).toBeVisible();
  await second.context().close();
});

test('an open server needs nobody to set it up', async ({ page }) => {
  const server = await startServer({ open: true });
  await page.goto(server.url);
  await expect(page.getByRole('heading', { name: 'Drop a video anywhere' })).toBeVisible();
  await page.goto(`${server.url}/setup`);
  await expect(page.getByRole('heading', { name: 'Drop a video anywhere' })).toBeVisible();
  await server.stop();
});
