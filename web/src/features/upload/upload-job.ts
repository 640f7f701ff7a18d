import { TransferRate } from './transfer-rate';
import type { Attempt } from './transport';
import type { UploadPlan } from './upload-plan';

/**
 * waiting: for its turn · uploading · paused: by the person · retrying: after a fault, by itself ·
 * detached: from before a reload, the file must be chosen again · failed: only a person can help · done
 */
export type UploadPhase =
  | 'waiting'
  | 'uploading'
  | 'paused'
  | 'retrying'
  | 'detached'
  | 'failed'
  | 'done';

export type UploadItem = {
  readonly key: string;
  readonly name: string;
  readonly size: number;
  readonly sent: number;
  readonly phase: UploadPhase;
  readonly bytesPerSecond: number | null;
  /** The server's name for it, known once the upload is created: the id of its video. */
  readonly videoId: string | null;
  readonly reason: string | null;
  readonly hint: string | null;
  /** When the next attempt starts, in the clock of Date.now(). */
  readonly retryAt: number | null;
};

export type NewVideoVisibility = 'public' | 'unlisted' | 'private';

/** Everything about one upload that nobody draws. */
export type Job = {
  item: UploadItem;
  file: File | null;
  lastModified: number;
  /** Null until it was made, which needs a look into a large file. */
  plan: UploadPlan | null;
  visibility: NewVideoVisibility;
  attempt: Attempt | null;
  failures: number;
  /** The furthest byte any attempt sent: only going beyond it proves that things work again. */
  sentMax: number;
  rate: TransferRate;
  retryTimer: ReturnType<typeof setTimeout> | undefined;
  stallTimer: ReturnType<typeof setTimeout> | undefined;
  savedAtMs: number;
};

export function newItem(key: string, name: string, size: number): UploadItem {
  return {
    key,
    name,
    size,
    sent: 0,
    phase: 'waiting',
    bytesPerSecond: null,
    videoId: null,
    reason: null,
    hint: null,
    retryAt: null,
  };
}

export function newJob(item: UploadItem): Job {
  return {
    item,
    file: null,
    lastModified: 0,
    plan: null,
    visibility: 'unlisted',
    attempt: null,
    failures: 0,
    sentMax: 0,
    rate: new TransferRate(),
    retryTimer: undefined,
    stallTimer: undefined,
    savedAtMs: 0,
  };
}

/** The upload's id is the last segment of its URL, and the video's id too. */
export function idOf(url: string): string | null {
  return /\/([^/?#]+)\/?(?:[?#]|$)/.exec(url)?.[1] ?? null;
}

/** "holiday_in-rome.final.mp4" is called "holiday in rome final" until someone edits it. */
export function titleOf(fileName: string): string {
  const title = fileName
    .replace(/\.[A-Za-z0-9]{1,5}$/, '')
    .replace(/[_.]+/g, ' ')
    .trim();
  return title || fileName;
}

export function metadataOf(file: File, visibility: NewVideoVisibility): Record<string, string> {
  return { filename: file.name, filetype: file.type, title: titleOf(file.name), visibility };
}
