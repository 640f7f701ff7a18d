import type { Attempt, TransferFailure, Transport } from './transport';
import { bytesSent, type UploadPart, type UploadPlan, urlsOf } from './upload-plan';

/** Uploads of one file at once. Browsers open six connections to a host; see the engine. */
const lanesMax = 3;

export type FileSource = { file: File; plan: UploadPlan; metadata: Record<string, string> };

export type FileEvents = {
  /** A part was created; after `abort` too. */
  onUrl: (part: UploadPart, url: string) => void;
  /** Of the whole file. */
  onProgress: (sent: number) => void;
  onSuccess: (url: string) => void;
  onFailure: (failure: TransferFailure) => void;
};

/** How many connections a file needs; large ones are planned later. */
export function lanesOf(plan: UploadPlan | null): number {
  return plan ? Math.min(lanesMax, plan.parts.length) : lanesMax;
}

/**
 * One attempt to send a file by its plan, which keeps what was reached: all that is not done, a few
 * parts at a time, then the join. The failure of one part ends the attempt.
 */
export class FileTransfer implements Attempt {
  private readonly transport: Transport;
  private readonly source: FileSource;
  private readonly events: FileEvents;
  private readonly running = new Map<UploadPart, Attempt>();
  private joining: Attempt | null = null;
  private ended = false;

  constructor(transport: Transport, source: FileSource, events: FileEvents) {
    this.transport = transport;
    this.source = source;
    this.events = events;
  }

  start(): void {
    const { parts } = this.source.plan;
    for (const part of parts) {
      if (this.running.size >= this.lanes()) return;
      if (!part.done && !this.running.has(part)) this.begin(part);
    }
    if (parts.every((part) => part.done)) this.finish();
  }

  abort(): void {
    this.ended = true;
    for (const attempt of this.running.values()) attempt.abort();
    this.joining?.abort();
  }

  private lanes(): number {
    const { parts } = this.source.plan;
    const [first] = parts;
    // An index that was fetched from behind goes alone: with it there the rest can be played as it
    // comes.
    if (first && first.begin > 0 && !first.done) return 1;
    // The first part reserves the space of the whole; two at a time would both try to.
    return parts.some((part) => part.url) ? lanesMax : 1;
  }

  private begin(part: UploadPart): void {
    const { file, plan, metadata } = this.source;
    const { begin, end, url } = part;
    const place = { group: plan.group ?? '', offset: String(begin), total: String(file.size) };
    const attempt = this.transport.begin(
      {
        body: plan.group ? file.slice(begin, end) : file,
        url,
        metadata: plan.group ? { ...metadata, ...place } : metadata,
        partial: plan.group !== null,
      },
      {
        onUrl: (created) => {
          this.events.onUrl(part, created);
          if (!this.ended) this.start();
        },
        onProgress: (sent) => this.moved(part, sent),
        onSuccess: () => {
          part.done = true;
          this.running.delete(part);
          this.moved(part, end - begin);
          this.start();
        },
        onFailure: (failure) => this.events.onFailure(failure),
      },
    );
    this.running.set(part, attempt);
  }

  private moved(part: UploadPart, sent: number): void {
    part.sent = sent;
    this.events.onProgress(bytesSent(this.source.plan));
  }

  private finish(): void {
    const { plan } = this.source;
    const urls = urlsOf(plan);
    if (!plan.group) this.events.onSuccess(urls[0] ?? '');
    else this.joining = this.transport.join(urls, this.events);
  }
}
