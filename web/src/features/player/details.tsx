import type { ReactNode } from 'react';
import { visibilityWords } from '~/api/describe';
import type { Video } from '~/api/wire';
import { formatBytes, formatDate, formatDuration } from '~/ui/format';
import styles from './details.module.css';
import { subtitleName } from './subtitles';

/** What is known about the recording, for those who want to know. */
export function Details({ video }: { video: Video }) {
  const source = video.source;
  const codecs = [source?.video_codec, source?.audio_codec].filter(Boolean).join(' + ');
  const rows: [string, ReactNode][] = [
    [
      'Uploaded',
      <time key="t" dateTime={video.created_at}>
        {formatDate(video.created_at)}
      </time>,
    ],
    ['Visibility', visibilityWords[video.visibility].meaning],
    ['Length', video.duration_ms ? lengthOf(video, video.duration_ms) : null],
    ['Picture', video.width && video.height ? pictureOf(video) : null],
    ['Recording', source?.bytes ? formatBytes(source.bytes) : null],
    ['Container', source?.container],
    ['Codecs', codecs],
    ['Subtitles', subtitlesOf(video)],
    ['SHA-256', source?.sha256 && <code className={styles.hash}>{source.sha256}</code>],
    [
      'Video id',
      <code key="i" className={styles.hash}>
        {video.id}
      </code>,
    ],
  ];
  return (
    <details className={styles.details}>
      <summary>Details</summary>
      <dl className={styles.rows}>
        {rows
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name} className={styles.row}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </details>
  );
}

function subtitlesOf(video: Video): string {
  return video.subtitles
    .map((track) => {
      const name = subtitleName(track);
      if (track.why) return `${name}: left out, ${track.why}`;
      return track.ready ? name : `${name}: read when the whole file is there`;
    })
    .join('; ');
}

function lengthOf(video: Video, duration: number): string {
  const whole = video.expected_duration_ms;
  const here = formatDuration(duration);
  return whole ? `${here} of ${formatDuration(whole)} so far` : here;
}

function pictureOf(video: Video): string {
  const rate = video.fps ? `, ${Number(video.fps.toFixed(2))} pictures a second` : '';
  return `${video.width} × ${video.height}${rate}`;
}
