import type HlsType from 'hls.js';
import type { ErrorData, HlsConfig } from 'hls.js';
import workerUrl from 'hls.js/dist/hls.worker.js?url';
import { endOfHole } from './hole';
import { type Quality, qualitiesOf } from './quality';
import { standsStill } from './standstill';

export type PlaybackProblem = { message: string; hint: string };

export type PlaybackState = {
  readonly qualities: readonly Quality[];
  /** The index the person chose; null for automatic. */
  readonly chosen: number | null;
  /** The index whose picture is on the screen. */
  readonly playing: number | null;
  /** A part has been asked for and has not come yet: the server is probably making it. */
  readonly waitingForPart: boolean;
  readonly problem: PlaybackProblem | null;
};

const slowPartMs = 1_500;
const reloadMs = 3_000;
/** Together with hls.js's own retries: several minutes of patience with a busy server. */
const reloadsMax = 40;
/** At about the same place of the video. */
const mediaRecoveriesMax = 3;
const samePlaceSeconds = 10;
const lookMs = 1_000;
/** Looks in a row that find it standing still before something is done about it. */
const looksMax = 4;

const config: Partial<HlsConfig> = {
  workerPath: workerUrl,
  capLevelToPlayerSize: true,
  maxBufferLength: 30,
  backBufferLength: 60,
  // The server holds a request for a part it is just making; these outlast it.
  fragLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 20_000,
      maxLoadTimeMs: 120_000,
      timeoutRetry: { maxNumRetry: 8, retryDelayMs: 0, maxRetryDelayMs: 0 },
      errorRetry: { maxNumRetry: 12, retryDelayMs: 1_000, maxRetryDelayMs: 8_000 },
    },
  },
};

/**
 * Plays one HLS address in one video element: hls.js where media source extensions exist, the
 * browser's own player elsewhere (then without manual qualities). Created with the element, ended
 * by `stop`; no React. Faults heal by themselves where they can, otherwise `problem` says what is.
 */
export class Playback {
  private readonly video: HTMLVideoElement;
  private readonly url: string;
  private readonly listeners = new Set<() => void>();
  private hls: HlsType | null = null;
  private stopped = false;
  private making = false;
  private reloads = 0;
  private mediaRecoveries = 0;
  private recoveredAt = 0;
  private looks = 0;
  private reloadTimer: ReturnType<typeof setTimeout> | undefined;
  private slowTimer: ReturnType<typeof setTimeout> | undefined;
  private lookTimer: ReturnType<typeof setInterval> | undefined;
  private state: PlaybackState = {
    qualities: [],
    chosen: null,
    playing: null,
    waitingForPart: false,
    problem: null,
  };

  constructor(video: HTMLVideoElement, url: string) {
    this.video = video;
    this.url = url;
    video.addEventListener('seeking', this.expectJump); // Before hls.js, which asks at once.
    this.start().catch(() =>
      this.change({
        problem: { message: 'The player could not be loaded.', hint: 'Reload the page.' },
      }),
    );
  }

  getState = (): PlaybackState => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Whether parts are still being made. */
  setMaking(making: boolean): void {
    this.making = making;
  }

  /** Chooses a quality by its index, or automatic with null; takes effect with the next part. */
  choose(index: number | null): void {
    if (!this.hls) return;
    this.hls.nextLevel = index ?? -1;
    this.change({ chosen: index });
  }

  /** After a problem: begins anew where the person was. */
  retry(): void {
    this.reloads = 0;
    this.mediaRecoveries = 0;
    this.change({ problem: null });
    if (this.hls) this.reload(this.hls);
    else this.video.load();
  }

