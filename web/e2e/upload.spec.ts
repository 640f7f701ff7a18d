import { heavyClip, textClip } from './support/clips';
import { card, choose, expect, slowUploads, test, uploadRow } from './support/test';
import { openWeakLink } from './support/weak-link';

const slow = 700_000;
const transcodeMs = 180_000;

test('two files go up, one is paused and resumed, both become ready', async ({ page }) => {
  await page.goto('/');
  await slowUploads(page, slow);
  await choose(page, heavyClip('first one.mp4'), heavyClip('second one.mp4'));

  const first = uploadRow(page, 'first one.mp4');
  const second = uploadRow(page, 'second one.mp4');
  await expect(first).toContainText(/\d+ % of/);
  await expect(first).toContainText(/[kM]B\/s, .* left/);

  await second.getByRole('button', { name: 'Pause second one.mp4' }).click();
  await expect(second).toContainText(/Paused at \d+ %/);
  const bar = second.getByRole('progressbar');
  const before = Number(await bar.getAttribute('aria-valuenow'));
  await page.waitForTimeout(1_500);
  expect(Number(await bar.getAttribute('aria-valuenow'))).toBe(before);

  await second.getByRole('button', { name: 'Resume second one.mp4' }).click();
  await slowUploads(page, -1);
  await expect(first).toContainText('uploaded', { timeout: 60_000 });
  await expect(second).toContainText('uploaded', { timeout: 60_000 });

  await expect(card(page, 'first one')).toContainText('Ready', { timeout: transcodeMs });
  await expect(card(page, 'second one')).toContainText('Ready', { timeout: transcodeMs });
  await expect(second).toContainText('ready');
  await page.getByRole('button', { name: 'Close uploads' }).click();
  await expect(second).toBeHidden();
});

test('a cut connection says so and the upload goes on by itself', async ({
  page,
  request,
  server,
}) => {
  const link = await openWeakLink(server.url);
  await page.goto(link.url);
  await slowUploads(page, slow);
  await choose(page, heavyClip('cut.mp4'));
  const row = uploadRow(page, 'cut.mp4');
  await expect(row.getByRole('progressbar')).toHaveAttribute('aria-valuenow', /^[1-9]\d/);

  link.cut();
  await expect(row).toContainText('The connection was lost');
  await expect(row).toContainText(/trying again/);

  const offsets: number[] = [];
  page.on('request', (sent) => {
    if (sent.method() === 'PATCH') offsets.push(Number(sent.headers()['upload-offset']));
  });
  link.mend();
  await slowUploads(page, -1);
  await expect(row).toContainText('uploaded', { timeout: 60_000 });
  expect(offsets.at(-1)).toBeGreaterThan(0);

  await expect(card(page, 'cut')).toContainText('Ready', { timeout: transcodeMs });
  const { items } = await (await request.get('/api/v1/videos?q=cut')).json();
  expect(items).toHaveLength(1);
  link.close();
});

test('a page without network says it is offline', async ({ page, context }) => {
  await page.goto('/');
  await expect(page.getByRole('navigation').getByRole('button', { name: 'Upload' })).toBeVisible();
  await context.setOffline(true);
  await choose(page, heavyClip('offline.mp4'));
  const row = uploadRow(page, 'offline.mp4');
  await expect(row).toContainText('You are offline');
  await context.setOffline(false);
  await expect(row).toContainText('uploaded', { timeout: 60_000 });
});

test('after a reload the same file continues where it was', async ({ page }) => {
  await page.goto('/');
  await slowUploads(page, slow);
  await choose(page, heavyClip('reloaded.mp4'));
  const row = uploadRow(page, 'reloaded.mp4');
  await expect(row.getByRole('progressbar')).toHaveAttribute('aria-valuenow', /^[1-9]\d/);

  let warned = false;
  page.on('dialog', (dialog) => {
    warned = dialog.type() === 'beforeunload';
    void dialog.accept();
  });
  await page.reload();
  expect(warned).toBe(true);
  await expect(row).toContainText('Choose the same file to continue');

  const chooser = page.waitForEvent('filechooser');
  await row.getByRole('button', { name: 'Choose file' }).click();
  await (await chooser).setFiles(textClip());
  await expect(page.getByText('This is a different file').first()).toBeVisible();

  const patched = page.waitForRequest((sent) => sent.method() === 'PATCH');
  const again = page.waitForEvent('filechooser');
  await row.getByRole('button', { name: 'Choose file' }).click();
  await (await again).setFiles(heavyClip('reloaded.mp4'));
  expect(Number((await patched).headers()['upload-offset'])).toBeGreaterThan(0);
  await expect(row).toContainText('uploaded', { timeout: 60_000 });
});

test('a cancelled upload leaves nothing behind', async ({ page, request }) => {
  await page.goto('/');
  await slowUploads(page, slow);
  await choose(page, heavyClip('unwanted.mp4'));
  const row = uploadRow(page, 'unwanted.mp4');
  await expect(row.getByRole('progressbar')).toHaveAttribute('aria-valuenow', /^[1-9]/);
  await row.getByRole('button', { name: 'Cancel unwanted.mp4' }).click();
  await expect(row).toBeHidden();
  await expect
    .poll(async () => (await (await request.get('/api/v1/videos?q=unwanted')).json()).items.length)
    .toBe(0);
});

test('text that calls itself a video fails with the reason in words', async ({ page }) => {
  await page.goto('/');
  await choose(page, textClip());
  const failed = card(page, 'notes');
  await expect(failed).toContainText('Failed', { timeout: 60_000 });
  await failed.getByRole('link', { name: 'notes' }).click();

  const reason = page.getByRole('article');
  await expect(reason).toContainText(/not a video|no stream|no video|could not be/i);
  await page.getByRole('button', { name: 'Show log' }).click();
  await expect(page.getByRole('region', { name: 'Log text' })).not.toBeEmpty();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Show log' })).toBeFocused();
});

test('a file dropped anywhere is uploaded', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('navigation')).toBeVisible();
  const transfer = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(['dropped'], 'dropped.mp4', { type: 'video/mp4' }));
    return data;
  });
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: transfer });
  await expect(page.getByText('Drop to upload')).toBeVisible();
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await expect(uploadRow(page, 'dropped.mp4')).toContainText('uploaded', { timeout: 30_000 });
  await expect(page.getByText('Drop to upload')).toBeHidden();
});
