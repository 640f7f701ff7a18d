import { expect, it } from 'vitest';
import { qualitiesOf, qualityLabel } from './quality';

const levels = [
  { width: 640, height: 360, bitrate: 600_000, uri: 'http://h/v/x/360p/index.m3u8' },
  { width: 1920, height: 800, bitrate: 5_000_000, uri: 'http://h/v/x/1080p/index.m3u8?sig=1' },
  { width: 480, height: 854, bitrate: 900_000 },
];

it('names rungs by their box, not by their picture, tallest first', () => {
  expect(qualitiesOf(levels).map(({ index, name }) => [index, name])).toEqual([
    [2, '480p'],
    [1, '1080p'],
    [0, '360p'],
  ]);
});

it('says what Auto comes to', () => {
  const [tallest] = qualitiesOf(levels);
  expect(qualityLabel(null, null)).toBe('Auto');
  expect(qualityLabel(null, tallest ?? null)).toBe('Auto (480p)');
  expect(qualityLabel(tallest ?? null, null)).toBe('480p');
});
