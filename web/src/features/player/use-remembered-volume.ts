import { useEffect } from 'react';
import * as v from 'valibot';

const storageKey = 'sf.volume';
const VolumeSchema = v.object({
  volume: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  muted: v.boolean(),
});

/** Every player of this browser starts as loud as the last one ended. */
export function useRememberedVolume(video: HTMLVideoElement | null): void {
  useEffect(() => {
    if (!video) return;
    try {
      const parsed: unknown = JSON.parse(localStorage.getItem(storageKey) ?? 'null');
      const stored = v.safeParse(VolumeSchema, parsed);
      if (stored.success) {
        video.volume = stored.output.volume;
        video.muted = stored.output.muted;
      }
    } catch {
      // Storage may be denied or hold something else; the browser's volume is fine then.
    }
    function remember() {
      if (!video) return;
      const { volume, muted } = video;
      try {
        localStorage.setItem(storageKey, JSON.stringify({ volume, muted }));
      } catch {
        // As above.
      }
    }
    video.addEventListener('volumechange', remember);
    return () => video.removeEventListener('volumechange', remember);
  }, [video]);
}
