import { expect, it } from 'vitest';
import { indexBehindMedia } from './media-index';

type Box = { type: string; bytes: number; long?: boolean };

/** Boxes with zeros in them; a size of 0 is written as such over `bytes`. */
function fileOf(boxes: Box[], lastReachesToEnd = false): Blob {
  const parts = boxes.map(({ type, bytes, long }, index) => {
    const box = new DataView(new ArrayBuffer(bytes));
    const open = lastReachesToEnd && index === boxes.length - 1;
    box.setUint32(0, open ? 0 : long ? 1 : bytes);
    for (const [at, letter] of [...type].entries()) box.setUint8(4 + at, letter.charCodeAt(0));
    if (long) box.setBigUint64(8, BigInt(bytes));
    return box.buffer;
  });
  return new Blob(parts);
}

const ftyp = { type: 'ftyp', bytes: 32 };
const moov = { type: 'moov', bytes: 200 };
const mdat = { type: 'mdat', bytes: 1_000 };

it.each<[string, Box[], { begin: number; end: number } | null]>([
  ['behind the media', [ftyp, mdat, moov], { begin: 1_032, end: 1_232 }],
  [
    'behind media of 64-bit size',
    [ftyp, { ...mdat, long: true }, moov],
    { begin: 1_032, end: 1_232 },
  ],
  [
    'between media and padding',
    [ftyp, mdat, moov, { type: 'free', bytes: 99 }],
    { begin: 1_032, end: 1_232 },
  ],
  [
    'of QuickTime without ftyp',
    [{ type: 'wide', bytes: 8 }, mdat, moov],
    { begin: 1_008, end: 1_208 },
  ],
  ['in front', [ftyp, moov, mdat], null],
  ['missing', [ftyp, mdat], null],
])('finds an index %s', async (_, boxes, expected) => {
  expect(await indexBehindMedia(fileOf(boxes))).toEqual(expected);
});

it('ends where media reach to the end of the file', async () => {
  expect(await indexBehindMedia(fileOf([ftyp, mdat], true))).toBeNull();
});

it('takes an index that claims more than there is as far as it goes', async () => {
  const whole = fileOf([ftyp, mdat, moov]);
  expect(await indexBehindMedia(whole.slice(0, 1_100))).toEqual({ begin: 1_032, end: 1_100 });
});

it.each([
  ['Matroska', [0x1a, 0x45, 0xdf, 0xa3, 0x9f, 0x42, 0x86, 0x81]],
  ['what has no letters for a type', [0, 0, 0, 16, 0x9f, 0x42, 0x86, 0x81]],
  ['a size below its own head', [0, 0, 0, 4, 0x6d, 0x64, 0x61, 0x74]],
  ['nothing', []],
])('finds none in %s', async (_, bytes) => {
  const reads: number[] = [];
  const file = new Blob([new Uint8Array([...bytes, ...new Array(200).fill(0)])]);
  const slice = file.slice.bind(file);
  file.slice = (begin, end) => {
    reads.push((end ?? 0) - (begin ?? 0));
    return slice(begin, end);
  };
  expect(await indexBehindMedia(file)).toBeNull();
  expect(reads).toEqual([16]);
});

it('gives up on files of very many boxes', async () => {
  const many = Array.from({ length: 64 }, () => ({ type: 'mdat', bytes: 16 }));
  expect(await indexBehindMedia(fileOf([...many, moov]))).toBeNull();
  expect(await indexBehindMedia(fileOf([...many.slice(1), moov]))).not.toBeNull();
});
