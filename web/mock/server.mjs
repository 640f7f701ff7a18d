// A stand-in for the server, for looking at pages and for running the browser stories without a
// build of the C++ side. Speaks docs/protocols/api.md and the tus core the page uses; keeps
// everything in memory. Not part of the product.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { Library } from './library.mjs';
import { mediaFolder } from './media.mjs';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.ts': 'video/mp2t',
  '.m3u8': 'application/vnd.apple.mpegurl',
  '.jpg': 'image/jpeg',
};

/** The policy the real server sends with every page, word for word (docs/protocols/api.md). */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; media-src 'self' blob: data:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'";

function json(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

function problem(response, status, code, detail, hint) {
  response.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Tus-Resumable': '1.0.0',
  });
  response.end(
    JSON.stringify({
      type: 'about:blank',
      title: code,
      status,
      code,
      detail,
      hint,
      request_id: 'mock',
    }),
  );
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function metadataOf(header) {
  const pairs = (header ?? '').split(',').map((pair) => pair.trim().split(' '));
  return Object.fromEntries(
    pairs.map(([key, value]) => [key, Buffer.from(value ?? '', 'base64').toString()]),
  );
}

export class MockServer {
  library = new Library();
  uploads = new Map();
  /** Videos by the name that the parts of their upload give their group. */
  groups = new Map();
  sessions = new Set();
  users = new Map();
  setupToken = 'mock-setup-token';
  /** Upload speed limit in bytes a second, so that progress can be seen. */
  uploadRate = 24_000_000;

  constructor({ dist = null, seed = false, users = [], open = false } = {}) {
    this.open = open;
    this.dist = dist;
    this.media = mediaFolder();
    for (const { name, password } of users) this.users.set(name, password);
    if (seed) this.library.seed();
    this.server = createServer((request, response) => {
      this.handle(request, response).catch((error) => {
        console.error(error);
        if (!response.headersSent) problem(response, 500, 'internal', String(error));
      });
    });
  }

