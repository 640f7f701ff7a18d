import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { isActive, statusBadge } from '~/api/describe';
import { videoQuery } from '~/api/queries';
import { Button, IconButton } from '~/ui/button';
import { formatBytes, formatPercent, formatRemaining, formatSpeed } from '~/ui/format';
import { Icon } from '~/ui/icons';
import { ProgressBar } from '~/ui/progress-bar';
import { showToast } from '~/ui/toast';
import { FilePicker } from './file-picker';
import { useUploadEngine } from './upload-context';
import type { UploadItem } from './upload-job';
import styles from './upload-row.module.css';

const pollMs = 5_000;

/** One upload of this browser: how far it is, and everything that can be done to it. */
export function UploadRow({ item }: { item: UploadItem }) {
  const share = item.size > 0 ? item.sent / item.size : 0;
  const moving = item.phase === 'uploading';
  return (
    <li className={styles.row} data-phase={item.phase}>
      <p className={styles.name} title={item.name}>
        {item.name}
      </p>
      <div className={styles.controls}>
        <Controls item={item} />
      </div>
      {item.phase !== 'done' && (
        <div className={styles.bar}>
          <ProgressBar
            value={share}
            label={`Uploading ${item.name}`}
            tone={item.phase === 'failed' ? 'bad' : moving ? 'accent' : 'calm'}
          />
        </div>
      )}
      <div className={styles.state}>
        <State item={item} share={share} />
      </div>
    </li>
  );
}

function State({ item, share }: { item: UploadItem; share: number }) {
  switch (item.phase) {
    case 'waiting':
      return <span>Waiting for its turn, {formatBytes(item.size)}</span>;
    case 'uploading':
      return <Moving item={item} share={share} />;
    case 'paused':
      return (
        <span>
          Paused at {formatPercent(share)}, {formatBytes(item.size - item.sent)} to go
        </span>
      );
    case 'retrying':
      return <Retrying item={item} />;
    case 'detached':
      return <Detached item={item} />;
    case 'failed':
      return (
        <span className={styles.bad} role="alert">
          {item.reason} {item.hint}
        </span>
      );
    case 'done':
      return <Done item={item} />;
  }
}

function Moving({ item, share }: { item: UploadItem; share: number }) {
  if (item.sent >= item.size) return <span>Finishing…</span>;
  const speed = item.bytesPerSecond;
  return (
    <>
      <span>
        {formatPercent(share)} of {formatBytes(item.size)}
      </span>
      {speed !== null && speed > 0 && (
        <span>
          {formatSpeed(speed)}, {formatRemaining(((item.size - item.sent) / speed) * 1000)}
        </span>
      )}
    </>
  );
}

function Retrying({ item }: { item: UploadItem }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.ceil(((item.retryAt ?? now) - now) / 1000);
  return (
    <span className={styles.warn}>
      <Icon name="offline" size={15} />
      {item.reason}, {seconds > 0 ? `trying again in ${seconds} s` : 'trying again now'}
    </span>
  );
}

/** After a reload the browser forgot which file it was; only the person can say. */
function Detached({ item }: { item: UploadItem }) {
  const engine = useUploadEngine();
  function attach([file]: File[]) {
    if (!file || engine.attach(item.key, file)) return;
    showToast({
      message: 'This is a different file',
      detail: `Choose ${item.name} again, ${formatBytes(item.size)}, unchanged.`,
      tone: 'bad',
    });
  }
  return (
    <div className={styles.detached}>
      <span>
        {formatPercent(item.sent / Math.max(1, item.size))} is on the server. Choose the same file
        to continue.
      </span>
      <FilePicker onFiles={attach}>
        {(open) => (
          <Button icon="file" onClick={open}>
            Choose file
          </Button>
        )}
      </FilePicker>
    </div>
  );
}

function Done({ item }: { item: UploadItem }) {
  const video = useQuery({
    ...videoQuery(item.videoId ?? ''),
    enabled: item.videoId !== null,
    refetchInterval: ({ state }) => (state.data && isActive(state.data) ? pollMs : false),
  });
  const word = video.data ? statusBadge(video.data).text : 'waiting';
  return (
    <>
      <span>
        {formatBytes(item.size)} uploaded, {word.toLowerCase()}
      </span>
      {item.videoId && (
        <Link to="/watch/$id" params={{ id: item.videoId }} className={styles.link}>
          Watch
        </Link>
      )}
    </>
  );
}

function Controls({ item }: { item: UploadItem }) {
  const engine = useUploadEngine();
  const { key, name, phase } = item;
  if (phase === 'done') {
    return (
      <IconButton
        icon="close"
        size={18}
        label={`Remove ${name} from this list`}
        onClick={() => engine.dismiss(key)}
      />
    );
  }
  return (
    <>
      {(phase === 'waiting' || phase === 'uploading') && (
        <IconButton
          icon="pause"
          size={18}
          label={`Pause ${name}`}
          onClick={() => engine.pause(key)}
        />
      )}
      {phase === 'paused' && (
        <IconButton
          icon="play"
          size={18}
          label={`Resume ${name}`}
          onClick={() => engine.resume(key)}
        />
      )}
      {(phase === 'failed' || phase === 'retrying') && (
        <IconButton
          icon="retry"
          size={18}
          label={`Try ${name} again now`}
          onClick={() => engine.resume(key)}
        />
      )}
      <IconButton
        icon="close"
        size={18}
        label={`Cancel ${name}`}
        onClick={() => engine.cancel(key)}
      />
    </>
  );
}
