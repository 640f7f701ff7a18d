import { selectPlaybackRate, usePlayer } from '@videojs/react';
import { Menu, MenuChoice } from '~/ui/menu';
import styles from './controls.module.css';

type SpeedMenuProps = { container: HTMLElement | null; onMenu: (open: boolean) => void };

export function SpeedMenu({ container, onMenu }: SpeedMenuProps) {
  const speed = usePlayer(selectPlaybackRate);
  if (!speed) return null;
  const words = (rate: number) => `${rate}×`;
  return (
    <Menu
      side="top"
      dark
      container={container}
      onOpenChange={onMenu}
      trigger={
        <button
          type="button"
          className={`${styles.button} ${styles.textButton}`}
          aria-label={`Speed: ${words(speed.playbackRate)}`}
        >
          {words(speed.playbackRate)}
        </button>
      }
    >
      <MenuChoice
        label="Speed"
        value={speed.playbackRate}
        onChange={(rate) => speed.setPlaybackRate(rate)}
        options={speed.playbackRates.map((rate) => ({
          value: rate,
          label: rate === 1 ? 'Normal' : words(rate),
        }))}
      />
    </Menu>
  );
}
