import { type InfiniteData, QueryClient } from '@tanstack/react-query';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyEvent, matches } from './cache';
import { parseVideoEvent } from './event-stream';
import { keys } from './queries';
import { sampleVideo } from './sample-video';
import type { VideoFilter } from './videos';
import type { Video, VideoPage } from './wire';

const everything: VideoFilter = { q: '', status: null, visibility: null, sort: '-created_at' };
const failedOnly: VideoFilter = { ...everything, status: 'failed' };

let client: QueryClient;

function hold(filter: VideoFilter, ...pages: Video[][]): void {
  client.setQueryData<InfiniteData<VideoPage>>(keys.list(filter), {
    pages: pages.map((items) => ({ items, next_cursor: null })),
    pageParams: pages.map(() => null),
  });
}

function held(filter: VideoFilter): string[] {
  const data = client.getQueryData<InfiniteData<VideoPage>>(keys.list(filter));
  return (data?.pages ?? []).flatMap((page) =>
    page.items.map((item) => `${item.id}:${item.title}`),
  );
}

beforeEach(() => {
  client = new QueryClient();
});

describe('applyEvent', () => {
  it('replaces a video on whichever page it stands', () => {
    hold(everything, [sampleVideo({ id: 'a' })], [sampleVideo({ id: 'b' })]);
    applyEvent(client, { kind: 'changed', video: sampleVideo({ id: 'b', title: 'New' }) });
    expect(held(everything)).toEqual(['a:Sample', 'b:New']);
    expect(client.getQueryData<Video>(keys.video('b'))?.title).toBe('New');
  });

  it('puts an unknown video on top of the newest-first list only', () => {
    const byTitle: VideoFilter = { ...everything, sort: 'title' };
    hold(everything, [sampleVideo({ id: 'a' })]);
    hold(byTitle, [sampleVideo({ id: 'a' })]);
    applyEvent(client, { kind: 'changed', video: sampleVideo({ id: 'n' }) });
    expect(held(everything)).toEqual(['n:Sample', 'a:Sample']);
    expect(held(byTitle)).toEqual(['a:Sample']);
  });

  it('moves a video out of a filter it no longer meets, and into one it meets now', () => {
    const failed = sampleVideo({ id: 'a', status: 'failed' });
    hold(failedOnly, [failed]);
    applyEvent(client, { kind: 'changed', video: { ...failed, status: 'queued' } });
    expect(held(failedOnly)).toEqual([]);
    applyEvent(client, { kind: 'changed', video: failed });
    expect(held(failedOnly)).toEqual(['a:Sample']);
  });

  it('takes a deleted video out everywhere', () => {
    hold(everything, [sampleVideo({ id: 'a' }), sampleVideo({ id: 'b' })]);
    applyEvent(client, { kind: 'deleted', id: 'a' });
    expect(held(everything)).toEqual(['b:Sample']);
    const trashed = sampleVideo({ id: 'b', deleted_at: '2026-01-03T00:00:00Z' });
    applyEvent(client, { kind: 'changed', video: trashed });
    expect(held(everything)).toEqual([]);
  });
});

it('searches titles as the server does: anywhere, in any case', () => {
  expect(matches(sampleVideo({ title: 'Night Shift' }), { ...everything, q: 'shift' })).toBe(true);
  expect(matches(sampleVideo(), { ...everything, visibility: 'private' })).toBe(false);
});

describe('parseVideoEvent', () => {
  const video = { id: 'v1', title: 'T', status: 'ready', created_at: '2026-01-02T03:04:05Z' };

  it('understands a changed video and fills in what may be missing', () => {
    const event = { name: 'video.ready', data: JSON.stringify({ video }), id: '1' };
    expect(parseVideoEvent(event)).toMatchObject({
      kind: 'changed',
      video: { id: 'v1', renditions: [], warnings: [], progress: 0, hls_url: null },
    });
  });

  it.each(['{"id":"v1"}', '{"video":{"id":"v1"}}'])('understands deletion as %s', (data) => {
    expect(parseVideoEvent({ name: 'video.deleted', data, id: null })).toEqual({
      kind: 'deleted',
      id: 'v1',
    });
  });

  it('is told when events were missed', () => {
    expect(parseVideoEvent({ name: 'reset', data: '{}', id: null })).toEqual({ kind: 'reset' });
  });

  it.each([
    ['not JSON', 'video.ready', '{'],
    ['another shape', 'video.ready', '{"video":{"id":5}}'],
    ['a name from the future', 'server.restarting', '{}'],
  ])('ignores %s', (_, name, data) => {
    expect(parseVideoEvent({ name, data, id: null })).toBeNull();
  });
});