  /** Reads the playlist anew, which may offer more by now, and goes on where the person is. */
  renew(): void {
    const { hls, video } = this;
    if (!hls) return;
    const playing = !video.paused;
    hls.config.startPosition = video.currentTime;
    hls.loadSource(this.url);
    if (playing) video.play().catch(() => undefined);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.reloadTimer);
    clearTimeout(this.slowTimer);
    clearInterval(this.lookTimer);
    this.video.removeEventListener('seeking', this.expectJump);
    this.hls?.destroy();
    this.hls = null;
    this.listeners.clear();
  }

  private async start(): Promise<void> {
    const { default: Hls } = await import('hls.js');
    if (this.stopped) return;
    if (!Hls.isSupported()) {
      this.startNative();
      return;
    }
    const hls = new Hls(config);
    this.hls = hls;
    hls.on(Hls.Events.MANIFEST_PARSED, () => {
      this.reloads = 0;
      hls.startLevel = soonestLevel(hls);
      this.change({ qualities: this.listQualities(hls), problem: null });
    });
    hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => this.change({ playing: level }));
    hls.on(Hls.Events.FRAG_LOADING, () => this.expectPart());
    hls.on(Hls.Events.FRAG_BUFFERED, () => {
      this.reloads = 0;
      this.gotPart();
    });
    hls.on(Hls.Events.ERROR, (_, data) => this.recover(Hls, hls, data));
    hls.loadSource(this.url);
    hls.attachMedia(this.video);
    this.lookTimer = setInterval(() => this.look(hls), lookMs);
  }

  private startNative(): void {
    if (!this.video.canPlayType('application/vnd.apple.mpegurl')) {
      const message = 'This browser cannot play streamed video.';
      this.change({ problem: { message, hint: 'A current Firefox, Chrome, Edge or Safari can.' } });
      return;
    }
    this.video.src = this.url;
  }

  /** A part that nobody has watched is made when it is asked for: the first of them be the soonest. */
  private expectJump = (): void => {
    const { hls, video } = this;
    if (!hls || !this.making || hls.levels.length === 0) return;
    const { buffered, currentTime } = video;
    for (let i = 0; i < buffered.length; i += 1) {
      if (buffered.start(i) <= currentTime && currentTime < buffered.end(i)) return;
    }
    hls.nextAutoLevel = soonestLevel(hls);
  };

  private listQualities(hls: HlsType): Quality[] {
    return qualitiesOf(
      hls.levels.map(({ width, height, bitrate, uri }) => ({ width, height, bitrate, uri })),
    );
  }

  private expectPart(): void {
    clearTimeout(this.slowTimer);
    this.slowTimer = setTimeout(() => this.change({ waitingForPart: true }), slowPartMs);
  }

  private gotPart(): void {
    clearTimeout(this.slowTimer);
    if (this.state.waitingForPart) this.change({ waitingForPart: false });
  }

  private recover(Hls: typeof HlsType, hls: HlsType, data: ErrorData): void {
    if (data.details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) {
      // hls.js 1.7 waits before a hole for ever when nothing before it is buffered any more.
      const end = endOfHole(this.video.buffered, this.video.currentTime);
      if (end !== null) this.video.currentTime = end;
    }
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.attachAnew(hls)) return;
    const status = data.response?.code ?? 0;
    const refused = status === 401 || status === 403 || status === 410;
    if (data.type === Hls.ErrorTypes.NETWORK_ERROR && !refused && this.reloads < reloadsMax) {
      this.reloads += 1;
      this.change({ waitingForPart: true });
      this.reloadTimer = setTimeout(() => {
        this.reloadTimer = undefined;
        this.reload(hls);
      }, reloadMs);
      return;
    }
    this.change({ problem: problemOf(data.type === Hls.ErrorTypes.NETWORK_ERROR, status) });
  }

  /** hls.js may hold for loaded what the browser has dropped, and then waits for ever. */
  private look(hls: HlsType): void {
    const heals = this.reloadTimer !== undefined || this.state.problem !== null;
    this.looks = !heals && standsStill(this.video, hls) ? this.looks + 1 : 0;
    if (this.looks < looksMax) return;
    this.looks = 0;
    if (!this.attachAnew(hls)) this.change({ problem: problemOf(false, 0) });
  }

  /** Forgets all that was loaded, and loads it again from where the person is; false: too often. */
  private attachAnew(hls: HlsType): boolean {
    const { currentTime, paused } = this.video;
    if (Math.abs(currentTime - this.recoveredAt) > samePlaceSeconds) this.mediaRecoveries = 0;
    if (this.mediaRecoveries >= mediaRecoveriesMax) return false;
    this.mediaRecoveries += 1;
    this.recoveredAt = currentTime;
    hls.recoverMediaError();
    if (!paused) this.video.play().catch(() => undefined);
    return true;
  }

  private reload(hls: HlsType): void {
    if (hls.levels.length === 0) hls.loadSource(this.url);
    else hls.startLoad(this.video.currentTime);
  }

  private change(change: Partial<PlaybackState>): void {
    if (this.stopped) return;
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

/** What the server lists first can be had soonest, else what is smallest. */
function soonestLevel(hls: HlsType): number {
  return hls.firstLevel <= hls.maxAutoLevel ? hls.firstLevel : 0;
}

function problemOf(network: boolean, status: number): PlaybackProblem {
  if (status === 401 || status === 403) {
    return { message: 'You may not watch this video.', hint: 'Sign in, or ask for a new link.' };
  }
  if (status === 404 || status === 410) {
    return { message: 'The video is no longer here.', hint: 'It may have been deleted.' };
  }
  if (network) {
    return {
      message: 'The server cannot be reached.',
      hint: 'Check the connection, then try again.',
    };
  }
  return { message: 'This part of the video cannot be played.', hint: 'Try again or skip ahead.' };
}
