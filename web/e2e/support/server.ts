import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { MockServer } from '../../mock/server.mjs';

const web = resolve(import.meta.dirname, '../..');
const startMs = 20_000;

/** A server under test: where it is and, when somebody has to set it up, its first-run link. */
export type Server = { url: string; setupUrl: string; stop: () => Promise<void> };

/** `open`: anyone may upload, nobody has to set it up. `basePath`: not the mock's. */
type Options = { open?: boolean; basePath?: string };

/** Starts the server that the environment asks for: the built binary, or with SF_MOCK the mock. */
export function startServer({ open = false, basePath }: Options = {}): Promise<Server> {
  return process.env.SF_MOCK ? startMock(open) : startBinary(open, basePath);
}

async function startMock(open: boolean): Promise<Server> {
  const mock = new MockServer({ dist: join(web, 'dist'), open });
  mock.library.speed = 4;
  const url = await mock.listen(0);
  return {
    url,
    setupUrl: `${url}/setup?token=${mock.setupToken}`,
    stop: async () => mock.close(),
  };
}

async function startBinary(open: boolean, basePath: string | undefined): Promise<Server> {
  const binary = process.env.SF_BINARY ?? resolve(web, '../build/release/streamforge');
  const data = await mkdtemp(join(tmpdir(), 'sf-e2e-'));
  const words = ['serve', '--data', data, '--listen', '127.0.0.1:0'];
  if (open) words.push('--open');
  if (basePath) words.push('--base-path', basePath);
  const child = spawn(binary, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  const found = await readLinks(child, said, open);
  return {
    ...found,
    stop: async () => {
      await endProcess(child);
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** Reads stdout until the address and, unless it is open, the first-run link have been printed. */
function readLinks(child: ChildProcess, said: string[], open: boolean) {
  return new Promise<{ url: string; setupUrl: string }>((done, fail) => {
    const give = (why: string) => fail(new Error(`${why}\n${said.join('').slice(-4000)}`));
    const timer = setTimeout(() => give('the server did not say where it listens'), startMs);
    let url = '';
    let setupUrl = '';
    child.on('error', (error) => give(`the server could not be started: ${error.message}`));
    child.on('exit', (code) => give(`the server ended with ${code}`));
    if (!child.stdout) return give('the server has no stdout');
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(`${line}\n`);
      url ||= /listening on (http:\/\/\S+)/.exec(line)?.[1] ?? '';
      setupUrl ||= /(http:\/\/\S+\/setup\?token=\S+)/.exec(line)?.[1] ?? '';
      if (!url || !(setupUrl || open)) return;
      clearTimeout(timer);
      done({ url, setupUrl });
    });
  });
}

function endProcess(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null) return done();
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    child.removeAllListeners('exit');
    child.on('exit', () => {
      clearTimeout(timer);
      done();
    });
    child.kill('SIGTERM');
  });
}
