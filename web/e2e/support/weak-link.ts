import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network between browser and server that a story can cut and mend. */
export type WeakLink = {
  url: string;
  /** Ends every connection at once and accepts no new one. */
  cut: () => void;
  mend: () => void;
  close: () => void;
};

export async function openWeakLink(serverUrl: string): Promise<WeakLink> {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let whole = true;
  const listener = createServer((near) => {
    if (!whole) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const cut = () => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    cut,
    mend: () => {
      whole = true;
    },
    close: () => {
      cut();
      listener.close();
    },
  };
}
