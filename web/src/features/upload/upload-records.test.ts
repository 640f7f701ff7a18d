import { beforeEach, expect, it } from 'vitest';
import { UploadRecords } from './upload-records';

const record = {
  key: 'k',
  name: 'a.mp4',
  size: 10,
  lastModified: 7,
  group: 'g',
  parts: [
    { begin: 8, end: 10, url: '/files/tail', sent: 2, done: true },
    { begin: 0, end: 8, url: null, sent: 0, done: false },
  ],
};

beforeEach(() => localStorage.clear());

function store(...stored: unknown[]) {
  localStorage.setItem('sf.uploads', JSON.stringify(stored));
}

it('keeps a group and its parts as they were', () => {
  const records = new UploadRecords(localStorage);
  records.claim(record, 1_000);
  expect(records.unclaimed(1_000)).toEqual([]);
  records.release('k');
  expect(new UploadRecords(localStorage).unclaimed(0)).toEqual([{ ...record, claimedUntil: 0 }]);
});

it('takes over an upload that began before files went up in parts', () => {
  const before = { url: '/files/v', sent: 4, claimedUntil: 0 };
  store({ key: 'old', name: 'b.mp4', size: 9, lastModified: 1, ...before });
  expect(new UploadRecords(localStorage).unclaimed(0)).toEqual([
    {
      key: 'old',
      name: 'b.mp4',
      size: 9,
      lastModified: 1,
      group: null,
      parts: [{ begin: 0, end: 9, url: '/files/v', sent: 4, done: false }],
      claimedUntil: 0,
    },
  ]);
});

it('drops what it does not understand and keeps the rest', () => {
  store({ key: 'x' }, { ...record, parts: [], claimedUntil: 0 }, { ...record, claimedUntil: 0 });
  expect(new UploadRecords(localStorage).unclaimed(0)).toHaveLength(1);
  localStorage.setItem('sf.uploads', '{"not":"a list"}');
  expect(new UploadRecords(localStorage).unclaimed(0)).toEqual([]);
});
