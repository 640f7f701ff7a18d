import type { Status, Video, Visibility } from './wire';

/** Facts about a video in the words the whole page uses for them. */

export const statusWords: Record<Status, string> = {
  uploading: 'Uploading',
  queued: 'Queued',
  processing: 'Processing',
  ready: 'Ready',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

export const visibilityWords: Record<Visibility, { label: string; meaning: string }> = {
  public: { label: 'Public', meaning: 'Listed, and anyone can watch' },
  unlisted: { label: 'Unlisted', meaning: 'Anyone with the link can watch' },
  private: { label: 'Private', meaning: 'Only you can watch' },
};

/** Still moving by itself: worth asking about again when no events arrive. */
export function isActive(video: Video): boolean {
  return video.status === 'uploading' || video.status === 'queued' || video.status === 'processing';
}

/** How much of the source is on the server, 0–1; null when its size is not declared yet. */
export function receivedShare(video: Video): number | null {
  const source = video.source;
  if (!source?.bytes) return null;
  return Math.min(1, source.received_bytes / source.bytes);
}

/** The share that the status is about: bytes while uploading, segments while processing. */
export function statusShare(video: Video): number | null {
  if (video.status === 'uploading') return receivedShare(video);
  if (video.status === 'processing') return video.progress;
  return null;
}

/** The rung a picture belongs to: "720p" for the source's smaller side. */
export function heightName(video: Video): string | null {
  if (!video.width || !video.height) return null;
  return `${Math.min(video.width, video.height)}p`;
}

type StatusBadge = {
  tone: 'ok' | 'info' | 'accent' | 'bad' | 'calm';
  live: boolean;
  text: string;
};

const tones: Record<Status, StatusBadge['tone']> = {
  uploading: 'info',
  queued: 'calm',
  processing: 'accent',
  ready: 'ok',
  failed: 'bad',
  cancelled: 'calm',
};

/** The status as a badge shows it: one word, and how far it is where that is known. */
export function statusBadge(video: Video): StatusBadge {
  const share = statusShare(video);
  const word = video.paused && isActive(video) ? 'Paused' : statusWords[video.status];
  const percent = share === null ? '' : ` ${Math.min(99, Math.floor(share * 100))} %`;
  const live = !video.paused && (video.status === 'uploading' || video.status === 'processing');
  return { tone: video.paused ? 'calm' : tones[video.status], live, text: `${word}${percent}` };
}

/** Each rung's share of finished segments, tallest first. */
export function rungShares(video: Video): { name: string; value: number }[] {
  return video.renditions.map((rendition) => ({
    name: rendition.name,
    value: rendition.segments_total
      ? Math.min(1, rendition.segments_done / rendition.segments_total)
      : 0,
  }));
}

/** The subtitles that can be shown, as the player takes them. */
export function readySubtitles(video: Video) {
  return video.subtitles
    .filter(({ ready }) => ready)
    .map(({ name, label, language }) => ({ id: name, label, language }));
}
