/**
 * Speaks to screen readers. Progress bars are silent while they move; milestones are said here,
 * politely and not faster than they can be heard.
 */
let region: HTMLElement | null = null;

function regionOf(): HTMLElement {
  if (!region) {
    region = document.createElement('div');
    region.className = 'visually-hidden';
    region.setAttribute('role', 'status');
    region.setAttribute('aria-live', 'polite');
    document.body.append(region);
  }
  return region;
}

export function announce(text: string): void {
  regionOf().textContent = text;
}
