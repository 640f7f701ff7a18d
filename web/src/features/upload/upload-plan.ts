const mebibyte = 1024 * 1024;
/** Parts that begin and end at such multiples are written past the server's page cache. */
const blockBytes = 4096;
/**
 * Files of this size go up in parts. On a long or lossy line one connection is held back by its own
 * congestion window; several are not, and the loss of one costs little. A smaller file is there
 * before that matters, and each part costs two round trips more.
 */
const splitFromBytes = 64 * mebibyte;
/** Parts are small against the file, so that what has arrived stays near one piece from the start,
 * which is what plays early; and large against a round trip. */
const partBytesMin = 16 * mebibyte;
const partsMax = 64;
/** A film plays from its head on while it arrives: that comes in parts of a mebibyte, then of a
 * quarter of what is before them. */
const headPartBytes = mebibyte;
const headPartShare = 4;

/** The bytes of a file from `begin` up to but not including `end`. */
export type ByteRange = { begin: number; end: number };

/** A range that is one upload on the server, and how far that is. */
export type UploadPart = ByteRange & {
  /** Null until it was created. */
  url: string | null;
  /** Bytes that left this browser; what the server has of them may be less until `done`. */
  sent: number;
  done: boolean;
};

/** How a file goes up: whole (`group` null, one part) or as the parts of a group, in their order. */
export type UploadPlan = { group: string | null; parts: UploadPart[] };

export function goesInParts(size: number): boolean {
  return size >= splitFromBytes;
}

export function planWhole(size: number): UploadPlan {
  return { group: null, parts: [fresh({ begin: 0, end: size })] };
}

/** Parts in a group with a random name: `index`, where that is not null, then the rest in order. */
export function planParts(size: number, index: ByteRange | null): UploadPlan {
  const name = crypto.getRandomValues(new Uint8Array(16));
  const group = [...name].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (!index) return { group, parts: split({ begin: 0, end: size }, size) };
  const first = {
    begin: Math.floor(index.begin / blockBytes) * blockBytes,
    end: Math.min(size, blocksOf(index.end)),
  };
  const before = split({ begin: 0, end: first.begin }, size);
  const behind = split({ begin: first.end, end: size }, size);
  return { group, parts: [fresh(first), ...before, ...behind] };
}

export function bytesSent(plan: UploadPlan): number {
  return plan.parts.reduce((sum, part) => sum + part.sent, 0);
}

/** Of the parts that were created, in their order in the file. */
export function urlsOf(plan: UploadPlan): string[] {
  const inOrder = plan.parts.toSorted((a, b) => a.begin - b.begin);
  return inOrder.map((part) => part.url).filter((url) => url !== null);
}

function split({ begin, end }: ByteRange, size: number): UploadPart[] {
  const bytes = Math.max(partBytesMin, blocksOf(size / partsMax));
  const parts: UploadPart[] = [];
  for (let at = begin; at < end; ) {
    const small = Math.max(headPartBytes, blocksOf(at / headPartShare));
    const next = Math.min(end, at + Math.min(bytes, small));
    parts.push(fresh({ begin: at, end: next }));
    at = next;
  }
  return parts;
}

function fresh(range: ByteRange): UploadPart {
  return { ...range, url: null, sent: 0, done: false };
}

function blocksOf(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes;
}
