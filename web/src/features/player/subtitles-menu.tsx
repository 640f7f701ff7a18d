import { Icon } from '~/ui/icons';
import { ControlMenu, type ControlMenuPlace } from './control-menu';
import { type Subtitles, subtitleName } from './subtitles';

export type SubtitlesMenuProps = ControlMenuPlace & {
  tracks: readonly Subtitles[];
  showing: string | null;
  onChoose: (id: string | null) => void;
};

const off = 'off';

export function SubtitlesMenu(props: SubtitlesMenuProps) {
  const { tracks, showing, container, onChoose, onMenu } = props;
  if (tracks.length === 0) return null;
  const shown = tracks.find(({ id }) => id === showing);
  return (
    <ControlMenu
      container={container}
      onMenu={onMenu}
      label="Subtitles"
      says={shown ? subtitleName(shown) : 'Off'}
      value={showing ?? off}
      onChange={(id) => onChoose(id === off ? null : id)}
      options={[
        { value: off, label: 'Off' },
        ...tracks.map((track) => ({ value: track.id, label: subtitleName(track) })),
      ]}
    >
      <Icon name="captions" size={22} />
    </ControlMenu>
  );
}
