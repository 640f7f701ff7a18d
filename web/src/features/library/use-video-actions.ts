import { useMutation, useQueryClient } from '@tanstack/react-query';
import { dropVideo } from '~/api/cache';
import { ApiError, messageOf } from '~/api/problem';
import { keys } from '~/api/queries';
import { actOnJob, deleteVideo, type JobAction, restoreVideo } from '~/api/videos';
import type { Video } from '~/api/wire';
import { showToast } from '~/ui/toast';

function complain(error: unknown): void {
  const detail = error instanceof ApiError ? error.hint : undefined;
  showToast({ message: messageOf(error), detail, tone: 'bad' });
}

/** What a person can do to a video, each with its feedback. */
export function useVideoActions() {
  const client = useQueryClient();

  function refresh(id: string): void {
    void client.invalidateQueries({ queryKey: keys.lists });
    void client.invalidateQueries({ queryKey: keys.video(id) });
  }

  const restore = useMutation({
    mutationFn: (video: Video) => restoreVideo(video.id),
    onSuccess: (_, video) => refresh(video.id),
    onError: complain,
  });

  const remove = useMutation({
    mutationFn: (video: Video) => deleteVideo(video.id),
    onSuccess: (_, video) => {
      dropVideo(client, video.id);
      showToast({
        message: `“${video.title}” deleted`,
        detail: 'It can be restored for seven days.',
        action: { label: 'Undo', run: () => restore.mutate(video) },
      });
    },
    onError: complain,
  });

  const job = useMutation({
    mutationFn: ({ video, action }: { video: Video; action: JobAction }) =>
      actOnJob(video.id, action),
    onSuccess: (_, { video }) => refresh(video.id),
    onError: complain,
  });

  return {
    remove: (video: Video) => remove.mutateAsync(video).catch(() => {}),
    act: (video: Video, action: JobAction) => job.mutate({ video, action }),
  };
}
