/** Why one attempt to move bytes ended; `status` is null when no answer came at all. */
export type TransferFailure = {
  status: number | null;
  body: string;
  retryAfterMs: number | null;
};

export type TransferSource = {
  file: File;
  /** The upload to continue, or null to create one. */
  url: string | null;
  metadata: Record<string, string>;
};

export type TransferEvents = {
  onUrl: (url: string) => void;
  onProgress: (sent: number) => void;
  onSuccess: () => void;
  onFailure: (failure: TransferFailure) => void;
};

/** What the engine needs of a protocol. After `abort` no event of that attempt arrives any more. */
export type Transport = {
  /** Loads what the first upload will need, while the network is known to work. */
  prepare: () => void;
  begin: (source: TransferSource, events: TransferEvents) => { abort: () => void };
  /** Frees what the server holds of an unfinished upload. */
  terminate: (url: string) => Promise<void>;
};
