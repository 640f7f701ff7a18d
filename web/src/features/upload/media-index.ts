import type { ByteRange } from './upload-plan';

/** Files have a handful of boxes at the top; fragmented ones have many, but their index in front. */
const boxesMax = 64;
const headBytes = 16;

/**
 * Where the index (`moov`) of an ISO base media file (ISO/IEC 14496-12 section 4.2: MP4, QuickTime)
 * stands, if that is behind the media it tells of; null for every other file. Reads 16 bytes a box.
 */
export async function indexBehindMedia(file: Blob): Promise<ByteRange | null> {
  let afterMedia = false;
  let at = 0;
  for (let count = 0; count < boxesMax && at + headBytes <= file.size; count += 1) {
    const box = boxOf(new DataView(await file.slice(at, at + headBytes).arrayBuffer()));
    if (!box) return null;
    if (box.type === 'moov') {
      return afterMedia ? { begin: at, end: Math.min(file.size, at + box.bytes) } : null;
    }
    if (box.type === 'mdat') afterMedia = true;
    at += box.bytes;
  }
  return null;
}

/** Null for what is no box, or the last one: size 0 reaches to the end of the file. */
function boxOf(head: DataView): { type: string; bytes: number } | null {
  const codes = [4, 5, 6, 7].map((at) => head.getUint8(at));
  if (codes.some((code) => code < 0x20 || code > 0x7e)) return null;
  const small = head.getUint32(0);
  const bytes = small === 1 ? Number(head.getBigUint64(8)) : small;
  if (bytes < (small === 1 ? 16 : 8)) return null;
  return { type: String.fromCharCode(...codes), bytes };
}
