import { Icon } from '~/ui/icons';
import { Menu, MenuChoice } from '~/ui/menu';
import styles from './controls.module.css';
import { type Subtitles, subtitleName } from './subtitles';

export type SubtitlesMenuProps = {
  container: HTMLElement | null;
  tracks: readonly Subtitles[];
  showing: string | null;
  onChoose: (id: string | null) => void;
  onMenu: (open: boolean) => void;
};

const off = 'off';

export function SubtitlesMenu({
  container,
  tracks,
  showing,
  onChoose,
  onMenu,
}: SubtitlesMenuProps) {
  if (tracks.length === 0) return null;
  const shown = tracks.find(({ id }) => id === showing);
  return (
    <Menu
      side="top"
      dark
      container={container}
      onOpenChange={onMenu}
      trigger={
        <button
          type="button"
          className={styles.button}
          aria-label={`Subtitles: ${shown ? subtitleName(shown) : 'Off'}`}
        >
          <Icon name="captions" size={22} />
        </button>
      }
    >
      <MenuChoice
        label="Subtitles"
        value={showing ?? off}
        onChange={(id) => onChoose(id === off ? null : id)}
        options={[
          { value: off, label: 'Off' },
          ...tracks.map((track) => ({ value: track.id, label: subtitleName(track) })),
        ]}
      />
    </Menu>
  );
}
