import type { KeyboardEvent } from 'react';

/**
 * Keeps letters typed in a menu or dialog from shortcuts of the page below, which listen on the
 * document. Named keys pass: Escape closes popups from up there.
 */
export function keepKeys(event: KeyboardEvent): void {
  if (event.key.length === 1) event.nativeEvent.stopPropagation();
}
