import '~/ui/tokens.css';
import '~/ui/base.css';
import { CSPProvider } from '@base-ui/react/csp-provider';
import { Tooltip } from '@base-ui/react/tooltip';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { tusTransport } from '~/features/upload/tus-transport';
import { UploadProvider } from '~/features/upload/upload-context';
import { UploadEngine } from '~/features/upload/upload-engine';
import { UploadRecords } from '~/features/upload/upload-records';
import { ToastHost } from '~/ui/toast';
import { LiveUpdates } from './live-updates';
import { createQueryClient } from './query-client';
import { createAppRouter } from './router';

const client = createQueryClient();
const router = createAppRouter(client);
const engine = new UploadEngine({
  transport: tusTransport,
  records: new UploadRecords(localStorage),
  isOnline: () => navigator.onLine,
});

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <CSPProvider disableStyleElements>
        <QueryClientProvider client={client}>
          <UploadProvider engine={engine}>
            <LiveUpdates>
              <Tooltip.Provider delay={400}>
                <RouterProvider router={router} />
              </Tooltip.Provider>
            </LiveUpdates>
          </UploadProvider>
          <ToastHost />
        </QueryClientProvider>
      </CSPProvider>
    </StrictMode>,
  );
}