  listen(port) {
    return new Promise((resolve) => {
      this.server.listen(port, '127.0.0.1', () =>
        resolve(`http://127.0.0.1:${this.server.address().port}`),
      );
    });
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  userOf(request) {
    const key = /sf_session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
    const name = key && this.sessions.has(key) ? key.split('.')[0] : null;
    return name ? { id: name, name, role: 'admin' } : null;
  }

  session(user) {
    return { setup_required: this.users.size === 0 && !this.open, open: this.open, user };
  }

  signIn(response, status, name) {
    const key = `${name}.${Math.random().toString(36).slice(2)}`;
    this.sessions.add(key);
    json(response, status, this.session({ id: name, name, role: 'admin' }), {
      'Set-Cookie': `sf_session=${key}; HttpOnly; SameSite=Lax; Path=/`,
    });
  }

  async handle(request, response) {
    const url = new URL(request.url, 'http://mock');
    const unsafe = !['GET', 'HEAD', 'OPTIONS'].includes(request.method);
    if (unsafe && request.headers['x-requested-with'] !== 'streamforge') {
      return problem(response, 403, 'csrf', 'The request did not come from the page.');
    }
    const [root, ...rest] = url.pathname.split('/').filter(Boolean);
    if (root === 'api') return this.api(request, response, url, rest.slice(1));
    if (root === 'files') return this.tus(request, response, rest[0]);
    if (root === 'v') return this.play(response, rest);
    return this.page(response, url.pathname);
  }

  async api(request, response, url, [kind, id, action]) {
    const user = this.userOf(request);
    if (kind === 'session') return this.sessionApi(request, response, user);
    if (kind === 'users' && request.method === 'POST') {
      const body = JSON.parse(await bodyOf(request));
      if (body.setup_token !== this.setupToken || this.users.size > 0)
        return problem(
          response,
          403,
          'setup_token',
          'This link was used already, or is not the one the server printed.',
          'Look for the newest link in the server’s log.',
        );
      this.users.set(body.name, body.password);
      return this.signIn(response, 201, body.name);
    }
    if (kind === 'videos' && id && !action && request.method === 'GET')
      return this.oneVideo(response, id, user);
    if (!user && !this.open) return problem(response, 401, 'signed_out', 'You are signed out.');
    if (kind === 'events') return this.eventStream(request, response);
    if (kind === 'videos' && !id) return json(response, 200, this.list(url.searchParams));
    if (kind === 'videos') return this.videoApi(request, response, id, action);
    return problem(response, 404, 'not_found', 'There is nothing here.');
  }

  async sessionApi(request, response, user) {
    if (request.method === 'GET') return json(response, 200, this.session(user));
    if (request.method === 'DELETE') {
      response.writeHead(204, { 'Set-Cookie': 'sf_session=; Path=/; Max-Age=0' });
      return response.end();
    }
    const { name, password } = JSON.parse(await bodyOf(request));
    if (this.users.get(name) !== password)
      return problem(response, 401, 'wrong_credentials', 'Name or password is wrong.');
    return this.signIn(response, 200, name);
  }

  list(query) {
    const sort = query.get('sort') ?? '-created_at';
    const limit = Math.min(100, Number(query.get('limit') ?? 50));
    const start = Number(query.get('cursor') ?? 0);
    const q = (query.get('q') ?? '').toLowerCase();
    const items = [...this.library.videos.values()]
      .filter((video) => video.deleted_at === null)
      .filter((video) => !q || video.title.toLowerCase().includes(q))
      .filter((video) => !query.get('status') || video.status === query.get('status'))
      .filter((video) => !query.get('visibility') || video.visibility === query.get('visibility'))
      .sort((a, b) =>
        sort === 'title'
          ? a.title.localeCompare(b.title)
          : (sort === 'created_at' ? 1 : -1) * a.created_at.localeCompare(b.created_at),
      );
    const end = start + limit;
    return { items: items.slice(start, end), next_cursor: end < items.length ? String(end) : null };
  }

  oneVideo(response, id, user) {
    const video = this.library.videos.get(id);
    if (!video || video.deleted_at || (video.visibility === 'private' && !user))
      return problem(response, 404, 'not_found', 'There is no such video.');
    return json(response, 200, video, { ETag: this.library.etag(id) });
  }

  async videoApi(request, response, id, action) {
    const video = this.library.videos.get(id);
    if (!video) return problem(response, 404, 'not_found', 'There is no such video.');
    if (action === 'log') {
      response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
      return response.end(
        `${new Date().toISOString()} probe  ${video.title}\n${new Date().toISOString()} probe  container=mp4 streams=2\n${new Date().toISOString()} worker started pid=4711 cpu=1\n`.repeat(
          12,
        ),
      );
    }
    if (action) return this.act(response, video, action);
    if (request.method === 'PATCH') {
      if (request.headers['if-match'] && request.headers['if-match'] !== this.library.etag(id))
        return problem(
          response,
          412,
          'changed',
          'Someone else changed this video in the meantime.',
        );
      const body = JSON.parse(await bodyOf(request));
      return json(response, 200, this.library.change(id, body), { ETag: this.library.etag(id) });
    }
    if (request.method === 'DELETE') {
      this.library.videos.set(id, { ...video, deleted_at: new Date().toISOString() });
      this.library.tell('deleted', video);
      response.writeHead(204);
      return response.end();
    }
    return problem(response, 405, 'method', 'Not here.');
  }

  act(response, video, action) {
    const { library } = this;
    if (action === 'restore') json(response, 200, library.change(video.id, { deleted_at: null }));
    else if (action === 'pause') json(response, 200, library.change(video.id, { paused: true }));
    else if (action === 'resume') json(response, 200, library.change(video.id, { paused: false }));
    else if (action === 'cancel')
      json(response, 200, library.change(video.id, { status: 'cancelled', eta_ms: null }));
    else if (action === 'prioritise')
      json(response, 200, library.change(video.id, { queue_position: 1 }));
    else if (action === 'retry') {
      json(response, 200, library.change(video.id, { error: null, progress: 0 }));
      void library.process(video.id, true);
    } else problem(response, 404, 'not_found', 'No such action.');
  }

  eventStream(request, response) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const write = (event) =>
      response.write(`id: ${event.id}\nevent: ${event.name}\ndata: ${event.data}\n\n`);
    response.write(': hello\n\n');
    const last = Number(request.headers['last-event-id'] ?? Number.POSITIVE_INFINITY);
    for (const event of this.library.events) if (event.id > last) write(event);
    this.library.listeners.add(write);
    const beat = setInterval(() => response.write(': beat\n\n'), 15_000);
    response.on('close', () => {
      clearInterval(beat);
      this.library.listeners.delete(write);
    });
  }

  async tus(request, response, id) {
    const tus = { 'Tus-Resumable': '1.0.0' };
    if (!this.userOf(request) && !this.open)
      return problem(response, 401, 'signed_out', 'You are signed out.');
    if (request.method === 'POST') {
      const concat = request.headers['upload-concat'] ?? '';
      const created = concat.startsWith('final;') ? this.join(concat) : this.begin(request, concat);
      if (!created) return problem(response, 404, 'part_not_found', 'A part is unknown.');
      response.writeHead(201, { ...tus, Location: `/files/${created}` });
      return response.end();
    }
    const upload = this.uploads.get(id);
    if (!upload) return problem(response, 404, 'not_found', 'There is no such upload.');
    if (request.method === 'HEAD') {
      response.writeHead(200, {
        ...tus,
        'Upload-Offset': upload.offset,
        'Upload-Length': upload.length,
        'Cache-Control': 'no-store',
      });
      return response.end();
    }
    if (request.method === 'DELETE') {
      this.removeUpload(id, upload);
      response.writeHead(204, tus);
      return response.end();
    }
    return this.patch(request, response, upload);
  }

