import { describe, expect, it } from 'vitest';
import { endOfHole } from './hole';

function ranges(...all: [number, number][]): TimeRanges {
  const at = (i: number) => all[i] ?? [Number.NaN, Number.NaN];
  return { length: all.length, start: (i) => at(i)[0], end: (i) => at(i)[1] };
}

describe('endOfHole', () => {
  it('is where the next picture is', () => {
    expect(endOfHole(ranges([56.067, 60.067]), 56.02)).toBe(56.067);
    expect(endOfHole(ranges([40, 56], [56.1, 60]), 56)).toBe(56.1);
  });
  it('is nothing while something is buffered there', () => {
    expect(endOfHole(ranges([40, 56.03], [56.067, 60]), 56.02)).toBeNull();
  });
  it('is nothing where a part is missing, or all is', () => {
    expect(endOfHole(ranges([10, 20], [56.6, 60]), 56)).toBeNull();
    expect(endOfHole(ranges([10, 20]), 20)).toBeNull();
    expect(endOfHole(ranges(), 0)).toBeNull();
  });
});
