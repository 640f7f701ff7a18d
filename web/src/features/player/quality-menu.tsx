import { formatBitrate } from '~/ui/format';
import { ControlMenu, type ControlMenuPlace } from './control-menu';
import { type Quality, qualityLabel } from './quality';

type QualityMenuProps = ControlMenuPlace & {
  qualities: readonly Quality[];
  chosen: number | null;
  playing: number | null;
  onChoose: (index: number | null) => void;
};

const automatic = -1;

export function QualityMenu(props: QualityMenuProps) {
  const { qualities, chosen, playing, container, onChoose, onMenu } = props;
  if (qualities.length === 0) return null;
  const find = (index: number | null) => qualities.find((one) => one.index === index) ?? null;
  return (
    <ControlMenu
      container={container}
      onMenu={onMenu}
      label="Quality"
      says={qualityLabel(find(chosen), find(playing))}
      value={chosen ?? automatic}
      onChange={(index) => onChoose(index === automatic ? null : index)}
      options={[
        { value: automatic, label: qualityLabel(null, chosen === null ? find(playing) : null) },
        ...qualities.map((quality) => ({
          value: quality.index,
          label: quality.name,
          note: formatBitrate(quality.bps),
        })),
      ]}
    />
  );
}