  /** Makes an upload and its video, or a part (`partial`) and with the first one its group. */
  begin(request, concat) {
    const metadata = metadataOf(request.headers['upload-metadata']);
    const length = Number(request.headers['upload-length']);
    const makeVideo = (bytes) => {
      const video = this.library.create({
        title: metadata.title || metadata.filename,
        visibility: metadata.visibility ?? 'unlisted',
      });
      this.library.change(video.id, { source: { ...video.source, bytes } });
      return video.id;
    };
    const upload = { offset: 0, length, chunks: [], at: 0 };
    if (concat !== 'partial') {
      const id = makeVideo(length);
      this.uploads.set(id, { ...upload, video: id });
      if (length === 0) void this.library.process(id, false);
      return id;
    }
    const { group, offset, total } = metadata;
    if (!this.groups.has(group)) this.groups.set(group, makeVideo(Number(total)));
    const video = this.groups.get(group);
    const id = `${video}p${offset}`;
    this.uploads.set(id, { ...upload, video, at: Number(offset) });
    return id;
  }

  /** The video whose parts `concat` lists. Its last byte has queued it already. */
  join(concat) {
    const ids = concat.slice('final;'.length).split(' ');
    const parts = ids.map((url) => this.uploads.get(url.split('/').at(-1)));
    return parts.every((part) => part?.offset === part?.length) ? parts[0]?.video : null;
  }

  removeUpload(id, { video }) {
    this.uploads.delete(id);
    if (this.partsOf(video).length > 0) return;
    const gone = this.library.videos.get(video);
    this.library.videos.delete(video);
    if (gone) this.library.tell('deleted', gone);
  }

  partsOf(video) {
    return [...this.uploads.values()].filter((upload) => upload.video === video);
  }

  async patch(request, response, upload) {
    if (Number(request.headers['upload-offset']) !== upload.offset)
      return problem(response, 409, 'offset', 'The offset does not match.');
    let told = 0;
    try {
      for await (const chunk of request) {
        upload.chunks.push(chunk);
        upload.offset += chunk.length;
        await new Promise((resolve) =>
          setTimeout(resolve, (chunk.length * 1000) / this.uploadRate),
        );
        if (Date.now() - told > 400) {
          told = Date.now();
          this.tellReceived(upload.video, 'progress');
        }
      }
    } catch {
      return; // The client went away; what arrived is kept.
    }
    response.writeHead(204, { 'Tus-Resumable': '1.0.0', 'Upload-Offset': upload.offset });
    response.end();
    const source = this.tellReceived(upload.video, 'updated');
    if (!source || source.received_bytes !== source.bytes) return;
    const parts = this.partsOf(upload.video).sort((a, b) => a.at - b.at);
    const chunks = parts.flatMap((part) => part.chunks);
    const hash = createHash('sha256');
    for (const chunk of chunks) hash.update(chunk);
    this.library.change(upload.video, { source: { ...source, sha256: hash.digest('hex') } });
    void this.library.process(upload.video, chunks[0]?.subarray(0, 64).includes('ftyp'));
  }

  /** What the video's source is now; undefined when the video is gone. */
  tellReceived(id, event) {
    const video = this.library.videos.get(id);
    if (!video) return undefined;
    const received_bytes = this.partsOf(id).reduce((sum, part) => sum + part.offset, 0);
    return this.library.change(id, { source: { ...video.source, received_bytes } }, event).source;
  }

  play(response, [id, ...rest]) {
    const video = this.library.videos.get(id);
    if (!video) return problem(response, 404, 'not_found', 'There is no such video.');
    const name = rest.join('/');
    const poster = Number(
      new URLSearchParams((video.poster_url ?? '').split('?')[1] ?? '').get('n') ?? 0,
    );
    this.file(
      response,
      join(this.media, name === 'poster.jpg' ? `poster-${poster}.jpg` : normalize(`/${name}`)),
    );
  }

  page(response, path) {
    if (!this.dist) return problem(response, 404, 'not_found', 'The pages are served by Vite.');
    const asked = join(this.dist, normalize(path));
    const found = extname(asked) && existsSync(asked);
    this.file(response, found ? asked : join(this.dist, 'index.html'), found ? 200 : 200);
  }

  file(response, path) {
    if (!existsSync(path) || statSync(path).isDirectory())
      return problem(response, 404, 'not_found', 'There is nothing here.');
    const type = types[extname(path)] ?? 'application/octet-stream';
    const headers = { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' };
    if (type.startsWith('text/html')) {
      response.writeHead(200, { ...headers, 'Content-Security-Policy': policy });
      return response.end(readFileSync(path));
    }
    response.writeHead(200, { ...headers, 'Content-Length': statSync(path).size });
    createReadStream(path).pipe(response);
  }
}
