import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { putVideo } from '~/api/cache';
import { visibilityWords } from '~/api/describe';
import { ApiError, messageOf } from '~/api/problem';
import { getVersionedVideo, type VersionedVideo } from '~/api/videos';
import { visibilities } from '~/api/wire';
import { Button } from '~/ui/button';
import { Dialog, DialogActions } from '~/ui/dialog';
import { Notice } from '~/ui/notice';
import { Select } from '~/ui/select';
import { TextArea, TextField } from '~/ui/text-field';
import { showToast } from '~/ui/toast';
import styles from './edit-dialog.module.css';
import { saveEdit } from './save-edit';

type EditDialogProps = { id: string; open: boolean; onClose: () => void };

const visibilityOptions = visibilities.map((value) => ({
  value,
  label: visibilityWords[value].label,
  note: visibilityWords[value].meaning,
}));

/** Edits a video from a fresh copy, so that nobody else's change is overwritten unseen. */
export function EditDialog({ id, open, onClose }: EditDialogProps) {
  const fresh = useQuery({
    queryKey: ['edit', id],
    queryFn: ({ signal }) => getVersionedVideo(id, signal),
    enabled: open,
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <Dialog open={open} onClose={onClose} title="Edit video">
      {fresh.isError && <Notice tone="bad" alert title={messageOf(fresh.error)} />}
      {fresh.data && (
        <EditForm
          key={fresh.data.etag}
          start={fresh.data}
          onClose={onClose}
          onReload={() => void fresh.refetch()}
        />
      )}
    </Dialog>
  );
}

type EditFormProps = { start: VersionedVideo; onClose: () => void; onReload: () => void };

function EditForm({ start, onClose, onReload }: EditFormProps) {
  const client = useQueryClient();
  const [title, setTitle] = useState(start.video.title);
  const [description, setDescription] = useState(start.video.description);
  const [visibility, setVisibility] = useState(start.video.visibility);
  const titleField = useRef<HTMLInputElement>(null);
  // The form comes after the dialog has opened and placed the focus, so it moves it once more.
  useEffect(() => titleField.current?.select(), []);
  const save = useMutation({
    mutationFn: () => saveEdit(start, { title: title.trim(), description, visibility }),
    onSuccess: (video) => {
      putVideo(client, video);
      showToast({ message: 'Saved' });
      onClose();
    },
  });
  const conflict = save.error instanceof ApiError && save.error.status === 412;

  function submit(event: FormEvent) {
    event.preventDefault();
    save.mutate();
  }

  return (
    <form className={styles.form} onSubmit={submit}>
      {save.isError && (
        <Notice tone={conflict ? 'warn' : 'bad'} alert title={messageOf(save.error)}>
          {conflict && (
            <span>
              Your changes are still here.{' '}
              <button type="button" className={styles.inline} onClick={onReload}>
                Load the other version
              </button>
            </span>
          )}
        </Notice>
      )}
      <TextField
        ref={titleField}
        label="Title"
        required
        maxLength={200}
        value={title}
        onChange={(event) => setTitle(event.target.value)}
      />
      <TextArea
        label="Description"
        maxLength={5000}
        value={description}
        onChange={(event) => setDescription(event.target.value)}
      />
      <div className={styles.group}>
        <span className={styles.label}>Visibility</span>
        <Select
          block
          label="Visibility"
          value={visibility}
          options={visibilityOptions}
          onChange={setVisibility}
        />
        <span className={styles.hint}>{visibilityWords[visibility].meaning}.</span>
      </div>
      <DialogActions>
        <Button variant="ghost" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" variant="primary" busy={save.isPending} disabled={!title.trim()}>
          Save
        </Button>
      </DialogActions>
    </form>
  );
}
