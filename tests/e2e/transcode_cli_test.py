"""`streamforge transcode` and `probe`: a film becomes an HLS tree without a server; whatever kills
a run, the next one goes on, and what was finished is never made again."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from harness import BINARY, Story, make_clip, packets, run

SECONDS = 24
SEGMENTS = 8


def segments(folder):
    """{name: (inode, mtime, sha256)} of every segment that has its name."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*.ts")):
        status = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(folder))] = (status.st_ino, status.st_mtime_ns, digest)
    return found


def workers_of(pid):
    children = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in children for child in file.read_text().split()]


def locks_of(pid):
    """Seccomp's mode, and whether it can gain no privileges."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return tuple(re.search(rf"{name}:\t(\d)", status).group(1)
                 for name in ("Seccomp", "NoNewPrivs"))


def has_open(pid, path):
    links = pathlib.Path(f"/proc/{pid}/fd").iterdir()
    return any(os.path.realpath(link) == os.path.realpath(path) for link in links)


class TranscodeCli(Story):
    @classmethod
    def setUpClass(cls):
        cls.clips = pathlib.Path(tempfile.mkdtemp(prefix="streamforge-cli-"))
        cls.film = make_clip(cls.clips / "film.mp4", "--kind", "mp4", "--size", "854x480",
                             "--seconds", str(SECONDS))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.clips)

    def command(self, *arguments):
        return [BINARY, "transcode", *map(str, arguments), "--jobs", "2"]

    def begin(self, *arguments, **options):
        process = subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, **options)

        def end():
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def until_segments(self, folder, count, process, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if len(segments(folder)) >= count:
                return
            self.assertIsNone(process.poll(), "it ended by itself")
            time.sleep(0.05)
        self.fail(f"no {count} segments after {seconds} s")

    def whole(self, folder):
        """All is there and plays; gives the segments."""
        made = segments(folder)
        tracks = sorted({name.rsplit("/", 1)[0] for name in made})
        self.assertEqual(tracks, ["360p", "480p", "audio/0"])
        self.assertEqual(len(made), 3 * SEGMENTS)
        left = sorted(p.name for p in pathlib.Path(folder).iterdir())
        self.assertEqual(left, ["360p", "480p", "audio", "manifest.jsonl", "master.m3u8",
                                "poster.jpg", "storyboard", "storyboard.vtt"])
        tiles = re.findall(r"^storyboard/(\d+)\.jpg#xywh=\d+,\d+,160,90$",
                           (pathlib.Path(folder) / "storyboard.vtt").read_text(), re.MULTILINE)
        self.assertEqual(len(tiles), SEGMENTS)
        for picture in ["poster.jpg", "storyboard/0.jpg"]:
            seen = run("ffmpeg", "-v", "warning", "-i", pathlib.Path(folder) / picture,
                       "-f", "null", "-")
            self.assertEqual((seen.returncode, seen.stderr), (0, ""))
        played = run("ffmpeg", "-v", "warning", "-i", pathlib.Path(folder) / "480p/index.m3u8",
                     "-f", "null", "-")
        self.assertEqual(played.stderr, "")
        return made

    def assert_kept(self, before, after):
        for name, identity in before.items():
            self.assertEqual(after[name], identity, f"{name} was made again")

    def test_a_film_becomes_a_tree(self):
        out = self.dir / "out"
        done = run(*self.command(self.film, "--out", out, "--progress", "json"))
        self.assertEqual(done.returncode, 0, done.stderr)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        kinds = {event["event"] for event in events}
        self.assertLessEqual({"planned", "progress", "segment", "ready"}, kinds)
        self.assertEqual(events[-1]["event"], "ready")
        progress = [e["done"] for e in events if e["event"] == "progress"
                    and e["stage"] == "encoding"]
        self.assertTrue(all(0 <= part <= 1 for part in progress))
        self.whole(out)
        for rung in ("360p", "480p"):
            for number in range(SEGMENTS):
                found, errors = packets(out / rung / f"{number}.ts")
                self.assertEqual(errors, "")
                self.assertTrue(found[0][1], f"{rung}/{number} begins with no keyframe")
        # Nothing is left to do: the same command is done at once.
        before = segments(out)
        again = run(*self.command(self.film, "--out", out, "--progress", "none"), timeout=60)
        self.assertEqual((again.returncode, again.stdout, again.stderr), (0, "", ""))
        self.assertEqual(segments(out), before)

    def test_a_killed_worker_costs_its_task_only(self):
        out = self.dir / "out"
        process = self.begin(self.film, "--out", out, "--progress", "none")
        self.until_segments(out, 6, process)  # All workers have begun.
        before = segments(out)
        for pid in workers_of(process.pid):
            os.kill(pid, signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, errors)
        self.assert_kept(before, self.whole(out))

    def test_killing_everything_costs_what_was_in_flight(self):
        out = self.dir / "out"
        process = self.begin(self.film, "--out", out, "--progress", "none")
        self.until_segments(out, 4, process)
        workers = workers_of(process.pid)
        process.kill()
        process.wait()
        end = time.monotonic() + 30
        while time.monotonic() < end and any(pathlib.Path(f"/proc/{w}").exists() for w in workers):
            time.sleep(0.05)
        for worker in workers:
            self.assertFalse(pathlib.Path(f"/proc/{worker}").exists(), "a worker lives on")
        before = segments(out)
        done = run(*self.command(self.film, "--out", out, "--progress", "none"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_kept(before, self.whole(out))

    def test_ctrl_c_leaves_what_the_next_run_goes_on_with(self):
        out = self.dir / "out"
        process = self.begin(self.film, "--out", out, "--progress", "none")
        self.until_segments(out, 2, process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertIn("interrupted", errors)
        self.assertEqual(len(errors.splitlines()), 1, errors)
        before = segments(out)
        self.assertFalse(list(out.glob(".part-*")))
        done = run(*self.command(self.film, "--out", out))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("segments kept", done.stderr)
        self.assert_kept(before, self.whole(out))

    def test_standard_input_is_a_film_too(self):
        out = self.dir / "out"
        with open(self.film, "rb") as film:
            process = self.begin("-", "--out", out, "--progress", "none", stdin=film)
        self.until_segments(out, 2, process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        before = segments(out)
        other = run(*self.command("-", "--out", out), input="another film")
        self.assertEqual(other.returncode, 1)
        self.assertIn("another film", other.stderr)
        with open(self.film, "rb") as film:
            done = subprocess.run(self.command("-", "--out", out), stdin=film, capture_output=True,
                                  text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_kept(before, self.whole(out))

    def test_a_stopped_worker_is_waited_for(self):
        out = self.dir / "out"
        process = self.begin(self.film, "--out", out, "--progress", "none")
        self.until_segments(out, 1, process)
        workers = workers_of(process.pid)
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(3)
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0)
        self.whole(out)

    def test_a_worker_that_rests_holds_up_no_other(self):
        """With one keyframe, to help at the end costs more than it saves."""
        film = make_clip(self.dir / "film.mp4", "--kind", "mp4", "--size", "320x180",
                         "--seconds", "9", "--gop", "500")
        for number in range(4):
            done = run(*self.command(film, "--out", self.dir / f"out{number}"), timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_workers_are_locked(self):
        """Who has made something is; another may be about to begin, which it does locked."""
        process = self.begin(self.film, "--out", self.dir / "out", "--progress", "none")
        self.until_segments(self.dir / "out", 1, process)
        end = time.monotonic() + 60
        found = []
        while not found or any(mode != ("2", "1") for mode in found):
            if os.environ.get("SF_SANITIZED") and ("0", "0") in found:
                self.skipTest("not under a sanitizer")
            self.assertLess(time.monotonic(), end, found)
            self.assertIsNone(process.poll(), found)
            found = []
            for pid in workers_of(process.pid):
                reads = has_open(pid, self.film)
                found.append(locks_of(pid))
                self.assertFalse(reads and found[-1] != ("2", "1"), "it reads, and is not locked")
            time.sleep(0.02)

    def test_another_film_or_ladder_does_not_go_on(self):
        out = self.dir / "out"
        first = self.begin(self.film, "--out", out, "--progress", "none")
        self.until_segments(out, 1, first)
        # One run at a time.
        busy = run(*self.command(self.film, "--out", out))
        self.assertEqual(busy.returncode, 1)
        self.assertIn("another run", busy.stderr)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)
        before = segments(out)
        refused = run(*self.command(self.film, "--out", out, "--ladder", "360"))
        self.assertEqual(refused.returncode, 1)
        self.assertIn("another ladder", refused.stderr)
        self.assertIn("--out", refused.stderr)
        self.assertEqual(segments(out), before)

    def test_what_is_no_film_fails_in_one_line(self):
        cases = {"text.mp4": b"These are words.\n" * 100, "empty.mp4": b""}
        for name, content in cases.items():
            with self.subTest(name=name):
                path = self.dir / name
                path.write_bytes(content)
                done = run(*self.command(path, "--out", self.dir / f"{name}-out"))
                self.assertEqual(done.returncode, 1)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        missing = run(*self.command(self.dir / "missing.mp4", "--out", self.dir / "x"))
        self.assertEqual(missing.returncode, 1)
        self.assertIn("missing.mp4", missing.stderr)

    def test_probe_says_what_it_is_and_gives(self):
        told = run(BINARY, "probe", self.film, "--json")
        self.assertEqual(told.returncode, 0, told.stderr)
        report = json.loads(told.stdout)
        self.assertEqual(report["video"]["codec"], "h264")
        self.assertEqual([r["name"] for r in report["renditions"]], ["480p", "360p"])
        self.assertEqual(report["segments"], SEGMENTS)
        words = run(BINARY, "probe", self.film)
        self.assertEqual(words.returncode, 0)
        self.assertIn("480p", words.stdout)
        self.assertEqual(run(BINARY, "probe", self.dir / "missing").returncode, 1)


if __name__ == "__main__":
    unittest.main()
