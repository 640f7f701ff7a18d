import { describe, expect, it } from 'vitest';
import {
  formatAgo,
  formatBitrate,
  formatBytes,
  formatDuration,
  formatPercent,
  formatRemaining,
} from './format';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [1_540_000, '1.5 MB'],
    [150_000_000, '150 MB'],
    [999_600_000, '1.0 GB'],
    [5_368_709_120, '5.4 GB'],
  ])('%d is %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('formatPercent', () => {
  it.each([
    [0, '0 %'],
    [0.999, '99 %'],
    [1, '100 %'],
  ])('%d is %s: never done before the end', (share, text) =>
    expect(formatPercent(share)).toBe(text),
  );
});

describe('formatDuration', () => {
  it.each([
    [0, '0:00'],
    [59_400, '0:59'],
    [59_600, '1:00'],
    [245_000, '4:05'],
    [3_729_000, '1:02:09'],
  ])('%d ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe('formatRemaining', () => {
  it.each([
    [200, '1 s left'],
    [42_000, '42 s left'],
    [239_000, 'about 4 min left'],
    [3_600_000, 'about 1 h left'],
    [5_400_000, 'about 1 h 30 min left'],
  ])('%d ms is %s', (ms, text) => expect(formatRemaining(ms)).toBe(text));
});

it('writes bit rates in the unit of their size', () => {
  expect(formatBitrate(5_140_000)).toBe('5.1 Mb/s');
  expect(formatBitrate(128_000)).toBe('128 kb/s');
});

it('speaks of the past relative to now', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  expect(formatAgo('2026-03-01T11:59:40Z', now)).toBe('just now');
  expect(formatAgo('2026-03-01T11:00:00Z', now)).toBe('1 hour ago');
  expect(formatAgo('2026-02-27T12:00:00Z', now)).toBe('2 days ago');
});
