import { createContext, type ReactNode, use, useEffect, useSyncExternalStore } from 'react';
import { announce } from '~/ui/announcer';
import type { UploadEngine, UploadState } from './upload-engine';

const EngineContext = createContext<UploadEngine | null>(null);

type UploadProviderProps = { engine: UploadEngine; children: ReactNode };

/** Gives the page its engine and tells the engine what happens to the page. */
export function UploadProvider({ engine, children }: UploadProviderProps) {
  useEffect(() => {
    const wake = () => engine.wake();
    const release = () => engine.releaseClaims();
    const warn = (event: BeforeUnloadEvent) => {
      if (engine.isBusy()) event.preventDefault();
    };
    window.addEventListener('online', wake);
    window.addEventListener('pagehide', release);
    window.addEventListener('beforeunload', warn);
    return () => {
      window.removeEventListener('online', wake);
      window.removeEventListener('pagehide', release);
      window.removeEventListener('beforeunload', warn);
    };
  }, [engine]);
  useEffect(() => announceMilestones(engine), [engine]);
  return <EngineContext value={engine}>{children}</EngineContext>;
}

export function useUploadEngine(): UploadEngine {
  const engine = use(EngineContext);
  if (!engine) throw new Error('useUploadEngine outside UploadProvider');
  return engine;
}

export function useUploads(): UploadState {
  const engine = useUploadEngine();
  return useSyncExternalStore(engine.subscribe, engine.getState);
}

/** Says aloud what a progress bar shows: each quarter, and every change of phase. */
function announceMilestones(engine: UploadEngine): () => void {
  const said = new Map<string, string>();
  return engine.subscribe(() => {
    for (const item of engine.getState().items) {
      const quarter = item.size > 0 ? Math.floor((item.sent / item.size) * 4) * 25 : 0;
      const milestone =
        item.phase === 'uploading' ? `${quarter} percent uploaded` : (item.reason ?? item.phase);
      if (said.get(item.key) === milestone) continue;
      said.set(item.key, milestone);
      if (item.phase !== 'waiting' && milestone !== '100 percent uploaded') {
        announce(`${item.name}: ${milestone === 'done' ? 'uploaded' : milestone}`);
      }
    }
  });
}
