// npm run dev: the mock server and Vite in front of it. With SF_URL set, Vite in front of that server.
import { createServer } from 'vite';
import { MockServer } from './server.mjs';

if (!process.env.SF_URL) {
  const users = process.env.SF_FIRST_RUN ? [] : [{ name: 'admin', password: 'streamforge' }];
  const mock = new MockServer({ seed: !process.env.SF_EMPTY, users });
  const url = await mock.listen(8099);
  console.log(`mock server on ${url}: sign in as admin / streamforge`);
  if (process.env.SF_FIRST_RUN)
    console.log(`first run: http://127.0.0.1:5173/setup?token=${mock.setupToken}`);
}
const vite = await createServer();
await vite.listen();
vite.printUrls();
