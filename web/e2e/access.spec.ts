import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { heavyClip } from './support/clips';
import { card, expect, test, uploadReady } from './support/test';

let id = '';
test.beforeAll(async ({ playwright, session }) => {
  test.setTimeout(240_000);
  const request = await playwright.request.newContext({
    baseURL: session.url,
    storageState: session.state,
  });
  id = await uploadReady(request, heavyClip('access.mp4'), 'Reachable');
  await request.dispose();
});

async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const element = document.activeElement;
      return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
    });
    if (name.test(focused)) return;
  }
  throw new Error(`Tab never reaches ${name}`);
}

test('everything needed can be done with the keyboard alone', async ({ page }) => {
  await page.goto('/');
  await expect(card(page, 'Reachable')).toBeVisible();

  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  const chooser = page.waitForEvent('filechooser');
  await tabTo(page, /^Upload$/);
  await page.keyboard.press('Enter');
  await (await chooser).setFiles([]);

  await tabTo(page, /^Actions for Reachable/);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Edit video' });
  await expect(dialog.getByLabel('Title')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('button', { name: 'Actions for Reachable' })).toBeFocused();

  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`/watch/${id}`));
  await expect(page.locator('video')).toBeVisible();
  await tabTo(page, /^Quality:/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('menuitemradio', { name: /^Auto/ })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: /^Quality:/ })).toBeFocused();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`no WCAG A or AA fault that a machine can find, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const check = async () => {
      const { violations } = await new AxeBuilder({ page })
        .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
        .analyze();
      expect(violations.map(({ id: rule, nodes }) => [rule, nodes[0]?.html])).toEqual([]);
    };
    await page.goto('/');
    await expect(card(page, 'Reachable')).toBeVisible();
    await check();
    await page.getByRole('button', { name: 'Actions for Reachable' }).click();
    await page.getByRole('menuitem', { name: 'Edit…' }).click();
    await expect(page.getByRole('dialog').getByLabel('Title')).toBeVisible();
    await check();
    await page.goto(`/watch/${id}`);
    await expect(page.getByRole('heading', { name: 'Reachable' })).toBeVisible();
    await page.getByText('Details').click();
    await check();
  });
}

test.describe('on a phone', () => {
  test.use({ viewport: { width: 375, height: 812 }, hasTouch: true });

  async function expectNoSideways(page: Page): Promise<void> {
    const excess = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(excess).toBe(0);
  }

  test('nothing is wider than the screen, and it plays', async ({ page, anonymous }) => {
    await page.goto('/');
    await expect(card(page, 'Reachable')).toBeVisible();
    await expectNoSideways(page);
    await page.getByRole('button', { name: 'Show as a list' }).click();
    await expectNoSideways(page);

    await page.getByRole('link', { name: 'Reachable' }).tap();
    const video = page.locator('video');
    // As a person may: perhaps before the player has its source, which ends this promise.
    await video.evaluate((element: HTMLVideoElement) => {
      element.play().catch(() => undefined);
    });
    await expect
      .poll(() => video.evaluate((element: HTMLVideoElement) => element.currentTime))
      .toBeGreaterThan(0.3);
    await expectNoSideways(page);

    await anonymous.setViewportSize({ width: 375, height: 812 });
    await anonymous.goto('/login');
    await expect(anonymous.getByRole('heading', { name: 'Sign in' })).toBeVisible();
    await expectNoSideways(anonymous);
  });
});
