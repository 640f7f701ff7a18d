import { useEffect, useState, useSyncExternalStore } from 'react';
import { Playback, type PlaybackState } from './playback';

const nothing: PlaybackState = {
  qualities: [],
  chosen: null,
  playing: null,
  waitingForPart: false,
  problem: null,
};
const never = () => () => {};
const getNothing = () => nothing;

/**
 * Plays `url` in `video` for as long as both stay, and follows how it goes. `making`: parts of it are
 * still being made.
 */
export function usePlayback(video: HTMLVideoElement | null, url: string, making: boolean) {
  const [playback, setPlayback] = useState<Playback | null>(null);
  useEffect(() => {
    if (!video) return;
    const created = new Playback(video, url);
    setPlayback(created);
    return () => {
      created.stop();
      setPlayback(null);
    };
  }, [video, url]);
  useEffect(() => playback?.setMaking(making), [playback, making]);
  const state = useSyncExternalStore(
    playback?.subscribe ?? never,
    playback?.getState ?? getNothing,
  );
  return { playback, state };
}
