import { pageUrl } from '~/api/base-path';
import type { Video } from '~/api/wire';
import { Button } from '~/ui/button';
import { copyText } from '~/ui/clipboard';
import { Dialog } from '~/ui/dialog';
import { Notice } from '~/ui/notice';
import { TextArea, TextField } from '~/ui/text-field';
import styles from './share-dialog.module.css';

type ShareDialogProps = { video: Video; open: boolean; onClose: () => void };

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}

/** The HTML another site pastes to show this video. */
export function embedCode(video: Video): string {
  const width = 640;
  const height =
    video.width && video.height ? Math.round((width * video.height) / video.width) : 360;
  return `<iframe src="${pageUrl(`/embed/${video.id}`)}" width="${width}" height="${height}" title="${escaped(video.title)}" allow="fullscreen; picture-in-picture; autoplay" frameborder="0"></iframe>`;
}

export function ShareDialog({ video, open, onClose }: ShareDialogProps) {
  const link = pageUrl(`/watch/${video.id}`);
  const code = embedCode(video);
  return (
    <Dialog open={open} onClose={onClose} title="Share">
      {video.visibility === 'private' && (
        <Notice tone="warn" title="This video is private">
          Others will not be able to watch it until you make it unlisted or public.
        </Notice>
      )}
      <div className={styles.line}>
        <TextField label="Link" readOnly value={link} onFocus={(event) => event.target.select()} />
        <Button icon="link" onClick={() => void copyText(link, 'Link')}>
          Copy
        </Button>
      </div>
      <div className={styles.line}>
        <TextArea
          label="Embed in another page"
          readOnly
          rows={5}
          value={code}
          onFocus={(event) => event.target.select()}
        />
        <Button icon="code" onClick={() => void copyText(code, 'Embed code')}>
          Copy
        </Button>
      </div>
    </Dialog>
  );
}
