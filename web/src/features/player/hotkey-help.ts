/** What hotkeys.tsx registers, in words; apart from it so that reading them does not load the player. */
export const hotkeyHelp: { keys: string[]; does: string }[] = [
  { keys: ['Space', 'K'], does: 'Play or pause' },
  { keys: ['←', '→'], does: 'Back or ahead 5 seconds' },
  { keys: ['J', 'L'], does: 'Back or ahead 10 seconds' },
  { keys: ['0', '…', '9'], does: 'Jump to a tenth of the video' },
  { keys: ['↑', '↓'], does: 'Volume, while the player has the focus' },
  { keys: ['M'], does: 'Sound on or off' },
  { keys: ['<', '>'], does: 'Slower or faster' },
  { keys: ['F'], does: 'Full screen' },
  { keys: ['I'], does: 'Picture in picture' },
  { keys: ['C'], does: 'Subtitles on or off, when there are any' },
];
