import { Select as BaseSelect } from '@base-ui/react/select';
import { classNames } from './class-names';
import { Icon } from './icons';
import { keepKeys } from './keep-keys';
import styles from './select.module.css';

type SelectProps<Value extends string> = {
  label: string;
  value: Value;
  options: { value: Value; label: string; note?: string }[];
  onChange: (value: Value) => void;
  /** Shows the label inside the control instead of only announcing it. */
  showLabel?: boolean;
  /** Fills the width of its form. */
  block?: boolean;
};

export function Select<Value extends string>({
  label,
  value,
  options,
  onChange,
  showLabel = false,
  block = false,
}: SelectProps<Value>) {
  const current = options.find((option) => option.value === value);
  return (
    <BaseSelect.Root
      value={value}
      onValueChange={(next) => next !== null && onChange(next as Value)}
      modal={false}
    >
      <BaseSelect.Trigger
        className={classNames(styles.trigger, block && styles.block)}
        aria-label={`${label}: ${current?.label ?? value}`}
      >
        {showLabel && <span className={styles.label}>{label}</span>}
        <span className={styles.value}>{current?.label ?? value}</span>
        <Icon name="chevronDown" size={16} className={styles.chevron} />
      </BaseSelect.Trigger>
      <BaseSelect.Portal>
        <BaseSelect.Positioner
          className={styles.positioner}
          sideOffset={6}
          alignItemWithTrigger={false}
        >
          <BaseSelect.Popup className={styles.popup} onKeyDown={keepKeys}>
            {options.map((option) => (
              <BaseSelect.Item key={option.value} value={option.value} className={styles.item}>
                <span className={styles.mark}>
                  <BaseSelect.ItemIndicator>
                    <Icon name="check" size={16} />
                  </BaseSelect.ItemIndicator>
                </span>
                <BaseSelect.ItemText>
                  {option.label}
                  {option.note && <span className={styles.note}>{option.note}</span>}
                </BaseSelect.ItemText>
              </BaseSelect.Item>
            ))}
          </BaseSelect.Popup>
        </BaseSelect.Positioner>
      </BaseSelect.Portal>
    </BaseSelect.Root>
  );
}
