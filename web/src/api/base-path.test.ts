import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  delete document.documentElement.dataset.base;
  vi.unstubAllGlobals();
  vi.resetModules();
});

it.each([
  [undefined, ''],
  ['/', ''],
  ['/media/', '/media'],
  ['/media/tv/', '/media/tv'],
])('reads %s from the page', async (written, expected) => {
  if (written) document.documentElement.dataset.base = written;
  const { basePath, pageUrl } = await import('./base-path');
  expect(basePath).toBe(expected);
  expect(pageUrl('/watch/a')).toBe(`${location.origin}${expected}/watch/a`);
});

it('stands before the paths of requests', async () => {
  document.documentElement.dataset.base = '/media/';
  const fetched = vi.fn(async () => new Response('{}'));
  vi.stubGlobal('fetch', fetched);
  const { send } = await import('./http');
  await send('/api/v1/session');
  expect(fetched).toHaveBeenCalledWith('/media/api/v1/session', expect.anything());
});
