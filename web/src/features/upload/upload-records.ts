import * as v from 'valibot';
import { basePath } from '~/api/base-path';

/** Two servers below paths of one host share their storage, and must not mix up their uploads. */
const storageKey = `sf.uploads${basePath}`;
/** More than anyone leaves unfinished; older ones fall out. */
const recordsMax = 50;
/** How long a tab's claim on an upload outlives its last sign of life. */
const claimMs = 15_000;

const common = {
  key: v.string(),
  name: v.string(),
  size: v.number(),
  lastModified: v.number(),
  /** Until when a tab is known to be working on it; 0 when none is. */
  claimedUntil: v.number(),
};
const PartSchema = v.object({
  begin: v.number(),
  end: v.number(),
  url: v.nullable(v.string()),
  sent: v.number(),
  done: v.boolean(),
});
const RecordSchema = v.object({
  ...common,
  group: v.nullable(v.string()),
  parts: v.pipe(v.array(PartSchema), v.minLength(1)),
});
/** How a record looked before files went up in parts. */
const WholeSchema = v.pipe(
  v.object({ ...common, url: v.string(), sent: v.number() }),
  v.transform(({ url, sent, ...rest }): UploadRecord => {
    const part = { begin: 0, end: rest.size, url, sent, done: false };
    return { ...rest, group: null, parts: [part] };
  }),
);
const StoredSchema = v.union([RecordSchema, WholeSchema]);

/** An unfinished upload as it survives a reload: where it is on the server and which file it was. */
export type UploadRecord = v.InferOutput<typeof RecordSchema>;

type FileIdentity = { name: string; size: number; lastModified: number };

/** The same file as far as a browser can tell without reading it. */
export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
}

/** The unfinished uploads of this browser, in localStorage, shared by its tabs. */
export class UploadRecords {
  private readonly storage: Storage;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  /** Those that no other tab is working on. */
  unclaimed(nowMs: number): UploadRecord[] {
    return this.all().filter((record) => record.claimedUntil <= nowMs);
  }

  claim(record: Omit<UploadRecord, 'claimedUntil'>, nowMs: number): void {
    this.put({ ...record, claimedUntil: nowMs + claimMs });
  }

  release(key: string): void {
    const record = this.all().find((candidate) => candidate.key === key);
    if (record) this.put({ ...record, claimedUntil: 0 });
  }

  remove(key: string): void {
    this.write(this.all().filter((record) => record.key !== key));
  }

  private put(record: UploadRecord): void {
    const others = this.all().filter((candidate) => candidate.key !== record.key);
    this.write([...others, record].slice(-recordsMax));
  }

  private all(): UploadRecord[] {
    try {
      const stored: unknown = JSON.parse(this.storage.getItem(storageKey) ?? '[]');
      if (!Array.isArray(stored)) return [];
      // One that this page does not understand costs only itself.
      return stored.flatMap((record) => {
        const result = v.safeParse(StoredSchema, record);
        return result.success ? [result.output] : [];
      });
    } catch {
      return [];
    }
  }

  private write(records: UploadRecord[]): void {
    try {
      this.storage.setItem(storageKey, JSON.stringify(records));
    } catch {
      // A full or denied storage costs only the memory of this upload across reloads.
    }
  }
}
