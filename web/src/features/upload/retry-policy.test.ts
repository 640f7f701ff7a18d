import { describe, expect, it } from 'vitest';
import { delayOf, judge } from './retry-policy';

function failure(status: number | null, body = '', retryAfterMs: number | null = null) {
  return { status, body, retryAfterMs };
}

describe('judge', () => {
  it('waits for the network and says whose fault it is', () => {
    expect(judge(failure(null), 0, false)).toEqual({
      kind: 'retry',
      reason: 'You are offline',
      delayMs: 1_000,
    });
    expect(judge(failure(null), 2, true)).toEqual({
      kind: 'retry',
      reason: 'The connection was lost',
      delayMs: 4_000,
    });
  });

  it.each([408, 409, 423, 429, 500, 502, 503, 504])('tries again after %d', (status) => {
    expect(judge(failure(status), 0, true).kind).toBe('retry');
  });

  it('obeys Retry-After', () => {
    expect(judge(failure(429, '', 7_000), 0, true)).toMatchObject({ delayMs: 7_000 });
  });

  it.each([404, 410])('starts over when the server forgot the upload (%d)', (status) => {
    expect(judge(failure(status), 0, true).kind).toBe('restart');
  });

  it.each([400, 401, 403, 413, 415, 507])(
    'stops at what only a person can change (%d)',
    (status) => {
      expect(judge(failure(status), 0, true).kind).toBe('stop');
    },
  );

  it('shows the server’s own words', () => {
    const body = JSON.stringify({ detail: 'Files end at 10 GB here.', hint: 'Cut it.' });
    expect(judge(failure(413, body), 0, true)).toEqual({
      kind: 'stop',
      reason: 'Files end at 10 GB here.',
      hint: 'Cut it.',
    });
  });
});

it('waits longer each time, never more than half a minute', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 60].map(delayOf)).toEqual([
    1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 30_000, 30_000,
  ]);
});
