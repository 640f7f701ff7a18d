import { useQuery } from '@tanstack/react-query';
import { messageOf } from '~/api/problem';
import { logQuery } from '~/api/queries';
import { Button } from '~/ui/button';
import { copyText } from '~/ui/clipboard';
import { Dialog, DialogActions } from '~/ui/dialog';
import { Notice } from '~/ui/notice';
import styles from './log-dialog.module.css';

type LogDialogProps = {
  id: string;
  title: string;
  open: boolean;
  following: boolean;
  onClose: () => void;
};

const followMs = 3_000;

/** What the transcoder said, as it says it. */
export function LogDialog({ id, title, open, following, onClose }: LogDialogProps) {
  const log = useQuery({
    ...logQuery(id),
    enabled: open,
    refetchInterval: following ? followMs : false,
  });
  return (
    <Dialog open={open} onClose={onClose} title="Transcoder log" description={title} wide>
      {log.isError && <Notice tone="bad" alert title={messageOf(log.error)} />}
      {log.isPending && <p>Loading…</p>}
      {log.data !== undefined && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard
        <section className={styles.log} tabIndex={0} aria-label="Log text">
          <pre>{log.data || 'Nothing was logged yet.'}</pre>
        </section>
      )}
      <DialogActions>
        <Button onClick={() => void log.refetch()} busy={log.isFetching && !following}>
          Refresh
        </Button>
        <Button disabled={!log.data} onClick={() => void copyText(log.data ?? '', 'Log')}>
          Copy
        </Button>
      </DialogActions>
    </Dialog>
  );
}
