/** One quality a person can choose. `index` is its place in the engine's own list. */
export type Quality = { index: number; name: string; width: number; height: number; bps: number };

type Level = { width: number; height: number; bitrate: number; uri?: string | undefined };

/** "720p" out of "/v/abc/720p/index.m3u8", else from the smaller side of the picture. */
function nameOf(level: Level): string {
  const fromUri = /\/(\d{3,4}p\d*)\/[^/]*$/.exec(level.uri ?? '')?.[1];
  return fromUri ?? `${Math.min(level.width, level.height)}p`;
}

/** What the quality menu offers, tallest first. */
export function qualitiesOf(levels: readonly Level[]): Quality[] {
  return levels
    .map((level, index) => ({
      index,
      name: nameOf(level),
      width: level.width,
      height: level.height,
      bps: level.bitrate,
    }))
    .sort((a, b) => b.height - a.height || b.bps - a.bps);
}

/** The button's words: the choice, and what "Auto" comes to at the moment. */
export function qualityLabel(chosen: Quality | null, playing: Quality | null): string {
  if (chosen) return chosen.name;
  return playing ? `Auto (${playing.name})` : 'Auto';
}
