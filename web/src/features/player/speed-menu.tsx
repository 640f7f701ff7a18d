import { selectPlaybackRate, usePlayer } from '@videojs/react';
import { ControlMenu, type ControlMenuPlace } from './control-menu';

export function SpeedMenu(place: ControlMenuPlace) {
  const speed = usePlayer(selectPlaybackRate);
  if (!speed) return null;
  const words = (rate: number) => `${rate}×`;
  return (
    <ControlMenu
      {...place}
      label="Speed"
      says={words(speed.playbackRate)}
      value={speed.playbackRate}
      onChange={(rate) => speed.setPlaybackRate(rate)}
      options={speed.playbackRates.map((rate) => ({
        value: rate,
        label: rate === 1 ? 'Normal' : words(rate),
      }))}
    />
  );
}
