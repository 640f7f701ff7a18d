/** Longer ones are parts that have not come yet. */
const holeMaxSeconds = 0.5;

/**
 * Where playing can go on when a picture or two are missing at `time`, as between what was taken
 * out of the buffer for another quality and what came in its place; null when none are, or more.
 */
export function endOfHole(buffered: TimeRanges, time: number): number | null {
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) <= time && time < buffered.end(i)) return null;
  }
  for (let i = 0; i < buffered.length; i += 1) {
    const start = buffered.start(i);
    if (time < start && start - time < holeMaxSeconds) return start;
  }
  return null;
}
