import type Hls from 'hls.js';

type Shown = Pick<HTMLVideoElement, 'ended' | 'readyState'>;
type Loading = Pick<Hls, 'inFlightFragments' | 'latestLevelDetails'>;

const haveFutureData = 3; // HTMLMediaElement.HAVE_FUTURE_DATA
/** What hls.js is in while it waits for an answer, or to ask again. */
const onTheWay: ReadonlySet<string> = new Set([
  'KEY_LOADING',
  'FRAG_LOADING',
  'FRAG_LOADING_WAITING_RETRY',
  'WAITING_TRACK',
  'WAITING_LEVEL',
]);

/**
 * Whether `video` has nothing more to show before its end, and nothing is on the way either. A video
 * that still arrives rightly waits for its list to grow.
 */
export function standsStill(video: Shown, hls: Loading): boolean {
  const list = hls.latestLevelDetails;
  if (video.ended || video.readyState >= haveFutureData || !list || list.live) return false;
  const { main, audio } = hls.inFlightFragments;
  return ![main, audio].some((one) => one !== undefined && onTheWay.has(one.state));
}
