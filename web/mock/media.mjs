// Makes, once, the clip every mock video plays: a real four-rung HLS stream with an audio group,
// and a few pictures. Kept in the system's temporary directory.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const rungs = [
  { name: '1080p', width: 1920, height: 1080, kbps: 1400 },
  { name: '720p', width: 1280, height: 720, kbps: 800 },
  { name: '480p', width: 854, height: 480, kbps: 400 },
  { name: '360p', width: 640, height: 360, kbps: 250 },
];
export const clipSeconds = 40;
export const segmentSeconds = 4;

const posters = [
  ['0x1b2430', '0x4f6d7a', '0xe8dcc4'],
  ['0x23140c', '0xb5431a', '0xffc08a'],
  ['0x0d1f1c', '0x2f6f62', '0xd6e8c9'],
  ['0x1d1a2b', '0x5d4e8c', '0xf2b8a0'],
  ['0x101418', '0x3a4654', '0x9fb3c4'],
].map(
  (colors, index) =>
    `gradients=size=640x360:n=3:c0=${colors[0]}:c1=${colors[1]}:c2=${colors[2]}:x0=${index * 90}:y0=0:x1=${640 - index * 60}:y1=360:seed=${index + 1}`,
);

function ffmpeg(args) {
  execFileSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args]);
}

function playlist(entries) {
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    '#EXT-X-TARGETDURATION:6',
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    '#EXT-X-INDEPENDENT-SEGMENTS',
  ];
  for (const entry of entries) lines.push(`#EXTINF:${segmentSeconds.toFixed(3)},`, entry);
  return `${lines.join('\n')}\n#EXT-X-ENDLIST\n`;
}

function segmentArgs(folder) {
  return [
    '-f',
    'segment',
    '-segment_time',
    String(segmentSeconds),
    '-segment_format',
    'mpegts',
    join(folder, '%d.ts'),
  ];
}

function make(root) {
  const picture = `testsrc2=size=1920x1080:rate=30:duration=${clipSeconds}`;
  const names = [];
  for (const rung of rungs) {
    const folder = join(root, rung.name);
    mkdirSync(folder, { recursive: true });
    ffmpeg([
      '-f',
      'lavfi',
      '-i',
      picture,
      '-vf',
      `scale=${rung.width}:${rung.height}`,
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-pix_fmt',
      'yuv420p',
      '-profile:v',
      'high',
      '-b:v',
      `${rung.kbps}k`,
      '-maxrate',
      `${rung.kbps}k`,
      '-bufsize',
      `${rung.kbps * 2}k`,
      '-force_key_frames',
      'expr:gte(t,n_forced*2)',
      '-sc_threshold',
      '0',
      ...segmentArgs(folder),
    ]);
    const count = readdirSync(folder).length;
    names.push(...[rung.name]);
    writeFileSync(
      join(folder, 'index.m3u8'),
      playlist(Array.from({ length: count }, (_, n) => `${n}.ts`)),
    );
  }
  const audio = join(root, 'audio', '0');
  mkdirSync(audio, { recursive: true });
  ffmpeg([
    '-f',
    'lavfi',
    '-i',
    `sine=frequency=330:beep_factor=3:duration=${clipSeconds}`,
    '-c:a',
    'aac',
    '-b:a',
    '96k',
    ...segmentArgs(audio),
  ]);
  writeFileSync(
    join(audio, 'index.m3u8'),
    playlist(
      readdirSync(audio)
        .filter((name) => name.endsWith('.ts'))
        .map((_, n) => `${n}.ts`),
    ),
  );
  const master = [
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1",URI="audio/0/index.m3u8"',
  ];
  for (const rung of rungs) {
    master.push(
      `#EXT-X-STREAM-INF:BANDWIDTH=${(rung.kbps + 100) * 1100},AVERAGE-BANDWIDTH=${(rung.kbps + 100) * 1000},CODECS="avc1.640028,mp4a.40.2",RESOLUTION=${rung.width}x${rung.height},FRAME-RATE=30.000,AUDIO="audio"`,
      `${rung.name}/index.m3u8`,
    );
  }
  writeFileSync(join(root, 'master.m3u8'), `${master.join('\n')}\n`);
  posters.forEach((source, index) => {
    ffmpeg([
      '-f',
      'lavfi',
      '-i',
      source,
      '-vf',
      'trim=start_frame=20',
      '-frames:v',
      '1',
      '-q:v',
      '4',
      join(root, `poster-${index}.jpg`),
    ]);
  });
}

export const posterCount = posters.length;

/** The folder with master.m3u8 and all below it. */
export function mediaFolder() {
  const root = join(tmpdir(), 'streamforge-mock-media-2');
  if (existsSync(root)) return root;
  const building = `${root}.${process.pid}`;
  try {
    make(building);
    renameSync(building, root);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return root;
}
