import { judge } from './retry-policy';
import { TransferRate } from './transfer-rate';
import type { TransferFailure, Transport } from './transport';
import { isSameFile, type UploadRecord, type UploadRecords } from './upload-records';

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
export type UploadState = {
  readonly items: readonly UploadItem[];
  readonly visibility: NewVideoVisibility;
};

/** Everything about one upload that nobody draws. */
type Job = {
  item: UploadItem;
  file: File | null;
  lastModified: number;
  url: string | null;
  visibility: NewVideoVisibility;
  attempt: { abort: () => void } | null;
  failures: number;
  /** The furthest byte any attempt sent: only going beyond it proves that things work again. */
  sentMax: number;
  rate: TransferRate;
  retryTimer: ReturnType<typeof setTimeout> | undefined;
  stallTimer: ReturnType<typeof setTimeout> | undefined;
  savedAtMs: number;
};

const parallelMax = 2;
const notifyMs = 150;
const saveMs = 2_000;
const heartbeatMs = 5_000;
const stallMs = 45_000;
/** After the last byte the server still makes it durable. */
const finishMs = 180_000;

type Environment = { transport: Transport; records: UploadRecords; isOnline: () => boolean };

/**
 * Uploads files, a few at a time, through pauses, lost networks and reloads. No React and no DOM:
 * state is an immutable snapshot that changes at most every 150 ms. Lives as long as the page.
 */
export class UploadEngine {
  private readonly environment: Environment;
  private readonly listeners = new Set<() => void>();
  private readonly jobs = new Map<string, Job>();
  private state: UploadState = { items: [], visibility: 'unlisted' };
  private notifyTimer: ReturnType<typeof setTimeout> | undefined;
  private heartbeat: ReturnType<typeof setInterval> | undefined;
  private keyCount = 0;

  constructor(environment: Environment) {
    this.environment = environment;
    for (const record of environment.records.unclaimed(Date.now())) this.adopt(record);
    this.publish();
  }

  getState = (): UploadState => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Called once a person is there who may upload. */
  prepare(): void {
    this.environment.transport.prepare();
  }

  setVisibility(visibility: NewVideoVisibility): void {
    this.state = { ...this.state, visibility };
    this.publish();
  }

  /** Queues files; one that an unfinished upload is waiting for continues that instead. */
  add(files: readonly File[]): void {
    for (const file of files) {
      const same = [...this.jobs.values()].find(
        (job) =>
          job.item.phase !== 'done' &&
          isSameFile({ ...job.item, lastModified: job.lastModified }, file),
      );
      if (!same) this.enqueue(file);
      else if (same.item.phase === 'detached') this.reattach(same, file);
    }
    this.fill();
  }

  /** Gives a detached upload its file back; false when it is another file. */
  attach(key: string, file: File): boolean {
    const job = this.jobs.get(key);
    if (job?.item.phase !== 'detached') return false;
    if (!isSameFile({ ...job.item, lastModified: job.lastModified }, file)) return false;
    this.reattach(job, file);
    this.fill();
    return true;
  }

  pause(key: string): void {
    const job = this.jobs.get(key);
    if (!job || !['waiting', 'uploading', 'retrying'].includes(job.item.phase)) return;
    this.halt(job);
    this.change(job, { phase: 'paused', reason: null });
    this.fill();
  }

  /** Continues a paused upload, tries a failed one again, or ends the wait before a retry. */
  resume(key: string): void {
    const job = this.jobs.get(key);
    if (!job?.file || !['paused', 'failed', 'retrying'].includes(job.item.phase)) return;
    this.halt(job);
    job.failures = 0;
    this.change(job, { phase: 'waiting', reason: null, hint: null });
    this.fill();
  }

  /** Ends the upload and frees what the server has of it. */
  cancel(key: string): void {
    const job = this.jobs.get(key);
    if (!job || job.item.phase === 'done') return;
    this.halt(job);
    this.forget(job);
    if (job.url) this.environment.transport.terminate(job.url).catch(() => {});
    this.fill();
  }

  /** Takes a finished upload out of the list; the video stays. */
  dismiss(key: string): void {
    const job = this.jobs.get(key);
    if (job?.item.phase === 'done') this.forget(job);
  }

  dismissDone(): void {
    for (const job of [...this.jobs.values()]) this.dismiss(job.item.key);
  }

  /** The network came back: whoever waits for it goes on now. */
  wake(): void {
    for (const job of this.jobs.values()) {
      if (job.item.phase === 'retrying') this.resume(job.item.key);
    }
  }

  /** The page goes away: another may offer to continue at once. */
  releaseClaims(): void {
    for (const job of this.jobs.values()) this.environment.records.release(job.item.key);
  }

  /** True while closing the page would interrupt something. */
  isBusy(): boolean {
    return this.state.items.some((item) =>
      ['waiting', 'uploading', 'retrying', 'paused'].includes(item.phase),
    );
  }

  private adopt(record: UploadRecord): void {
    const item = newItem(record.key, record.name, record.size);
    this.jobs.set(record.key, {
      ...newJob({ ...item, phase: 'detached', sent: record.sent, videoId: idOf(record.url) }),
      lastModified: record.lastModified,
      url: record.url,
    });
  }

  private enqueue(file: File): void {
    this.keyCount += 1;
    const key = `${Date.now().toString(36)}-${this.keyCount}`;
    this.jobs.set(key, {
      ...newJob(newItem(key, file.name, file.size)),
      file,
      lastModified: file.lastModified,
      visibility: this.state.visibility,
    });
    this.publish();
  }

