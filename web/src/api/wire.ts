import * as v from 'valibot';

/**
 * The wire types: what docs/protocols/api.md promises, checked where answers enter the page.
 * Members that only decorate have a fallback, so that a newer or older server still gets a page.
 */

const count = v.pipe(v.number(), v.minValue(0));
const nullableCount = v.optional(v.nullable(count), null);
const nullableText = v.optional(v.nullable(v.string()), null);

export const statuses = [
  'uploading',
  'queued',
  'processing',
  'ready',
  'failed',
  'cancelled',
] as const;
export const visibilities = ['public', 'unlisted', 'private'] as const;

export const StatusSchema = v.picklist(statuses);
export const VisibilitySchema = v.picklist(visibilities);

const QualitySchema = v.object({ ssim: v.number(), psnr_db: v.number(), segments: count });

const RenditionSchema = v.object({
  name: v.string(),
  width: count,
  height: count,
  mode: v.fallback(v.picklist(['copy', 'encode']), 'encode'),
  why: v.optional(v.string(), ''),
  segments_done: v.optional(count, 0),
  segments_total: nullableCount,
  bytes: nullableCount,
  peak_bps: nullableCount,
  average_bps: nullableCount,
  /** Where the server measures it. */
  quality: v.optional(v.nullable(QualitySchema), null),
});

const SubtitlesSchema = v.object({
  name: v.string(),
  language: v.optional(v.string(), 'und'),
  label: v.optional(v.string(), ''),
  ready: v.optional(v.boolean(), false),
  /** Why it is left out; empty when it is not. */
  why: v.optional(v.string(), ''),
});

const SourceSchema = v.object({
  bytes: nullableCount,
  received_bytes: v.optional(count, 0),
  container: nullableText,
  video_codec: nullableText,
  audio_codec: nullableText,
  sha256: nullableText,
});

const FailureSchema = v.object({
  code: v.string(),
  message: v.string(),
  hint: nullableText,
  retryable: v.optional(v.boolean(), false),
});

export const VideoSchema = v.object({
  id: v.string(),
  title: v.string(),
  description: v.optional(v.string(), ''),
  status: StatusSchema,
  playable: v.optional(v.boolean(), false),
  /** null from servers that do not tell; then nothing is offered that depends on it. */
  paused: v.optional(v.nullable(v.boolean()), null),
  progress: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0),
  eta_ms: nullableCount,
  queue_position: nullableCount,
  visibility: v.fallback(VisibilitySchema, 'unlisted'),
  owner: v.optional(v.unknown()),
  created_at: v.pipe(v.string(), v.isoTimestamp()),
  deleted_at: nullableText,
  duration_ms: nullableCount,
  /** While it arrives: of the whole. */
  expected_duration_ms: nullableCount,
  width: nullableCount,
  height: nullableCount,
  fps: nullableCount,
  source: v.optional(v.nullable(SourceSchema), null),
  renditions: v.optional(v.array(RenditionSchema), []),
  subtitles: v.optional(v.array(SubtitlesSchema), []),
  warnings: v.optional(v.array(v.string()), []),
  error: v.optional(v.nullable(FailureSchema), null),
  hls_url: nullableText,
  poster_url: nullableText,
  storyboard_url: nullableText,
});

export const VideoPageSchema = v.object({
  items: v.array(VideoSchema),
  next_cursor: nullableText,
});

export const SessionSchema = v.object({
  setup_required: v.boolean(),
  open: v.optional(v.boolean(), false),
  user: v.nullable(v.object({ id: v.string(), name: v.string(), role: v.string() })),
});

export type Status = v.InferOutput<typeof StatusSchema>;
export type Visibility = v.InferOutput<typeof VisibilitySchema>;
export type Rendition = v.InferOutput<typeof RenditionSchema>;
export type Video = v.InferOutput<typeof VideoSchema>;
export type VideoPage = v.InferOutput<typeof VideoPageSchema>;
export type Session = v.InferOutput<typeof SessionSchema>;
