import type { DetailedError, Upload } from 'tus-js-client';
import { basePath } from '~/api/base-path';
import { pageHeaders } from '~/api/http';
import type { TransferFailure, Transport } from './transport';

const endpoint = `${basePath}/files`;
const noAnswer: TransferFailure = { status: null, body: '', retryAfterMs: null };

function loadTus() {
  return import('tus-js-client');
}

function failure(status: number, body: string, retryAfter: string | null | undefined) {
  const seconds = Number(retryAfter ?? Number.NaN);
  return { status, body, retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null };
}

function failureOf(error: Error | DetailedError): TransferFailure {
  const response = 'originalRequest' in error ? error.originalResponse : null;
  if (!response?.getStatus()) return noAnswer;
  return failure(response.getStatus(), response.getBody(), response.getHeader('Retry-After'));
}

/** tus 1.0.0 by tus-js-client, which is loaded apart from the page. */
export const tusTransport: Transport = {
  prepare() {
    loadTus().catch(() => {});
  },

  begin({ body, url, metadata, partial }, events) {
    let upload: Upload | null = null;
    let aborted = false;
    /** Passes on what happens until the attempt is aborted. */
    const live =
      <Args extends unknown[]>(event: (...args: Args) => void) =>
      (...args: Args) => {
        if (!aborted) event(...args);
      };
    loadTus()
      .then(({ Upload: TusUpload }) => {
        if (aborted) return;
        const created = new TusUpload(body, {
          // Without an endpoint tus-js-client cannot answer a failed HEAD by silently starting a
          // second upload (it does so for any 4xx and 5xx): such answers come to the engine, which
          // decides.
          ...(url ? { uploadUrl: url } : { endpoint }),
          // Its own parallelUploads gives all parts the same metadata, and a part's offset is there.
          headers: partial ? { ...pageHeaders, 'Upload-Concat': 'partial' } : { ...pageHeaders },
          metadata,
          // One attempt each: the engine owns retrying, because it can say why and wait for the
          // network.
          retryDelays: null,
          storeFingerprintForResuming: false,
          onUploadUrlAvailable: () => {
            if (created.url) events.onUrl(created.url);
            if (aborted) void created.abort();
          },
          onProgress: live(events.onProgress),
          onSuccess: live(() => events.onSuccess()),
          onError: live((error) => events.onFailure(failureOf(error))),
        });
        upload = created;
        created.start();
      })
      .catch(live(() => events.onFailure(noAnswer)));
    return {
      abort() {
        aborted = true;
        // Without a URL its creation is under way, and ends by itself.
        if (upload?.url) void upload.abort();
      },
    };
  },

  join(urls, events) {
    const request = new AbortController();
    fetch(endpoint, {
      method: 'POST',
      headers: {
        ...pageHeaders,
        'Tus-Resumable': '1.0.0',
        // No metadata: the first part's is the video's, and a person may have edited that since.
        'Upload-Concat': `final;${urls.join(' ')}`,
      },
      signal: request.signal,
    })
      .then(async (answer) => {
        const url = answer.headers.get('Location');
        if (answer.ok && url) return events.onSuccess(url);
        const body = await answer.text();
        if (request.signal.aborted) return;
        events.onFailure(failure(answer.status, body, answer.headers.get('Retry-After')));
      })
      .catch(() => {
        if (!request.signal.aborted) events.onFailure(noAnswer);
      });
    return request;
  },

  async terminate(url) {
    const { Upload: TusUpload } = await loadTus();
    await TusUpload.terminate(url, { headers: { ...pageHeaders }, retryDelays: [1_000, 5_000] });
  },
};
