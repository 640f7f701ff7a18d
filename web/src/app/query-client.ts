import { QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError } from '~/api/problem';
import { keys } from '~/api/queries';

/** A refusal will not change by asking again; a lost connection or a busy server may. */
function worthRetrying(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
}

export function createQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      // A session that ended shows first as a refused query: look again at who we are.
      onError: (error, query) => {
        if (!(error instanceof ApiError) || error.status !== 401) return;
        if (query.queryKey[0] !== keys.session[0]) {
          void client.invalidateQueries({ queryKey: keys.session });
        }
      },
    }),
    defaultOptions: {
      // A browser that thinks it is offline may still reach a server on its own machine or cable.
      mutations: { networkMode: 'always' },
      queries: {
        networkMode: 'always',
        staleTime: 10_000,
        retry: (count, error) => count < 3 && worthRetrying(error),
      },
    },
  });
  return client;
}
