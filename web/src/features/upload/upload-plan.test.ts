import { describe, expect, it } from 'vitest';
import {
  bytesSent,
  goesInParts,
  planParts,
  planWhole,
  type UploadPlan,
  urlsOf,
} from './upload-plan';

const mebibyte = 1024 * 1024;

function rangesOf(plan: UploadPlan) {
  return plan.parts.map(({ begin, end }) => [begin, end]);
}

/** What a server demands: every byte once, and borders between whole blocks. */
function expectCover(plan: UploadPlan, size: number) {
  const inOrder = plan.parts.toSorted((a, b) => a.begin - b.begin);
  let at = 0;
  for (const { begin, end } of inOrder) {
    expect(begin).toBe(at);
    expect(begin % 4096).toBe(0);
    expect(end).toBeGreaterThan(begin);
    at = end;
  }
  expect(at).toBe(size);
}

it('splits from 64 MiB on', () => {
  expect(goesInParts(64 * mebibyte - 1)).toBe(false);
  expect(goesInParts(64 * mebibyte)).toBe(true);
  expect(planWhole(5)).toMatchObject({ group: null, parts: [{ begin: 0, end: 5 }] });
});

describe('planParts', () => {
  it('goes from the first byte to the last, the head in small parts', () => {
    const ranges = rangesOf(planParts(128 * mebibyte + 1, null));
    expect(ranges.slice(0, 5)).toEqual([
      [0, mebibyte],
      [mebibyte, 2 * mebibyte],
      [2 * mebibyte, 3 * mebibyte],
      [3 * mebibyte, 4 * mebibyte],
      [4 * mebibyte, 5 * mebibyte],
    ]);
    for (const [begin = 0, end = 0] of ranges.slice(4)) {
      expect(end - begin).toBeLessThanOrEqual(Math.min(16 * mebibyte, begin / 4 + 4096));
    }
    expect(ranges.at(-1)?.[1]).toBe(128 * mebibyte + 1);
  });

  it('names every group differently', () => {
    expect(planParts(1, null).group).toMatch(/^[0-9a-f]{32}$/);
    expect(planParts(1, null).group).not.toBe(planParts(1, null).group);
  });

  it.each([64 * mebibyte, 100 * mebibyte + 17, 3_000_000_001, 9_007_199_254_740_991])(
    'covers %d bytes with no more parts than a server takes',
    (size) => {
      expectCover(planParts(size, null), size);
      expect(planParts(size, null).parts.length).toBeLessThanOrEqual(200);
    },
  );

  it('begins with the index behind the media, in whole blocks', () => {
    const size = 70 * mebibyte + 5;
    const plan = planParts(size, { begin: 69 * mebibyte + 10, end: size });
    expect(plan.parts[0]).toMatchObject({ begin: 69 * mebibyte, end: size });
    expect(plan.parts[1]).toMatchObject({ begin: 0 });
    expectCover(plan, size);
  });

  it('leaves what follows that index for the end', () => {
    const size = 80 * mebibyte;
    const plan = planParts(size, { begin: 40 * mebibyte + 10, end: 41 * mebibyte + 20 });
    expect(plan.parts[0]).toMatchObject({ begin: 40 * mebibyte, end: 41 * mebibyte + 4096 });
    expect(plan.parts.at(-1)).toMatchObject({ end: size });
    expectCover(plan, size);
  });
});

it('sums up what was sent and lists what was created', () => {
  const plan = planParts(48 * mebibyte, null);
  Object.assign(plan.parts[0] ?? {}, { url: '/files/a', sent: 7 });
  Object.assign(plan.parts[2] ?? {}, { url: '/files/c', sent: 5 });
  plan.parts.reverse();
  expect(bytesSent(plan)).toBe(12);
  expect(urlsOf(plan)).toEqual(['/files/a', '/files/c']);
});
