import type { ReactNode } from 'react';
import { Menu, MenuChoice, type MenuChoiceProps } from '~/ui/menu';
import styles from './controls.module.css';

/** What every menu of the controls is given. */
export type ControlMenuPlace = {
  /** The player; its menus open inside it, so that they are seen in full screen. */
  container: HTMLElement | null;
  /** Told when it opens and closes: the controls stay while one is open. */
  onMenu: (open: boolean) => void;
};

type ControlMenuProps<Value extends string | number> = ControlMenuPlace &
  MenuChoiceProps<Value> & {
    /** What is chosen, in words. */
    says: string;
    /** What the button shows. Without it: what it says. */
    children?: ReactNode;
  };

/** A button of the player's controls that offers one of several. */
export function ControlMenu<Value extends string | number>({
  container,
  onMenu,
  says,
  children,
  ...choice
}: ControlMenuProps<Value>) {
  return (
    <Menu
      side="top"
      dark
      container={container}
      onOpenChange={onMenu}
      trigger={
        <button
          type="button"
          className={children ? styles.button : `${styles.button} ${styles.textButton}`}
          aria-label={`${choice.label}: ${says}`}
        >
          {children ?? says}
        </button>
      }
    >
      <MenuChoice {...choice} />
    </Menu>
  );
}
