import { parseAnswer, send, sendJson } from './http';
import {
  type Status,
  type Video,
  type VideoPage,
  VideoPageSchema,
  VideoSchema,
  type Visibility,
} from './wire';

export type Sort = '-created_at' | 'created_at' | 'title';

export type VideoFilter = {
  q: string;
  status: Status | null;
  visibility: Visibility | null;
  sort: Sort;
};

export type VideoEdit = { title?: string; description?: string; visibility?: Visibility };
export type JobAction = 'retry' | 'cancel' | 'pause' | 'resume' | 'prioritise';

/** A video and the entity tag that an edit of it must present. */
export type VersionedVideo = { video: Video; etag: string | null };

const pageSize = 48;

function pathOf(id: string): string {
  return `/api/v1/videos/${encodeURIComponent(id)}`;
}

export function listVideos(
  filter: VideoFilter,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<VideoPage> {
  const query = new URLSearchParams({ sort: filter.sort, limit: String(pageSize) });
  if (filter.q) query.set('q', filter.q);
  if (filter.status) query.set('status', filter.status);
  if (filter.visibility) query.set('visibility', filter.visibility);
  if (cursor) query.set('cursor', cursor);
  return sendJson(`/api/v1/videos?${query}`, VideoPageSchema, { signal });
}

export async function getVersionedVideo(id: string, signal?: AbortSignal): Promise<VersionedVideo> {
  const response = await send(pathOf(id), { signal });
  const video = parseAnswer(VideoSchema, await response.json().catch(() => undefined));
  return { video, etag: response.headers.get('ETag') };
}

export async function getVideo(id: string, signal?: AbortSignal): Promise<Video> {
  return (await getVersionedVideo(id, signal)).video;
}

/** Fails with status 412 when the video changed after `etag` was read. */
export function editVideo(id: string, edit: VideoEdit, etag: string | null): Promise<Video> {
  const headers: Record<string, string> = etag ? { 'If-Match': etag } : {};
  return sendJson(pathOf(id), VideoSchema, { method: 'PATCH', body: edit, headers });
}

/** Moves the video to the trash, from where it can be restored for seven days. */
export async function deleteVideo(id: string): Promise<void> {
  await send(pathOf(id), { method: 'DELETE' });
}

export async function restoreVideo(id: string): Promise<void> {
  await send(`${pathOf(id)}/restore`, { method: 'POST' });
}

export async function actOnJob(id: string, action: JobAction): Promise<void> {
  await send(`${pathOf(id)}/${action}`, { method: 'POST' });
}

export async function getLog(id: string, signal?: AbortSignal): Promise<string> {
  const response = await send(`${pathOf(id)}/log`, { signal, headers: { Accept: 'text/plain' } });
  return response.text();
}
