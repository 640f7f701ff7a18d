import { Dialog } from '~/ui/dialog';
import { hotkeyHelp } from './hotkey-help';
import styles from './hotkeys-dialog.module.css';

export function HotkeysDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title="Keyboard">
      <dl className={styles.rows}>
        {hotkeyHelp.map(({ keys, does }) => (
          <div key={does} className={styles.row}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
