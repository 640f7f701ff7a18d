"""What the end-to-end stories share: the real binary, real files, real programs as oracles.

A story is a unittest case. SF_BINARY names the program (default: build/release/streamforge).
"""

import functools
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SF_BINARY", str(ROOT / "build/release/streamforge"))
READY_SECONDS = 240
BACKENDS = ("uring", "epoll")


def on_both_backends(story):
    """Runs a story once on each, with `self.backend` naming it."""
    @functools.wraps(story)
    def test(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                self.backend = backend
                story(self)

    return test


def run(*argv, timeout=120, **options):
    """Runs a program to its end; output as text."""
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=timeout,
                          check=False, **options)


def make_clip(path, *arguments):
    """A clip from tools/make_clip."""
    made = run(ROOT / "tools/make_clip", *arguments, "--out", path, timeout=300)
    if made.returncode != 0:
        raise RuntimeError(f"make_clip failed: {made.stderr}")
    return pathlib.Path(path)


class Server:
    """The real server on a directory of its own; killed and started again at will."""

    def __init__(self, data, backend="auto", extra=()):
        self.data = pathlib.Path(data)
        self.backend = backend
        self.extra = list(extra)
        self.process = None
        self.url = None
        self.tls_url = None  # With "--tls-listen" among `extra`.

    def start(self, port=0):
        self.errors = open(self.data.parent / f"{self.data.name}.stderr", "ab")
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data", str(self.data), "--listen", f"127.0.0.1:{port}",
             "--io", self.backend, *self.extra],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, bufsize=0)
        line = self._line(20)
        found = re.match(r"listening on (http://\S+)", line)
        if not found:
            raise RuntimeError(f"the server did not start: {line!r}\n{self.log()}")
        self.url = found.group(1)
        if "--tls-listen" in self.extra:
            self.tls_url = re.match(r"listening on (https://\S+)", self._line(20)).group(1)
        return self

    def _line(self, seconds):
        readable, _, _ = select.select([self.process.stdout], [], [], seconds)
        return self.process.stdout.readline().decode() if readable else ""

    def log(self):
        return (self.data.parent / f"{self.data.name}.stderr").read_text(errors="replace")[-4000:]

    def kill(self):
        """As a power cut would: no chance to tidy up. Workers die with their parent."""
        self.process.kill()
        self._reap()

    def stop(self):
        """SIGTERM; gives the exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self):
        try:
            status = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()
            self.errors.close()
            self.process = None
        return status

    def workers(self):
        """Process ids of the transcoder workers."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for file in children for pid in file.read_text().split()]

    def get(self, path, **headers):
        """(status, headers, body) of a GET; HTTP errors are answers too."""
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()

    def video(self, video_id):
        status, _, body = self.get(f"/api/v1/videos/{video_id}")
        if status != 200:
            raise RuntimeError(f"GET video: {status} {body!r}")
        return json.loads(body)

    def upload(self, path, *arguments):
        """With our own command line; gives the video's id."""
        done = run(BINARY, "upload", path, "--data", self.data, *arguments,
                   env={**os.environ, "XDG_STATE_HOME": str(self.data.parent / "state")})
        if done.returncode != 0:
            raise RuntimeError(f"upload failed: {done.stderr}")
        return done.stdout.strip().rsplit("/", 1)[-1]

    def wait(self, video_id, *statuses, seconds=READY_SECONDS):
        """The record once its status is one of `statuses`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            video = self.video(video_id)
            if video["status"] in statuses:
                return video
            if video["status"] == "failed" and "failed" not in statuses:
                raise AssertionError(f"failed: {video['error']}\n{self.log()}")
            time.sleep(0.1)
        raise AssertionError(f"still {video['status']} after {seconds} s\n{self.log()}")


class Story(unittest.TestCase):
    """A case with a temporary directory, and servers that are stopped whatever happens."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="streamforge-e2e-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def server(self, name="data", backend="auto", extra=("--open",)):
        server = Server(self.dir / name, backend, extra)

        def end():
            if server.process is not None:
                server.kill()

        self.addCleanup(end)
        return server.start()


def playlist(server, path):
    """[(uri, seconds)] of a media playlist, and its text."""
    status, _, body = server.get(path)
    if status != 200:
        raise AssertionError(f"{path}: {status} {body!r}")
    text = body.decode()
    durations = [float(d) for d in re.findall(r"#EXTINF:([\d.]+)", text)]
    uris = [line for line in text.splitlines() if line and not line.startswith("#")]
    return list(zip(uris, durations, strict=True)), text


def packets(path):
    """ffprobe's packets of a file: (pts seconds, is keyframe), video stream only."""
    probed = run("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                 "packet=pts_time,flags", "-of", "csv=p=0", path)
    rows = [line.split(",") for line in probed.stdout.split()]
    return [(float(row[0]), row[1].startswith("K")) for row in rows], probed.stderr
