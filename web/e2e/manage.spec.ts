import { heavyClip } from './support/clips';
import { card, expect, test, uploadReady } from './support/test';

let id = '';
test.beforeAll(async ({ playwright, session }) => {
  test.setTimeout(240_000);
  const request = await playwright.request.newContext({
    baseURL: session.url,
    storageState: session.state,
  });
  id = await uploadReady(request, heavyClip('managed.mp4'), 'Before the edit');
  await request.dispose();
});

test('title, description and visibility are edited', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'Actions for Before the edit' }).click();
  await page.getByRole('menuitem', { name: 'Edit…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit video' });
  await dialog.getByLabel('Title').fill('After <the> edit & “more”');
  await dialog.getByLabel('Description').fill('Two\nlines');
  await dialog.getByRole('combobox', { name: /Visibility/ }).click();
  await page.getByRole('option', { name: /Private/ }).click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog).toBeHidden();
  await expect(card(page, 'After <the> edit & “more”')).toContainText('Private');
  await page.reload();
  await page.getByRole('link', { name: 'After <the> edit & “more”' }).click();
  await expect(page.getByText('Two\nlines')).toBeVisible();
});

test('a private video is hidden from strangers', async ({ anonymous }) => {
  await anonymous.goto(`/watch/${id}`);
  await expect(anonymous.getByRole('alert')).toBeVisible();
  await expect(anonymous.getByRole('link', { name: 'Sign in to see more' })).toBeVisible();
});

test('an edit on top of someone else’s is refused, and nothing typed is lost', async ({
  page,
  request,
}) => {
  await page.goto(`/watch/${id}`);
  // The page moves until the player is there, and a menu with it.
  await page.waitForFunction(() => (document.querySelector('video')?.readyState ?? 0) >= 2);
  await page.getByRole('button', { name: /^Actions for/ }).click();
  await page.getByRole('menuitem', { name: 'Edit…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit video' });
  await dialog.getByLabel('Title').fill('Mine');
  const other = await request.patch(`/api/v1/videos/${id}`, {
    headers: { 'X-Requested-With': 'streamforge' },
    data: { title: 'Theirs' },
  });
  expect(other.ok()).toBe(true);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByRole('alert')).toContainText('Your changes are still here.');
  await expect(dialog.getByLabel('Title')).toHaveValue('Mine');
  await dialog.getByRole('button', { name: 'Load the other version' }).click();
  await expect(dialog.getByLabel('Title')).toHaveValue('Theirs');
});

test('search and filters narrow the list, and live in the address', async ({ page }) => {
  await page.goto('/');
  await expect(card(page, 'Theirs')).toBeVisible();
  await page.keyboard.press('/');
  await page.keyboard.type('no such title');
  await expect(page.getByRole('heading', { name: 'Nothing matches' })).toBeVisible();
  await expect(page).toHaveURL(/q=no/);
  await page.getByRole('button', { name: 'Show everything' }).click();
  await expect(card(page, 'Theirs')).toBeVisible();
  await page.getByRole('combobox', { name: /^Status/ }).click();
  await page.getByRole('option', { name: 'Failed' }).click();
  await expect(card(page, 'Theirs')).toBeHidden();
  await page.reload();
  await expect(page.getByRole('combobox', { name: 'Status: Failed' })).toBeVisible();
});

test('a deleted video comes back with Undo', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('button', { name: 'Actions for Theirs' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await expect(card(page, 'Theirs')).toBeHidden();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(card(page, 'Theirs')).toBeVisible();
  await page.reload();
  await expect(card(page, 'Theirs')).toBeVisible();
});

test('a change made elsewhere appears by itself', async ({ page, request }) => {
  await page.goto('/');
  await expect(card(page, 'Theirs')).toBeVisible();
  await page.waitForTimeout(500);
  await request.patch(`/api/v1/videos/${id}`, {
    headers: { 'X-Requested-With': 'streamforge' },
    data: { title: 'Changed elsewhere' },
  });
  await expect(card(page, 'Changed elsewhere')).toBeVisible();
});
