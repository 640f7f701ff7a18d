import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  parseSearchWith,
  redirect,
  stringifySearchWith,
} from '@tanstack/react-router';
import * as v from 'valibot';
import { basePath } from '~/api/base-path';
import { sessionQuery } from '~/api/queries';
import { mayBrowse } from '~/api/session';
import { StatusSchema, VisibilitySchema } from '~/api/wire';
import { Home } from './routes/home';
import { Login } from './routes/login';
import { NotFound, PageError } from './routes/not-found';
import { Setup } from './routes/setup';
import { Watch } from './routes/watch';
import { Shell } from './shell';

/**
 * A word in the address bar. The router reads what looks like a number or a truth value as one; a
 * title, or a token of digits only, must stay the text it is.
 */
const WordSchema = v.pipe(v.union([v.string(), v.number(), v.boolean()]), v.transform(String));

/** The library's filter as the address bar holds it; what is not understood is left out. */
const LibrarySearchSchema = v.object({
  q: v.fallback(v.optional(WordSchema), undefined),
  status: v.fallback(v.optional(StatusSchema), undefined),
  visibility: v.fallback(v.optional(VisibilitySchema), undefined),
  sort: v.fallback(v.optional(v.picklist(['created_at', 'title'])), undefined),
});

/** Only places on this site, so that a crafted link cannot lead elsewhere after signing in. */
const LocalPathSchema = v.pipe(v.string(), v.regex(/^\/(?![/\\])/));

const rootRoute = createRootRouteWithContext<{ client: QueryClient }>()({
  component: Outlet,
  notFoundComponent: NotFound,
});

const shellRoute = createRoute({ getParentRoute: () => rootRoute, id: 'shell', component: Shell });

export const homeRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/',
  validateSearch: LibrarySearchSchema,
  beforeLoad: async ({ context, location }) => {
    const session = await context.client.ensureQueryData(sessionQuery);
    if (session.setup_required) throw redirect({ to: '/setup' });
    if (!mayBrowse(session))
      throw redirect({ to: '/login', search: { next: location.publicHref } });
  },
  component: Home,
});

export const watchRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: '/watch/$id',
  component: Watch,
});

const embedRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/embed/$id',
  component: lazyRouteComponent(() => import('./routes/embed'), 'Embed'),
});

export const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login',
  validateSearch: v.object({ next: v.fallback(v.optional(LocalPathSchema), undefined) }),
  beforeLoad: async ({ context, search }) => {
    const session = await context.client.ensureQueryData(sessionQuery);
    if (session.setup_required) throw redirect({ to: '/setup' });
    if (mayBrowse(session)) throw redirect({ href: search.next ?? '/' });
  },
  component: Login,
});

export const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/setup',
  validateSearch: v.object({ token: v.fallback(v.optional(WordSchema), undefined) }),
  beforeLoad: async ({ context }) => {
    const session = await context.client.ensureQueryData(sessionQuery);
    if (!session.setup_required) throw redirect({ to: '/' });
  },
  component: Setup,
});

const tree = rootRoute.addChildren([
  shellRoute.addChildren([homeRoute, watchRoute]),
  embedRoute,
  loginRoute,
  setupRoute,
]);

export function createAppRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    basepath: basePath || '/',
    context: { client },
    defaultErrorComponent: PageError,
    defaultPendingMs: 300,
    parseSearch: parseSearchWith((text) => text),
    stringifySearch: stringifySearchWith(String),
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
