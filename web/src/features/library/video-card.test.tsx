import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import {
  createMemoryHistory,
  createRootRoute,
  createRouter,
  RouterProvider,
} from '@tanstack/react-router';
import { cleanup, render, screen, within } from '@testing-library/react';
import { afterEach, expect, it } from 'vitest';
import { sampleVideo } from '~/api/sample-video';
import type { Video } from '~/api/wire';
import { VideoCard } from './video-card';

async function show(video: Video) {
  const route = createRootRoute({
    component: () => <VideoCard video={video} view="grid" manages />,
  });
  const router = createRouter({
    routeTree: route,
    history: createMemoryHistory({ initialEntries: ['/'] }),
  });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  return within(await screen.findByRole('listitem'));
}

afterEach(cleanup);

it('leads to the video and offers what can be done to it', async () => {
  const card = await show(sampleVideo({ title: 'Clip', duration_ms: 61_000 }));
  expect(card.getByRole('link', { name: 'Clip' }).getAttribute('href')).toBe('/watch/v1');
  expect(card.getByRole('button', { name: 'Actions for Clip' })).toBeTruthy();
  expect(card.getByText('Ready')).toBeTruthy();
  expect(card.getByText('1:01')).toBeTruthy();
});

it('shows the bytes that arrived, not the segments, while uploading', async () => {
  const source = { bytes: 2_000_000, received_bytes: 500_000 };
  const card = await show(sampleVideo({ status: 'uploading', progress: 0.9, source }));
  expect(card.getByText('Uploading 25 %')).toBeTruthy();
  expect(card.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('25');
  expect(card.getByText('500 kB of 2.0 MB received')).toBeTruthy();
});

it('never claims more than there is while processing', async () => {
  const card = await show(sampleVideo({ status: 'processing', progress: 0.999, eta_ms: 4_000 }));
  expect(card.getByText('Processing 99 %')).toBeTruthy();
  expect(card.getByText('4 s left')).toBeTruthy();
});

it('says why a video failed', async () => {
  const error = { code: 'x', message: 'Not a video.', hint: null, retryable: false };
  const card = await show(sampleVideo({ status: 'failed', error }));
  expect(card.getByText('Failed')).toBeTruthy();
  expect(card.getByText('Not a video.')).toBeTruthy();
});
