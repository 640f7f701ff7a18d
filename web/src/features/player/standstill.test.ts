import { describe, expect, it } from 'vitest';
import { standsStill } from './standstill';

type Loading = Parameters<typeof standsStill>[1];

function hls(main: string, audio: string | null = 'ENDED', live: boolean | null = false): Loading {
  return {
    latestLevelDetails: live === null ? null : { live },
    inFlightFragments: {
      main: { frag: null, state: main },
      ...(audio !== null && { audio: { frag: null, state: audio } }),
    },
  } as Loading;
}
const starved = { ended: false, readyState: 2 };

describe('standsStill', () => {
  it('is so when nothing is there and nothing comes', () => {
    expect(standsStill(starved, hls('ENDED'))).toBe(true);
    expect(standsStill(starved, hls('IDLE', null))).toBe(true);
    expect(standsStill({ ended: false, readyState: 1 }, hls('PARSED', 'IDLE'))).toBe(true);
  });
  it('is not so while more is there, or at the end', () => {
    expect(standsStill({ ended: false, readyState: 3 }, hls('ENDED'))).toBe(false);
    expect(standsStill({ ended: true, readyState: 2 }, hls('ENDED'))).toBe(false);
  });
  it('is not so while a part of the picture or of the sound comes', () => {
    expect(standsStill(starved, hls('FRAG_LOADING'))).toBe(false);
    expect(standsStill(starved, hls('FRAG_LOADING_WAITING_RETRY'))).toBe(false);
    expect(standsStill(starved, hls('WAITING_LEVEL'))).toBe(false);
    expect(standsStill(starved, hls('ENDED', 'FRAG_LOADING'))).toBe(false);
  });
  it('is not so before there is a list, or while it grows', () => {
    expect(standsStill(starved, hls('IDLE', 'IDLE', null))).toBe(false);
    expect(standsStill(starved, hls('IDLE', 'IDLE', true))).toBe(false);
  });
});
