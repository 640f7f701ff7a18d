import { Menu as BaseMenu } from '@base-ui/react/menu';
import type { ReactElement, ReactNode } from 'react';
import { classNames } from './class-names';
import { Icon, type IconName } from './icons';
import { keepKeys } from './keep-keys';
import styles from './menu.module.css';

type MenuProps = {
  trigger: ReactElement;
  children: ReactNode;
  align?: 'start' | 'end' | 'center';
  side?: 'top' | 'bottom';
  /** Where the popup is put in the document; a fullscreen element shows only what is inside it. */
  container?: HTMLElement | null;
  dark?: boolean;
  onOpenChange?: (open: boolean) => void;
};

export function Menu({
  trigger,
  children,
  align = 'end',
  side = 'bottom',
  container,
  dark,
  onOpenChange,
}: MenuProps) {
  return (
    <BaseMenu.Root modal={false} onOpenChange={(open) => onOpenChange?.(open)}>
      <BaseMenu.Trigger render={trigger} />
      <BaseMenu.Portal container={container ?? undefined}>
        <BaseMenu.Positioner align={align} side={side} sideOffset={6} className={styles.positioner}>
          <BaseMenu.Popup
            className={classNames(styles.popup, dark && styles.dark)}
            onKeyDown={keepKeys}
          >
            {children}
          </BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  );
}

type MenuItemProps = {
  icon?: IconName;
  danger?: boolean;
  onSelect: () => void;
  children: ReactNode;
};

export function MenuItem({ icon, danger, onSelect, children }: MenuItemProps) {
  return (
    <BaseMenu.Item className={classNames(styles.item, danger && styles.danger)} onClick={onSelect}>
      {icon && <Icon name={icon} size={18} />}
      {children}
    </BaseMenu.Item>
  );
}

export function MenuLine() {
  return <BaseMenu.Separator className={styles.line} />;
}

export type MenuChoiceProps<Value extends string | number> = {
  label: string;
  value: Value;
  options: { value: Value; label: ReactNode; note?: ReactNode }[];
  onChange: (value: Value) => void;
};

/** One of several, marked; what a player's quality and speed menus are made of. */
export function MenuChoice<Value extends string | number>({
  label,
  value,
  options,
  onChange,
}: MenuChoiceProps<Value>) {
  return (
    <BaseMenu.RadioGroup value={value} onValueChange={(next) => onChange(next as Value)}>
      <BaseMenu.Group>
        <BaseMenu.GroupLabel className={styles.label}>{label}</BaseMenu.GroupLabel>
        {options.map((option) => (
          <BaseMenu.RadioItem
            key={option.value}
            value={option.value}
            closeOnClick
            className={styles.item}
          >
            <span className={styles.mark}>
              <BaseMenu.RadioItemIndicator>
                <Icon name="check" size={16} />
              </BaseMenu.RadioItemIndicator>
            </span>
            <span className={styles.grow}>{option.label}</span>
            {option.note && <span className={styles.note}>{option.note}</span>}
          </BaseMenu.RadioItem>
        ))}
      </BaseMenu.Group>
    </BaseMenu.RadioGroup>
  );
}
