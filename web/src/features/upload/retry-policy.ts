import { problemFrom } from '~/api/problem';
import type { TransferFailure } from './transport';

/** What to do about a failed attempt, with the words shown to the person. */
export type Verdict =
  | { kind: 'retry'; reason: string; delayMs: number }
  | { kind: 'restart'; reason: string }
  | { kind: 'stop'; reason: string; hint: string | null };

const delaysMs = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];
const busyStatuses = [408, 409, 423, 425, 429];

export function delayOf(attempt: number): number {
  return delaysMs[Math.min(attempt, delaysMs.length - 1)] ?? 30_000;
}

/**
 * Pure. Everything that may heal by itself is tried for ever, since leaving the page open is how a
 * person says "go on"; what only a person can change stops and says what.
 */
export function judge(failure: TransferFailure, attempt: number, online: boolean): Verdict {
  const { status } = failure;
  if (status === null) {
    const reason = online ? 'The connection was lost' : 'You are offline';
    return { kind: 'retry', reason, delayMs: delayOf(attempt) };
  }
  const problem = problemFrom(status, failure.body);
  if (status === 404 || status === 410) {
    return { kind: 'restart', reason: 'The server no longer had the first part' };
  }
  if (busyStatuses.includes(status) || (status >= 500 && status !== 507 && status !== 501)) {
    const reason = status >= 500 ? 'The server had a problem' : 'The server is busy';
    return { kind: 'retry', reason, delayMs: failure.retryAfterMs ?? delayOf(attempt) };
  }
  const hint = problem.hint ?? (status === 401 ? 'Sign in again, then press “Try again”.' : null);
  return { kind: 'stop', reason: problem.message, hint };
}
