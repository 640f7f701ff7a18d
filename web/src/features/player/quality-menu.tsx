import { formatBitrate } from '~/ui/format';
import { Menu, MenuChoice } from '~/ui/menu';
import styles from './controls.module.css';
import { type Quality, qualityLabel } from './quality';

type QualityMenuProps = {
  container: HTMLElement | null;
  qualities: readonly Quality[];
  chosen: number | null;
  playing: number | null;
  onChoose: (index: number | null) => void;
  onMenu: (open: boolean) => void;
};

const automatic = -1;

export function QualityMenu(props: QualityMenuProps) {
  const { qualities, chosen, playing, container, onChoose, onMenu } = props;
  if (qualities.length === 0) return null;
  const find = (index: number | null) => qualities.find((one) => one.index === index) ?? null;
  const label = qualityLabel(find(chosen), find(playing));
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
          aria-label={`Quality: ${label}`}
        >
          {label}
        </button>
      }
    >
      <MenuChoice
        label="Quality"
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
    </Menu>
  );
}
