import type { DetailedError, Upload, UploadOptions } from 'tus-js-client';
import { pageHeaders } from '~/api/http';
import type { TransferEvents, TransferFailure, TransferSource, Transport } from './transport';

const endpoint = '/files';

function loadTus() {
  return import('tus-js-client');
}

function isDetailed(error: Error | DetailedError): error is DetailedError {
  return 'originalRequest' in error;
}

function failureOf(error: Error | DetailedError): TransferFailure {
  const response = isDetailed(error) ? error.originalResponse : null;
  if (!response?.getStatus()) return { status: null, body: '', retryAfterMs: null };
  const retryAfter = Number(response.getHeader('Retry-After') ?? Number.NaN);
  return {
    status: response.getStatus(),
    body: response.getBody(),
    retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : null,
  };
}

function optionsOf(source: TransferSource, events: TransferEvents): UploadOptions {
  return {
    // Without an endpoint tus-js-client cannot answer a failed HEAD by silently starting a second
    // upload (it does so for any 4xx and 5xx): such answers come to the engine, which decides.
    ...(source.url ? { uploadUrl: source.url } : { endpoint }),
    headers: { ...pageHeaders },
    metadata: source.metadata,
    // One attempt each: the engine owns retrying, because it can say why and wait for the network.
    retryDelays: null,
    storeFingerprintForResuming: false,
    onProgress: (sent) => events.onProgress(sent),
    onSuccess: () => events.onSuccess(),
    onError: (error) => events.onFailure(failureOf(error)),
  };
}

/** tus 1.0.0 by tus-js-client, which is loaded apart from the page. */
export const tusTransport: Transport = {
  prepare() {
    loadTus().catch(() => {});
  },

  begin(source, events) {
    let upload: Upload | null = null;
    let aborted = false;
    loadTus()
      .then(({ Upload: TusUpload }) => {
        if (aborted) return;
        const created = new TusUpload(source.file, {
          ...optionsOf(source, events),
          onUploadUrlAvailable: () => created.url && events.onUrl(created.url),
        });
        upload = created;
        created.start();
      })
      .catch(() => {
        if (!aborted) events.onFailure({ status: null, body: '', retryAfterMs: null });
      });
    return {
      abort() {
        aborted = true;
        void upload?.abort();
      },
    };
  },

  async terminate(url) {
    const { Upload: TusUpload } = await loadTus();
    await TusUpload.terminate(url, { headers: { ...pageHeaders }, retryDelays: [1_000, 5_000] });
  },
};
