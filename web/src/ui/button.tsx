import { Tooltip } from '@base-ui/react/tooltip';
import type { ComponentProps, ReactNode } from 'react';
import styles from './button.module.css';
import { classNames } from './class-names';
import { Icon, type IconName } from './icons';

type Variant = 'primary' | 'secondary' | 'ghost' | 'danger';

type ButtonProps = ComponentProps<'button'> & {
  variant?: Variant;
  icon?: IconName;
  /** Shows that the action runs; the button stays focusable but does nothing. */
  busy?: boolean;
};

export function Button({
  variant = 'secondary',
  icon,
  busy = false,
  className,
  children,
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={classNames(styles.button, styles[variant], className)}
      aria-busy={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {icon && <Icon name={icon} size={18} />}
      {children}
    </button>
  );
}

/** The look of a button for elements that are links. */
export function buttonClass(variant: Variant = 'secondary'): string {
  return classNames(styles.button, styles[variant]);
}

type IconButtonProps = Omit<ComponentProps<'button'>, 'aria-label' | 'children'> & {
  icon: IconName;
  label: string;
  size?: number;
};

/** A button that shows only an icon: its label is its name and its tooltip. */
export function IconButton({ icon, label, size = 20, className, ...rest }: IconButtonProps) {
  return (
    <WithTooltip label={label}>
      <button
        type="button"
        {...rest}
        className={classNames(styles.icon, className)}
        aria-label={label}
      >
        <Icon name={icon} size={size} />
      </button>
    </WithTooltip>
  );
}

type WithTooltipProps = { label: ReactNode; children: React.ReactElement<Record<string, unknown>> };

/** Says on hover and keyboard focus what the child's aria-label says to others. */
export function WithTooltip({ label, children }: WithTooltipProps) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger render={children} />
      <Tooltip.Portal>
        <Tooltip.Positioner sideOffset={8} className={styles.tooltipPositioner}>
          <Tooltip.Popup className={styles.tooltip}>{label}</Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
