// The mock's memory: videos, what happens to them over time, and who is told.
import { randomBytes } from 'node:crypto';
import { clipSeconds, posterCount, rungs, segmentSeconds } from './media.mjs';

const segments = clipSeconds / segmentSeconds;

function newId() {
  return `${Date.now().toString(36)}${randomBytes(8).toString('hex')}`;
}

function renditionsAt(done, ladder = rungs) {
  return ladder.map((rung, index) => {
    const share = Math.min(
      1,
      Math.max(0, done * 1.5 - (ladder.length - 1 - index) * -0.06 - index * 0.02),
    );
    const count = done >= 1 ? segments : Math.floor(segments * Math.min(share, 0.99));
    return {
      name: rung.name,
      width: rung.width,
      height: rung.height,
      mode: index === 0 ? 'copy' : 'encode',
      segments_done: count,
      segments_total: segments,
      bytes: Math.round((rung.kbps * 125 * clipSeconds * count) / segments),
      peak_bps: rung.kbps * 1300,
      average_bps: rung.kbps * 1000,
    };
  });
}

export class Library {
  videos = new Map();
  versions = new Map();
  listeners = new Set();
  events = [];
  nextEvent = 1;
  /** How many times faster than life things are processed. */
  speed = 1;

  create(fields) {
    const video = {
      id: newId(),
      title: 'Untitled',
      description: '',
      status: 'uploading',
      playable: false,
      paused: false,
      progress: 0,
      eta_ms: null,
      queue_position: null,
      visibility: 'unlisted',
      owner: 'admin',
      created_at: new Date().toISOString(),
      deleted_at: null,
      duration_ms: null,
      width: null,
      height: null,
      fps: null,
      source: {
        bytes: null,
        received_bytes: 0,
        container: null,
        video_codec: null,
        audio_codec: null,
        sha256: null,
      },
      renditions: [],
      warnings: [],
      error: null,
      hls_url: null,
      poster_url: null,
      storyboard_url: null,
      subtitles: [],
      ...fields,
    };
    this.videos.set(video.id, video);
    this.tell('created', video);
    return video;
  }

  change(id, fields, name = 'updated') {
    const video = { ...this.videos.get(id), ...fields };
    this.videos.set(id, video);
    this.tell(name, video);
    return video;
  }

  tell(name, video) {
    this.versions.set(video.id, (this.versions.get(video.id) ?? 0) + 1);
    const body = name === 'deleted' ? { id: video.id } : { video };
    const event = { id: this.nextEvent++, name: `video.${name}`, data: JSON.stringify(body) };
    this.events.push(event);
    if (this.events.length > 200) this.events.shift();
    for (const listener of this.listeners) listener(event);
  }

  etag(id) {
    return `"${this.versions.get(id)}"`;
  }

  known(id, poster) {
    return {
      hls_url: `/v/${id}/master.m3u8`,
      poster_url: poster === null ? null : `/v/${id}/poster.jpg?n=${poster}`,
      duration_ms: clipSeconds * 1000,
      width: 1920,
      height: 1080,
      fps: 30,
      playable: true,
    };
  }

