import * as v from 'valibot';

/** An RFC 9457 problem document as this server writes it; every member may be missing behind a proxy. */
const ProblemSchema = v.object({
  title: v.optional(v.string()),
  code: v.optional(v.string()),
  detail: v.optional(v.string()),
  hint: v.optional(v.string()),
  request_id: v.optional(v.string()),
});

type ApiErrorInit = {
  status: number;
  code: string;
  message: string;
  hint?: string | undefined;
  requestId?: string | undefined;
};

/**
 * The only error the api folder throws. `status` is 0 when no answer came (`code` "network") and
 * when an answer did not have the promised shape (`code` "bad_answer").
 */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly requestId: string | undefined;

  constructor(init: ApiErrorInit) {
    super(init.message);
    this.name = 'ApiError';
    this.status = init.status;
    this.code = init.code;
    this.hint = init.hint;
    this.requestId = init.requestId;
  }

  static network(): ApiError {
    return new ApiError({
      status: 0,
      code: 'network',
      message: 'The server cannot be reached.',
      hint: 'Check the connection; this page tries again by itself.',
    });
  }
}

/** Words for a status whose body says nothing, such as a proxy's own error page. */
function fallbackMessage(status: number): string {
  if (status === 401) return 'You are signed out.';
  if (status === 403) return 'You are not allowed to do this.';
  if (status === 404) return 'This does not exist any more.';
  if (status === 412) return 'Someone else changed this in the meantime.';
  if (status === 413) return 'This is larger than the server accepts.';
  if (status === 429) return 'Too many requests; wait a moment.';
  if (status === 507) return 'The server’s disk is full.';
  if (status >= 500) return 'The server had a problem.';
  return `The server refused the request (${status}).`;
}

/** Problem details are written for logs too, where they start in lower case. */
function asSentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Reads an error answer's body; never throws, whatever the body is. */
export function problemFrom(status: number, body: string): ApiError {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = undefined;
  }
  const result = v.safeParse(ProblemSchema, parsed);
  const problem = result.success ? result.output : {};
  return new ApiError({
    status,
    code: problem.code ?? `http_${status}`,
    message: asSentence(problem.detail || problem.title || fallbackMessage(status)),
    hint: problem.hint || undefined,
    requestId: problem.request_id,
  });
}

/** What to show a person for anything thrown anywhere. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return 'Something unexpected happened in this page.';
}
