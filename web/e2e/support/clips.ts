import { execFileSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const folder = join(tmpdir(), `sf-e2e-clips-${process.getuid?.() ?? 0}`);

/** Makes a file once per machine; `make` gets the path to write to. */
function once(name: string, make: (path: string) => void): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  if (existsSync(path)) return path;
  const building = join(folder, `.${process.pid}-${name}`);
  make(building);
  renameSync(building, path);
  return path;
}

function encode(
  path: string,
  picture: string,
  seconds: number,
  video: string[],
  index = ['-movflags', '+faststart'],
): void {
  execFileSync('ffmpeg', [
    ...['-hide_banner', '-loglevel', 'error', '-y', '-fflags', '+bitexact'],
    ...['-f', 'lavfi', '-i', picture],
    ...['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '60', ...video],
    ...['-c:a', 'aac', '-b:a', '96k', ...index, '-f', 'mp4', path],
  ]);
}

/** 1080p with a moving picture, so that every rung exists: 16 s. */
export function tallClip(): string {
  return once('tall.mp4', (path) =>
    encode(path, 'testsrc2=size=1920x1080:rate=30:duration=16', 16, []),
  );
}

/** A minute of 1080p that is more than a rung may be, so that all of it is encoded. */
export function longClip(): string {
  return once('long.mp4', (path) =>
    encode(path, 'testsrc2=size=1920x1080:rate=30:duration=60', 60, ['-crf', '18']),
  );
}

/** Small picture, many bytes (about 6 MB), so that an upload takes its time: 12 s of noise. */
export function heavyClip(name: string): string {
  const picture = 'testsrc=size=640x360:rate=25:duration=12,noise=alls=40:allf=t';
  const rate = ['-b:v', '4M', '-minrate', '4M', '-maxrate', '4M', '-bufsize', '8M'];
  return once(name, (path) => encode(path, picture, 12, rate));
}

/** Large enough to go up in parts: 6 s and 66 MiB of padding, then the index, at the very end. */
export function largeClip(name: string): string {
  const clip = once('padded.mp4', (path) => {
    encode(path, 'testsrc2=size=640x360:rate=25:duration=6', 6, [], []);
    const bytes = readFileSync(path);
    const index = bytes.lastIndexOf('moov') - 4;
    const padding = Buffer.alloc(66 * 1024 * 1024 + 5);
    padding.writeUInt32BE(padding.length);
    padding.write('free', 4);
    writeFileSync(path, Buffer.concat([bytes.subarray(0, index), padding, bytes.subarray(index)]));
  });
  return once(name, (path) => linkSync(clip, path));
}

/** 12 s with subtitles in English, which are the default, and German. */
export function subtitledClip(): string {
  return once('subtitled.mkv', (path) => {
    const cue = (number: number, from: string, to: string, text: string) =>
      `${number}\n00:00:${from} --> 00:00:${to}\n${text}\n\n`;
    const texts = {
      en:
        cue(1, '02,000', '06,000', 'Across <i>the</i> border') + cue(2, '09,000', '10,000', 'End'),
      de: cue(1, '02,000', '06,000', 'Über die Grenze'),
    };
    const files = Object.entries(texts).map(([language, text]) => {
      const file = `${path}.${language}.srt`;
      writeFileSync(file, text);
      return file;
    });
    encode(`${path}.mp4`, 'testsrc2=size=640x360:rate=25:duration=12', 12, []);
    execFileSync('ffmpeg', [
      ...['-hide_banner', '-loglevel', 'error', '-y', '-i', `${path}.mp4`],
      ...files.flatMap((file) => ['-i', file]),
      ...['-map', '0', '-map', '1', '-map', '2', '-c', 'copy'],
      ...['-metadata:s:s:0', 'language=eng', '-metadata:s:s:0', 'title=English'],
      ...['-metadata:s:s:1', 'language=deu', '-disposition:s:0', 'default', '-f', 'matroska', path],
    ]);
  });
}

/** Not a video at all, whatever its name says. */
export function textClip(): string {
  return once('notes.mp4', (path) => writeFileSync(path, 'These are notes.\n'.repeat(200)));
}

export const countedSeconds = 26;
export const countedFps = 30;

/** 720p whose pictures carry their numbers (tools/make_clip), for three rungs. */
export function countedClip(): string {
  const tool = resolve(import.meta.dirname, '../../../tools/make_clip');
  return once(`counted-${countedSeconds}.mp4`, (path) =>
    execFileSync(tool, [
      ...['--kind', 'counted', '--size', '1280x720', '--gop', '60', '--fps', `${countedFps}`],
      ...['--seconds', `${countedSeconds}`, '--out', path],
    ]),
  );
}
