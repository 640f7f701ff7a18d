/** Why one attempt to move bytes ended; `status` is null when no answer came at all. */
export type TransferFailure = {
  status: number | null;
  body: string;
  retryAfterMs: number | null;
};

/** One upload on the server: a file, or a part of one. */
export type TransportSource = {
  body: Blob;
  /** The upload to continue, or null to create one. */
  url: string | null;
  metadata: Record<string, string>;
  /** A part, which is no video by itself. */
  partial: boolean;
};

export type TransportEvents = {
  onUrl: (url: string) => void;
  onProgress: (sent: number) => void;
  onSuccess: () => void;
  onFailure: (failure: TransferFailure) => void;
};

export type JoinEvents = {
  /** `url` is the whole's. */
  onSuccess: (url: string) => void;
  onFailure: (failure: TransferFailure) => void;
};

export type Attempt = { abort: () => void };

/**
 * What the engine needs of a protocol. After `abort` no event of that attempt arrives any more but
 * `onUrl`: a creation that is under way is let end, since it could not be undone without its answer.
 */
export type Transport = {
  /** Loads what the first upload will need, while the network is known to work. */
  prepare: () => void;
  begin: (source: TransportSource, events: TransportEvents) => Attempt;
  /** Makes one of finished parts, given in their order in the file. May be repeated. */
  join: (urls: readonly string[], events: JoinEvents) => Attempt;
  /** Frees what the server holds of an unfinished upload. */
  terminate: (url: string) => Promise<void>;
};
