import {
  bufferFeature,
  Container,
  controlsFeature,
  createPlayer,
  fullscreenFeature,
  Gesture,
  pipFeature,
  playbackFeature,
  playbackRateFeature,
  textTrackFeature,
  timeFeature,
  useMediaAttach,
  volumeFeature,
} from '@videojs/react';
import { useCallback, useState } from 'react';
import { Controls } from './controls';
import { Hotkeys } from './hotkeys';
import { Overlay } from './overlay';
import styles from './player.module.css';
import type { Subtitles } from './subtitles';
import { usePlayback } from './use-playback';
import { useRememberedVolume } from './use-remembered-volume';
import { useSubtitles } from './use-subtitles';

const { Player: Provider } = createPlayer({
  features: [
    playbackFeature,
    playbackRateFeature,
    volumeFeature,
    timeFeature,
    bufferFeature,
    fullscreenFeature,
    pipFeature,
    controlsFeature,
    textTrackFeature,
  ],
});

export type PlayerProps = {
  url: string;
  title: string;
  poster: string | null;
  /** Small pictures for the seek bar: WebVTT that names tiles on sheets. */
  storyboard: string | null;
  /** Those that the server has by now; the playlist that plays may be older. */
  subtitles: readonly Subtitles[];
  autoPlay: boolean;
  /** Some parts are still being made, so waiting for one is no fault. */
  making: boolean;
};

/** The player: Video.js keeps state and semantics of the controls, hls.js brings the picture. */
export function Player(props: PlayerProps) {
  return (
    <Provider>
      <Stage {...props} />
    </Provider>
  );
}

function Stage({ url, title, poster, storyboard, subtitles, autoPlay, making }: PlayerProps) {
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  const [container, setContainer] = useState<HTMLDivElement | null>(null);
  const [menuOpen, setMenuOpen] = useState(false);
  const attach = useMediaAttach();
  const { playback, state } = usePlayback(video, url, making);
  useRememberedVolume(video);
  const { tracks, showing, choose, toggle } = useSubtitles(subtitles, () => playback?.renew());

  const ref = useCallback(
    (element: HTMLVideoElement | null) => {
      setVideo(element);
      attach?.(element);
    },
    [attach],
  );

  return (
    <Container
      ref={setContainer}
      className={styles.player}
      aria-label={`Video player: ${title}`}
      role="region"
    >
      {/* biome-ignore lint/a11y/useMediaCaption: subtitles come as text tracks out of the playlist */}
      <video
        ref={ref}
        className={styles.video}
        poster={poster ?? undefined}
        autoPlay={autoPlay}
        playsInline
        preload="auto"
      >
        {storyboard && <track kind="metadata" label="thumbnails" src={storyboard} default />}
      </video>
      <Gesture type="tap" pointer="mouse" action="togglePaused" />
      <Gesture type="tap" pointer="touch" action="toggleControls" />
      <Gesture type="doubletap" region="left" action="seekStep" value={-10} />
      <Gesture type="doubletap" region="center" action="toggleFullscreen" />
      <Gesture type="doubletap" region="right" action="seekStep" value={10} />
      <Hotkeys onSubtitles={toggle} />
      <Overlay
        making={making}
        waitingForPart={state.waitingForPart}
        problem={state.problem}
        onRetry={() => playback?.retry()}
      />
      <Controls
        container={container}
        qualities={state.qualities}
        chosen={state.chosen}
        playing={state.playing}
        onChoose={(index) => playback?.choose(index)}
        subtitles={tracks}
        showing={showing}
        onSubtitles={choose}
        pinned={menuOpen}
        onMenu={setMenuOpen}
      />
    </Container>
  );
}
