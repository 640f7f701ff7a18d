import { expect, test } from 'vitest';
import { matching, subtitleName } from './subtitles';

const tracks = [
  { id: 'a', label: 'English', language: 'en' },
  { id: 'b', label: 'English for the deaf', language: 'en' },
  { id: 'c', label: 'de', language: 'de' },
];

test('a track is called by its name, else by its language', () => {
  expect(subtitleName({ label: 'Director', language: 'en' })).toBe('Director');
  expect(subtitleName({ label: 'de', language: 'de' })).toBe('German');
  expect(subtitleName({ label: '', language: 'und' })).toBe('Subtitles');
  expect(subtitleName({ label: '', language: 'not a language' })).toBe('not a language');
});

test('a choice means the same track, else one in its language, else none', () => {
  expect(matching(tracks, { label: 'English for the deaf', language: 'en' })?.id).toBe('b');
  expect(matching(tracks, { label: 'Englisch', language: 'en' })?.id).toBe('a');
  expect(matching(tracks, { label: 'Français', language: 'fr' })).toBeNull();
});
