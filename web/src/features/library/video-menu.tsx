import { type ReactElement, useState } from 'react';
import { pageUrl } from '~/api/base-path';
import { isActive } from '~/api/describe';
import type { Video } from '~/api/wire';
import { IconButton } from '~/ui/button';
import { copyText } from '~/ui/clipboard';
import { Menu, MenuItem, MenuLine } from '~/ui/menu';
import { EditDialog } from './edit-dialog';
import { LogDialog } from './log-dialog';
import { useVideoActions } from './use-video-actions';

type VideoMenuProps = {
  video: Video;
  trigger?: ReactElement;
  /** Called once the video is in the trash. */
  onDeleted?: () => void;
};

/** Everything that can be done to a video, for those who may. */
export function VideoMenu({ video, trigger, onDeleted }: VideoMenuProps) {
  const { remove, act } = useVideoActions();
  const [dialog, setDialog] = useState<'edit' | 'log' | null>(null);
  const retryable = video.status === 'cancelled' || video.error?.retryable === true;
  const processing = video.status === 'queued' || video.status === 'processing';

  return (
    <>
      <Menu trigger={trigger ?? <IconButton icon="more" label={`Actions for ${video.title}`} />}>
        <MenuItem icon="edit" onSelect={() => setDialog('edit')}>
          Edit…
        </MenuItem>
        <MenuItem icon="link" onSelect={() => void copyText(pageUrl(`/watch/${video.id}`), 'Link')}>
          Copy link
        </MenuItem>
        {video.status !== 'uploading' && (
          <MenuItem icon="log" onSelect={() => setDialog('log')}>
            Transcoder log…
          </MenuItem>
        )}
        {(retryable || processing) && <MenuLine />}
        {retryable && (
          <MenuItem icon="retry" onSelect={() => act(video, 'retry')}>
            Try again
          </MenuItem>
        )}
        {video.status === 'queued' && (
          <MenuItem icon="up" onSelect={() => act(video, 'prioritise')}>
            Move to the front
          </MenuItem>
        )}
        {processing && video.paused !== null && (
          <MenuItem
            icon={video.paused ? 'play' : 'pause'}
            onSelect={() => act(video, video.paused ? 'resume' : 'pause')}
          >
            {video.paused ? 'Resume processing' : 'Pause processing'}
          </MenuItem>
        )}
        {processing && (
          <MenuItem icon="close" onSelect={() => act(video, 'cancel')}>
            Cancel processing
          </MenuItem>
        )}
        <MenuLine />
        <MenuItem icon="trash" danger onSelect={() => void remove(video).then(() => onDeleted?.())}>
          Delete
        </MenuItem>
      </Menu>
      <EditDialog id={video.id} open={dialog === 'edit'} onClose={() => setDialog(null)} />
      <LogDialog
        id={video.id}
        title={video.title}
        open={dialog === 'log'}
        following={isActive(video)}
        onClose={() => setDialog(null)}
      />
    </>
  );
}
