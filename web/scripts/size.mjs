// Holds the page to its budget: what a browser downloads, gzipped, for each way of arriving.
// Run after `npm run build`; ends with 1 when a budget is exceeded.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = join(import.meta.dirname, '../dist');
const kib = 1024;

/** Each budget leaves about a tenth of room over what is needed today. */
const budgets = [
  { name: 'first page: script', max: 210 * kib, files: /^(index|vendor|rolldown-runtime)-.*\.js$/ },
  { name: 'first page: style', max: 10 * kib, files: /^index-.*\.css$/ },
  { name: 'fonts', max: 75 * kib, files: /\.woff2$/ },
  { name: 'uploading', max: 18 * kib, files: /^browser-.*\.js$/ },
  { name: 'player', max: 38 * kib, files: /^(player|embed)-.*\.(js|css)$/ },
  { name: 'player: hls.js', max: 200 * kib, files: /^hls-.*\.js$/ },
  { name: 'player: hls.js worker', max: 45 * kib, files: /^hls\.worker-.*\.js$/ },
];

const sizes = new Map(
  readdirSync(join(dist, 'assets')).map((name) => {
    const bytes = readFileSync(join(dist, 'assets', name));
    return [name, name.endsWith('.woff2') ? bytes.length : gzipSync(bytes, { level: 9 }).length];
  }),
);

let failed = false;
const counted = new Set();
for (const { name, max, files } of budgets) {
  const found = [...sizes].filter(([file]) => files.test(file));
  for (const [file] of found) counted.add(file);
  const total = found.reduce((sum, [, bytes]) => sum + bytes, 0);
  const verdict = found.length === 0 ? 'nothing found' : total > max ? 'too large' : 'ok';
  if (verdict !== 'ok') failed = true;
  const numbers = `${(total / kib).toFixed(1).padStart(7)} of ${String(max / kib).padStart(4)} KiB`;
  console.log(`${name.padEnd(24)}${numbers}  ${verdict}`);
}
for (const file of sizes.keys()) {
  if (counted.has(file)) continue;
  failed = true;
  console.log(`${file} belongs to no budget: name one in scripts/size.mjs`);
}
process.exitCode = failed ? 1 : 0;
