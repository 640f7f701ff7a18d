import { Hotkey, useHotkey } from '@videojs/react';

/** The keys people know from other players; page-wide, except the ones that scroll the page. */
export function Hotkeys({ onSubtitles }: { onSubtitles: () => void }) {
  useHotkey({ keys: 'c', onActivate: onSubtitles, target: 'document', repeatable: false });
  return (
    <>
      <Hotkey keys="Space" action="togglePaused" target="document" />
      <Hotkey keys="k" action="togglePaused" target="document" />
      <Hotkey keys="ArrowLeft" action="seekStep" value={-5} target="document" />
      <Hotkey keys="ArrowRight" action="seekStep" value={5} target="document" />
      <Hotkey keys="j" action="seekStep" value={-10} target="document" />
      <Hotkey keys="l" action="seekStep" value={10} target="document" />
      <Hotkey keys="ArrowUp" action="volumeStep" value={0.05} />
      <Hotkey keys="ArrowDown" action="volumeStep" value={-0.05} />
      <Hotkey keys="m" action="toggleMuted" target="document" />
      <Hotkey keys="f" action="toggleFullscreen" target="document" />
      <Hotkey keys="i" action="togglePictureInPicture" target="document" />
      <Hotkey keys=">" action="speedUp" target="document" />
      <Hotkey keys="<" action="speedDown" target="document" />
      <Hotkey keys="0-9" action="seekToPercent" target="document" />
    </>
  );
}
