import { selectTextTrack, usePlayer } from '@videojs/react';
import { useEffect, useRef } from 'react';
import * as v from 'valibot';
import { loadLater, matching, type SubtitleChoice, type Subtitles } from './subtitles';

const storageKey = 'sf.subtitles';
const ChoiceSchema = v.nullable(v.object({ label: v.string(), language: v.string() }));

/** undefined: nothing was ever chosen, so the video's own default holds. */
function remembered(): SubtitleChoice | undefined {
  try {
    const text = localStorage.getItem(storageKey);
    const stored = v.safeParse(ChoiceSchema, text === null ? undefined : JSON.parse(text));
    return stored.success ? stored.output : undefined;
  } catch {
    return undefined; // Storage may be denied or hold something else.
  }
}

function remember(choice: SubtitleChoice): void {
  try {
    localStorage.setItem(storageKey, JSON.stringify(choice));
  } catch {
    // As above.
  }
}

/**
 * The subtitles of the player it is used in, and which are shown. A choice is kept for other videos
 * of this browser. `offered` is what the server has: where the player began before the subtitles
 * were there, choosing some makes it read the playlist anew, with `reload`.
 */
export function useSubtitles(offered: readonly Subtitles[], reload: () => void) {
  const text = usePlayer(selectTextTrack);
  const all = (text?.textTrackList ?? [])
    .filter(({ kind }) => kind === 'subtitles' || kind === 'captions')
    .map(({ id = '', label, language, mode }) => ({ id, label, language, mode }));
  const loaded = all.length > 0;
  const tracks: readonly Subtitles[] = loaded
    ? all
    : offered.map((one) => ({ ...one, id: loadLater + one.id }));
  const showing = all.find(({ mode }) => mode === 'showing')?.id ?? null;
  const last = useRef<string | null>(null);
  if (showing) last.current = showing;

  function choose(id: string | null): void {
    const track = tracks.find((one) => one.id === id) ?? null;
    remember(track && { label: track.label, language: track.language });
    if (track && !loaded) reload();
    else text?.selectSubtitlesTrack(track?.id ?? 'off');
  }

  function toggle(): void {
    const first = tracks.find(({ id }) => id === last.current) ?? tracks[0];
    if (first) choose(showing ? null : first.id);
  }

  // What was chosen before holds as soon as there are tracks to choose from.
  const select = text?.selectSubtitlesTrack;
  const list = JSON.stringify(all.map(({ id, label, language }) => ({ id, label, language })));
  useEffect(() => {
    const there = JSON.parse(list) as Subtitles[];
    const choice = remembered();
    if (there.length === 0 || choice === undefined || !select) return;
    const track = choice && matching(there, choice);
    if (!choice || track) select(track?.id ?? 'off');
  }, [list, select]);

  return { tracks, showing, choose, toggle };
}
