import { LogoMark } from '~/ui/logo';
import styles from './drop-overlay.module.css';
import { useUploadEngine } from './upload-context';
import { useFileDrag } from './use-file-drag';

/** Makes the whole window a place to drop videos, and shows it while files hang over it. */
export function DropOverlay() {
  const engine = useUploadEngine();
  const dragging = useFileDrag((files) => engine.add(files));
  if (!dragging) return null;
  return (
    <div className={styles.overlay} aria-hidden="true">
      <div className={styles.frame}>
        <LogoMark size={72} />
        <p>Drop to upload</p>
      </div>
    </div>
  );
}
