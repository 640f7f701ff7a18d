import * as v from 'valibot';
import { basePath } from './base-path';
import { ApiError, problemFrom } from './problem';

/** Proves to the server that a cookie-carrying request was made by this page (see docs/protocols/api.md). */
export const pageHeaders: Readonly<Record<string, string>> = { 'X-Requested-With': 'streamforge' };

type RequestOptions = {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
};

/** Sends one request to the API, by its path below the site's; throws ApiError for anything but a 2xx. */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  const headers: Record<string, string> = {
    Accept: 'application/json',
    ...pageHeaders,
    ...options.headers,
  };
  const init: RequestInit = { method: options.method ?? 'GET', headers };
  if (options.signal) init.signal = options.signal;
  if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(options.body);
  }
  let response: Response;
  try {
    response = await fetch(basePath + path, init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw ApiError.network();
  }
  if (!response.ok) throw problemFrom(response.status, await response.text().catch(() => ''));
  return response;
}

/** Checks an answer against the shape the contract promises. */
export function parseAnswer<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new ApiError({
    status: 0,
    code: 'bad_answer',
    message: 'The server answered something this page does not understand.',
    hint: `${v.getDotPath(issue) ?? 'answer'}: ${issue.message}. Reload the page; it may be older than the server.`,
  });
}

/** Sends a request and validates its JSON answer. */
export async function sendJson<Schema extends v.GenericSchema>(
  path: string,
  schema: Schema,
  options: RequestOptions = {},
): Promise<v.InferOutput<Schema>> {
  const response = await send(path, options);
  return parseAnswer(schema, await response.json().catch(() => undefined));
}
