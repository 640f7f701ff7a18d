import { send, sendJson } from './http';
import { type Session, SessionSchema } from './wire';

export function getSession(signal?: AbortSignal): Promise<Session> {
  return sendJson('/api/v1/session', SessionSchema, { signal });
}

export function signIn(name: string, password: string): Promise<Session> {
  return sendJson('/api/v1/session', SessionSchema, { method: 'POST', body: { name, password } });
}

export async function signOut(): Promise<void> {
  await send('/api/v1/session', { method: 'DELETE' });
}

/** Spends the one-time link of the first run; the answer's cookie signs the new administrator in. */
export async function createAdministrator(
  setupToken: string,
  name: string,
  password: string,
): Promise<void> {
  await send('/api/v1/users', {
    method: 'POST',
    body: { setup_token: setupToken, name, password },
  });
}

/** Whether this session may see the library: any account, or anyone on a server with --open. */
export function mayBrowse(session: Session): boolean {
  return session.open || session.user !== null;
}

/** Whether it may upload and change things too; the server decides about each one again. */
export function mayManage(session: Session): boolean {
  return session.open || (session.user !== null && session.user.role !== 'viewer');
}
