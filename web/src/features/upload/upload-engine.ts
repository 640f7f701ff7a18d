import { FileTransfer, lanesOf } from './file-transfer';
import { indexBehindMedia } from './media-index';
import { judge } from './retry-policy';
import type { TransferFailure, Transport } from './transport';
import {
  idOf,
  type Job,
  metadataOf,
  type NewVideoVisibility,
  newItem,
  newJob,
  type UploadItem,
} from './upload-job';
import {
  bytesSent,
  goesInParts,
  planParts,
  planWhole,
  type UploadPart,
  type UploadPlan,
  urlsOf,
} from './upload-plan';
import { isSameFile, type UploadRecord, type UploadRecords } from './upload-records';

export type UploadState = {
  readonly items: readonly UploadItem[];
  readonly visibility: NewVideoVisibility;
};

const filesMax = 2;
/** Of the six that a browser opens to a host, two are left to the page and its events. */
const connectionsMax = 4;
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
    this.release(job);
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
    const { key, name, size, lastModified, group, parts } = record;
    const plan: UploadPlan = { group, parts };
    const videoId = group ? null : idOf(urlsOf(plan)[0] ?? '');
    const item = { ...newItem(key, name, size), sent: bytesSent(plan), videoId };
    const job = newJob({ ...item, phase: 'detached' });
    this.jobs.set(key, { ...job, lastModified, plan });
  }

  private enqueue(file: File): void {
    this.keyCount += 1;
    const key = `${Date.now().toString(36)}-${this.keyCount}`;
    this.jobs.set(key, {
      ...newJob(newItem(key, file.name, file.size)),
      plan: freshPlan(file.size),
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

  /** Starts what waits, in order, as far as there is room. */
  private fill(): void {
    const jobs = [...this.jobs.values()];
    const running = jobs.filter((job) => job.item.phase === 'uploading');
    let files = running.length;
    let connections = running.reduce((sum, job) => sum + lanesOf(job.plan), 0);
    for (const job of jobs) {
      if (job.item.phase !== 'waiting') continue;
      if (files >= filesMax || connections + lanesOf(job.plan) > connectionsMax) continue;
      files += 1;
      connections += lanesOf(job.plan);
      this.begin(job);
    }
    this.keepAlive();
  }

  private begin(job: Job): void {
    const { file, plan } = job;
    if (!file) return;
    job.rate.reset();
    this.change(job, { phase: 'uploading', reason: null, hint: null, retryAt: null });
    this.watchForStall(job, job.item.sent);
    if (plan) this.send(job, file, plan);
    else void this.planAndSend(job, file);
  }

  private async planAndSend(job: Job, file: File): Promise<void> {
    const looking = new AbortController();
    job.attempt = looking;
    // A file that cannot be read fails when it is sent, with words.
    const index = await indexBehindMedia(file).catch(() => null);
    if (looking.signal.aborted) return;
    job.plan = planParts(file.size, index);
    this.send(job, file, job.plan);
  }

  private send(job: Job, file: File, plan: UploadPlan): void {
    const source = { file, plan, metadata: metadataOf(file, job.visibility) };
    const transfer = new FileTransfer(this.environment.transport, source, {
      onUrl: (part, url) => this.created(job, transfer, part, url),
      onProgress: (sent) => this.progressed(job, sent),
      onSuccess: (url) => this.finished(job, url),
      onFailure: (failure) => this.failed(job, failure),
    });
    job.attempt = transfer;
    transfer.start();
  }

  private created(job: Job, transfer: FileTransfer, part: UploadPart, url: string): void {
    const current = job.attempt === transfer;
    const late = !job.attempt && !part.url && job.plan?.parts.includes(part);
    if (!current && !late) {
      // Cancelled, begun anew or created again meanwhile: nobody would come back to this one.
      this.terminate(url);
      return;
    }
    part.url = url;
    if (job.plan && !job.plan.group) this.change(job, { videoId: idOf(url) });
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

  private finished(job: Job, url: string): void {
    this.halt(job);
    this.environment.records.remove(job.item.key);
    this.change(job, { phase: 'done', sent: job.item.size, videoId: idOf(url) });
    this.fill();
  }

  private failed(job: Job, failure: TransferFailure): void {
    this.halt(job);
    const verdict = judge(failure, job.failures, this.environment.isOnline());
    job.failures += 1;
    if (verdict.kind === 'stop') {
      this.change(job, { phase: 'failed', reason: verdict.reason, hint: verdict.hint });
    } else if (verdict.kind === 'restart') {
      this.release(job);
      job.plan = freshPlan(job.item.size);
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
    if (!job.plan || urlsOf(job.plan).length === 0) return;
    const { key, name, size } = job.item;
    job.savedAtMs = Date.now();
    this.environment.records.claim(
      { key, name, size, lastModified: job.lastModified, ...job.plan },
      job.savedAtMs,
    );
  }

  /** Frees what the server has of it. */
  private release(job: Job): void {
    const { plan } = job;
    job.plan = null;
    if (!plan) return;
    const urls = urlsOf(plan);
    const endAll = () => urls.forEach(this.terminate);
    // With its last byte a group has become a video, which does not go with its parts.
    const mayBeWhole = plan.group !== null && bytesSent(plan) === job.item.size;
    if (!mayBeWhole) endAll();
    else this.environment.transport.join(urls, { onSuccess: this.terminate, onFailure: endAll });
  }

  private terminate = (url: string): void => {
    this.environment.transport.terminate(url).catch(() => {});
  };

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

/** Null where that needs a look into the file first. */
function freshPlan(size: number): UploadPlan | null {
  return goesInParts(size) ? null : planWhole(size);
}
