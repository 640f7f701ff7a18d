import {
  FullscreenButton,
  MuteButton,
  PiPButton,
  PlayButton,
  Slider,
  selectFullscreen,
  Time,
  TimeSlider,
  usePlayer,
  Controls as VideoControls,
  VolumeSlider,
} from '@videojs/react';
import { Icon } from '~/ui/icons';
import styles from './controls.module.css';
import type { Quality } from './quality';
import { QualityMenu } from './quality-menu';
import { SpeedMenu } from './speed-menu';
import type { Subtitles } from './subtitles';
import { SubtitlesMenu } from './subtitles-menu';

type ControlsProps = {
  container: HTMLElement | null;
  qualities: readonly Quality[];
  chosen: number | null;
  playing: number | null;
  onChoose: (index: number | null) => void;
  subtitles: readonly Subtitles[];
  /** The id of those on the screen. */
  showing: string | null;
  onSubtitles: (id: string | null) => void;
  /** Keeps the bar while one of its menus is open. */
  pinned: boolean;
  onMenu: (open: boolean) => void;
};

export function Controls(props: ControlsProps) {
  // A fullscreen element shows only what is inside it; elsewhere menus must not be cut off by it.
  const fullscreen = usePlayer(selectFullscreen)?.fullscreen === true;
  const container = fullscreen ? props.container : null;
  return (
    <VideoControls.Root visibility={props.pinned ? 'always' : 'auto'}>
      <VideoControls.Backdrop className={styles.backdrop} />
      <VideoControls.Content className={styles.controls} data-interactive>
        <SeekBar />
        <VideoControls.Group className={styles.bar} aria-label="Playback controls">
          <PlayButton
            render={(button, state) => (
              <button {...button} className={styles.button}>
                <Icon name={state.ended ? 'replay' : state.paused ? 'play' : 'pause'} size={24} />
              </button>
            )}
          />
          <Volume />
          <Time.Group className={styles.time}>
            <Time.Value type="current" />
            <Time.Separator className={styles.slash} />
            <Time.Value type="duration" />
          </Time.Group>
          <span className={styles.space} />
          <SpeedMenu container={container} onMenu={props.onMenu} />
          <QualityMenu {...props} container={container} />
          <SubtitlesMenu
            container={container}
            tracks={props.subtitles}
            showing={props.showing}
            onChoose={props.onSubtitles}
            onMenu={props.onMenu}
          />
          <PiPButton
            render={(button) => (
              <button {...button} className={`${styles.button} ${styles.wideOnly}`}>
                <Icon name="pip" size={22} />
              </button>
            )}
          />
          <FullscreenButton
            render={(button, state) => (
              <button {...button} className={styles.button}>
                <Icon name={state.fullscreen ? 'exitFullscreen' : 'fullscreen'} size={22} />
              </button>
            )}
          />
        </VideoControls.Group>
      </VideoControls.Content>
    </VideoControls.Root>
  );
}

function SeekBar() {
  return (
    <TimeSlider.Root className={styles.seek}>
      <TimeSlider.Track className={styles.track}>
        <TimeSlider.Buffer className={styles.buffer} />
        <TimeSlider.Fill className={styles.fill} />
      </TimeSlider.Track>
      <TimeSlider.Thumb className={styles.thumb} />
      <Slider.Thumbnail.Root className={styles.preview}>
        <Slider.Thumbnail.Image alt="" />
      </Slider.Thumbnail.Root>
      <TimeSlider.Value type="pointer" className={styles.pointer} />
    </TimeSlider.Root>
  );
}

function Volume() {
  return (
    <div className={styles.volume}>
      <MuteButton
        render={(button, state) => (
          <button {...button} className={styles.button}>
            <Icon
              name={
                state.volumeLevel === 'off'
                  ? 'muted'
                  : state.volumeLevel === 'high'
                    ? 'volume'
                    : 'volumeLow'
              }
              size={22}
            />
          </button>
        )}
      />
      <VolumeSlider.Root className={styles.volumeSlider}>
        <VolumeSlider.Track className={styles.track}>
          <VolumeSlider.Fill className={styles.volumeFill} />
        </VolumeSlider.Track>
        <VolumeSlider.Thumb className={styles.volumeThumb} />
      </VolumeSlider.Root>
    </div>
  );
}