  private reattach(job: Job, file: File): void {
    job.file = file;
    this.change(job, { phase: 'waiting' });
  }

  /** Starts what waits, as far as there is room. */
  private fill(): void {
    const jobs = [...this.jobs.values()];
    let running = jobs.filter((job) => job.item.phase === 'uploading').length;
    for (const job of jobs) {
      if (running >= parallelMax) break;
      if (job.item.phase !== 'waiting') continue;
      this.begin(job);
      running += 1;
    }
    this.keepAlive();
  }

  private begin(job: Job): void {
    if (!job.file) return;
    job.rate.reset();
    this.change(job, { phase: 'uploading', reason: null, hint: null, retryAt: null });
    this.watchForStall(job, job.item.sent);
    job.attempt = this.environment.transport.begin(
      { file: job.file, url: job.url, metadata: metadataOf(job.file, job.visibility) },
      {
        onUrl: (url) => this.created(job, url),
        onProgress: (sent) => this.progressed(job, sent),
        onSuccess: () => this.finished(job),
        onFailure: (failure) => this.failed(job, failure),
      },
    );
  }

  private created(job: Job, url: string): void {
    job.url = url;
    this.change(job, { videoId: idOf(url) });
    this.save(job);
  }

  private progressed(job: Job, sent: number): void {
    if (sent > job.sentMax) {
      job.sentMax = sent;
      job.failures = 0;
    }
    job.rate.add(Date.now(), sent);
    this.watchForStall(job, sent);
    if (Date.now() - job.savedAtMs >= saveMs) this.save(job);
    job.item = { ...job.item, sent, bytesPerSecond: job.rate.bytesPerSecond() };
    this.publishSoon();
  }

  private finished(job: Job): void {
    this.halt(job);
    this.environment.records.remove(job.item.key);
    this.change(job, { phase: 'done', sent: job.item.size });
    this.fill();
  }

  private failed(job: Job, failure: TransferFailure): void {
    this.halt(job);
    const verdict = judge(failure, job.failures, this.environment.isOnline());
    job.failures += 1;
    if (verdict.kind === 'stop') {
      this.change(job, { phase: 'failed', reason: verdict.reason, hint: verdict.hint });
    } else if (verdict.kind === 'restart') {
      job.url = null;
      job.sentMax = 0;
      this.environment.records.remove(job.item.key);
      this.retryIn(job, verdict.reason, 1_000);
      this.change(job, { sent: 0, videoId: null });
    } else {
      this.retryIn(job, verdict.reason, verdict.delayMs);
    }
    this.fill();
  }

  private retryIn(job: Job, reason: string, delayMs: number): void {
    this.change(job, { phase: 'retrying', reason, retryAt: Date.now() + delayMs });
    job.retryTimer = setTimeout(() => {
      this.change(job, { phase: 'waiting', retryAt: null });
      this.fill();
    }, delayMs);
  }

  private watchForStall(job: Job, sent: number): void {
    clearTimeout(job.stallTimer);
    const limitMs = sent >= job.item.size ? finishMs : stallMs;
    job.stallTimer = setTimeout(
      () => this.failed(job, { status: null, body: '', retryAfterMs: null }),
      limitMs,
    );
  }

  /** Stops whatever the job is doing, without saying what comes next. */
  private halt(job: Job): void {
    job.attempt?.abort();
    job.attempt = null;
    clearTimeout(job.retryTimer);
    clearTimeout(job.stallTimer);
    job.item = { ...job.item, bytesPerSecond: null, retryAt: null };
  }

  private save(job: Job): void {
    if (!job.url) return;
    const { key, name, size, sent } = job.item;
    job.savedAtMs = Date.now();
    this.environment.records.claim(
      { key, name, size, sent, url: job.url, lastModified: job.lastModified },
      job.savedAtMs,
    );
  }

  private forget(job: Job): void {
    this.environment.records.remove(job.item.key);
    this.jobs.delete(job.item.key);
    this.publish();
  }

  /** Renews the claims of this tab while it has anything unfinished. */
  private keepAlive(): void {
    const wanted = this.isBusy();
    if (wanted && !this.heartbeat) {
      this.heartbeat = setInterval(() => {
        for (const job of this.jobs.values()) {
          if (job.file && job.item.phase !== 'done') this.save(job);
        }
        this.keepAlive();
      }, heartbeatMs);
    } else if (!wanted) {
      clearInterval(this.heartbeat);
      this.heartbeat = undefined;
    }
  }

  private change(job: Job, change: Partial<UploadItem>): void {
    job.item = { ...job.item, ...change };
    this.publish();
  }

  private publishSoon(): void {
    this.notifyTimer ??= setTimeout(() => this.publish(), notifyMs);
  }

  private publish(): void {
    clearTimeout(this.notifyTimer);
    this.notifyTimer = undefined;
    this.state = { ...this.state, items: [...this.jobs.values()].map((job) => job.item) };
    for (const listener of this.listeners) listener();
  }
}

function newItem(key: string, name: string, size: number): UploadItem {
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

function newJob(item: UploadItem): Job {
  return {
    item,
    file: null,
    lastModified: 0,
    url: null,
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
function idOf(url: string): string | null {
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

function metadataOf(file: File, visibility: NewVideoVisibility): Record<string, string> {
  return { filename: file.name, filetype: file.type, title: titleOf(file.name), visibility };
}
