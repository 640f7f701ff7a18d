import { ApiError } from '~/api/problem';
import { editVideo, getVersionedVideo, type VersionedVideo, type VideoEdit } from '~/api/videos';
import type { Video } from '~/api/wire';

/** A video that is being made changes many times a minute; more misses than this are no accident. */
const triesMax = 8;

/** Whether a person changed what people can change; progress of the work does not count. */
function editedMeanwhile(before: Video, now: Video): boolean {
  return (
    before.title !== now.title ||
    before.description !== now.description ||
    before.visibility !== now.visibility
  );
}

/**
 * Saves an edit that began from `start`. The entity tag covers the whole video, progress included,
 * so a refused tag alone is no conflict: only another person's edit is, and that throws the 412.
 */
export async function saveEdit(start: VersionedVideo, edit: VideoEdit): Promise<Video> {
  const { id } = start.video;
  let { etag } = start;
  for (let tries = 1; ; tries += 1) {
    try {
      return await editVideo(id, edit, etag);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 412 || tries === triesMax) throw error;
      const now = await getVersionedVideo(id);
      if (editedMeanwhile(start.video, now.video)) throw error;
      etag = now.etag;
    }
  }
}
