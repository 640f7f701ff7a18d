import { expect, it } from 'vitest';
import { EventParser } from './event-parser';

const whole = [
  ': hello',
  '',
  'id: 7',
  'event: video.progress',
  'data: {"a":',
  'data: 1}',
  '',
  'data: plain',
  '',
  'event: nothing',
  '',
  '',
].join('\n');

const events = [
  { name: 'video.progress', data: '{"a":\n1}', id: '7' },
  { name: 'message', data: 'plain', id: '7' },
];

it('reads a stream in one piece', () => {
  expect(new EventParser().push(whole)).toEqual(events);
});

it.each([1, 2, 3, 7])('reads the same in pieces of %d characters', (size) => {
  const parser = new EventParser();
  const found = [];
  for (let start = 0; start < whole.length; start += size) {
    found.push(...parser.push(whole.slice(start, start + size)));
  }
  expect(found).toEqual(events);
});

it('accepts CRLF, also when it is cut in two', () => {
  const parser = new EventParser();
  expect(parser.push('data: x\r')).toEqual([]);
  expect(parser.push('\n\r\n')).toEqual([{ name: 'message', data: 'x', id: null }]);
});
