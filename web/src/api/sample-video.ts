import * as v from 'valibot';
import { type Video, VideoSchema } from './wire';

/** A valid video for tests, made by the same schema that reads the wire. */
export function sampleVideo(fields: Partial<v.InferInput<typeof VideoSchema>> = {}): Video {
  return v.parse(VideoSchema, {
    id: 'v1',
    title: 'Sample',
    status: 'ready',
    visibility: 'unlisted',
    created_at: '2026-01-02T03:04:05Z',
    ...fields,
  });
}
