import { useState } from 'react';
import { IconButton } from '~/ui/button';
import { formatPercent } from '~/ui/format';
import { ProgressBar } from '~/ui/progress-bar';
import { useUploadEngine, useUploads } from './upload-context';
import type { UploadItem } from './upload-job';
import { UploadRow } from './upload-row';
import styles from './upload-tray.module.css';

/** The uploads of this browser, at hand on every page while there are any. */
export function UploadTray() {
  const engine = useUploadEngine();
  const { items } = useUploads();
  const [folded, setFolded] = useState(false);
  if (items.length === 0) return null;
  const { title, share } = summary(items);
  const allDone = items.every((item) => item.phase === 'done');
  return (
    <aside className={styles.tray} aria-label="Uploads">
      <header className={styles.head}>
        <h2>{title}</h2>
        {allDone ? (
          <IconButton icon="close" label="Close uploads" onClick={() => engine.dismissDone()} />
        ) : (
          <IconButton
            icon={folded ? 'up' : 'chevronDown'}
            label={folded ? 'Show uploads' : 'Hide uploads'}
            aria-expanded={!folded}
            onClick={() => setFolded(!folded)}
          />
        )}
      </header>
      {folded && share !== null && <ProgressBar value={share} label={title} />}
      {!folded && (
        <ul className={styles.list}>
          {items.map((item) => (
            <UploadRow key={item.key} item={item} />
          ))}
        </ul>
      )}
    </aside>
  );
}

function summary(items: readonly UploadItem[]): { title: string; share: number | null } {
  const open = items.filter((item) => item.phase !== 'done');
  if (open.length === 0) {
    return { title: items.length === 1 ? 'Uploaded' : `${items.length} uploaded`, share: null };
  }
  const moving = open.filter((item) => item.phase !== 'detached' && item.phase !== 'failed');
  const size = moving.reduce((sum, item) => sum + item.size, 0);
  const share = size > 0 ? moving.reduce((sum, item) => sum + item.sent, 0) / size : null;
  const count = open.length === 1 ? '1 upload' : `${open.length} uploads`;
  if (moving.length === 0) return { title: `${count} waiting for you`, share: null };
  if (moving.every((item) => item.phase === 'paused')) return { title: `${count} paused`, share };
  return { title: share === null ? count : `${count}, ${formatPercent(share)}`, share };
}
