/**
 * Where on its host this site is: '' at the root, '/media' below a path. The server writes it into
 * the page. Paths in its answers have it already.
 */
export const basePath = (document.documentElement.dataset.base ?? '/').replace(/\/$/, '');

/** The address of one of the site's pages, for people to pass on. */
export function pageUrl(path: string): string {
  return `${location.origin}${basePath}${path}`;
}