  /** Plays the life of a finished upload: queued, processing, ready; or failed. */
  async process(id, looksLikeVideo) {
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms / this.speed));
    this.change(id, { status: 'queued', queue_position: 1 });
    await wait(1200);
    if (!looksLikeVideo) {
      this.change(
        id,
        {
          status: 'failed',
          queue_position: null,
          error: {
            code: 'not_a_video',
            message: 'This is not a video: no stream could be found in it.',
            hint: 'The file looks like plain text. Choose the original recording.',
            retryable: false,
          },
        },
        'failed',
      );
      return;
    }
    const source = {
      ...this.videos.get(id).source,
      container: 'mp4',
      video_codec: 'h264',
      audio_codec: 'aac',
    };
    this.change(
      id,
      {
        status: 'processing',
        queue_position: null,
        source,
        renditions: renditionsAt(0),
        ...this.known(id, null),
      },
      'playable',
    );
    const steps = 20;
    for (let step = 1; step < steps; step += 1) {
      await wait(500);
      while (this.videos.get(id)?.paused) await wait(300);
      if (this.videos.get(id)?.status !== 'processing') return;
      const progress = step / steps;
      this.change(
        id,
        {
          progress,
          eta_ms: Math.round(((steps - step) * 500) / this.speed),
          renditions: renditionsAt(progress),
        },
        'progress',
      );
    }
    await wait(500);
    if (!this.videos.has(id)) return;
    this.change(
      id,
      {
        status: 'ready',
        progress: 1,
        eta_ms: null,
        renditions: renditionsAt(1),
        poster_url: `/v/${id}/poster.jpg?n=${this.nextEvent % posterCount}`,
      },
      'ready',
    );
  }

  /** A library as it looks after some weeks of use. */
  seed() {
    const hour = 3_600_000;
    const at = (hours) => new Date(Date.now() - hours * hour).toISOString();
    const ready = { status: 'ready', progress: 1, renditions: renditionsAt(1) };
    const source = (bytes) => ({
      bytes,
      received_bytes: bytes,
      container: 'mov,mp4',
      video_codec: 'h264',
      audio_codec: 'aac',
      sha256: null,
    });
    const titles = [
      'Night shift at the rolling mill',
      'Keynote rehearsal, second take',
      'How to read a spark test',
      'Drone pass over the old harbour',
      'Team retro recording',
      'Blade quench in slow motion',
      'Interview with Marta, uncut',
      'Tutorial 04 – setting up the lathe',
      'Concert, back row',
      'Kitchen timelapse',
      'Onboarding: first day',
      'Swim meet finals',
      'Winter hike',
      'Test card',
    ];
    titles.forEach((title, index) => {
      const video = this.create({
        ...ready,
        title,
        created_at: at(30 + index * 40),
        visibility: ['unlisted', 'public', 'private'][index % 3],
        source: source(84_000_000 * (index + 1)),
        description:
          index === 0
            ? 'Third shift, line two. Filmed from the control bridge.\nSound from the deck recorder.'
            : '',
      });
      this.change(video.id, {
        ...this.known(video.id, index % 6 === 5 ? null : index % posterCount),
        duration_ms: 61_000 * (index * 3 + 1),
      });
    });
    const failed = this.create({
      title: 'quarterly-figures',
      created_at: at(6),
      status: 'failed',
      source: source(18_400),
      error: {
        code: 'not_a_video',
        message: 'This is not a video: no stream could be found in it.',
        hint: 'The file looks like plain text. Choose the original recording.',
        retryable: false,
      },
    });
    const crashed = this.create({
      title: 'Dashcam 2019-11-03',
      created_at: at(5),
      status: 'failed',
      source: source(918_000_000),
      error: {
        code: 'worker_crashed',
        message: 'The transcoder stopped three times at 12:41 of the video.',
        hint: 'The file may be damaged there. Try again, or upload another copy.',
        retryable: true,
      },
    });
    this.change(crashed.id, { duration_ms: 1_900_000, width: 1280, height: 720 });
    this.create({
      title: 'Rough cut v3',
      created_at: at(3),
      status: 'cancelled',
      source: source(402_000_000),
    });
    const processing = this.create({
      title: 'Forge open day – full tour',
      created_at: at(0.3),
      status: 'processing',
      source: source(2_310_000_000),
      progress: 0.43,
      eta_ms: 252_000,
      renditions: renditionsAt(0.43),
      warnings: ['The recording ends in the middle of a frame; what could be read is here.'],
    });
    this.change(processing.id, { ...this.known(processing.id, 1), duration_ms: 2_520_000 });
    this.create({
      title: 'Interview B-roll',
      created_at: at(0.2),
      status: 'queued',
      queue_position: 2,
      source: source(760_000_000),
    });
    this.create({
      title: 'From another tab',
      created_at: at(0.1),
      status: 'uploading',
      source: { ...source(5_100_000_000), received_bytes: 1_920_000_000 },
    });
    return { failed, processing };
  }
}
