"""One upload becomes one playing video: from the command line to every segment of every rung."""

import concurrent.futures
import os
import signal
import time
import unittest

from harness import Story, make_clip, packets, playlist, run

RUNGS = ["720p", "480p", "360p"]


class FirstVideo(Story):
    def test_every_segment_of_every_rung_is_right(self):
        for backend in ("uring", "epoll"):
            with self.subTest(backend=backend):
                server = self.server(f"data-{backend}", backend)
                clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "1280x720",
                                 "--seconds", "10")
                video = server.wait(server.upload(clip), "ready")
                self.assertEqual([r["name"] for r in video["renditions"]], RUNGS)
                self.assertEqual(video["progress"], 1)
                self.check_segments(server, video)
                self.assertEqual(server.stop(), 0)

    def check_segments(self, server, video):
        starts = {}
        for rung in video["renditions"]:
            base = f"/v/{video['id']}/{rung['name']}"
            segments, _ = playlist(server, f"{base}/index.m3u8")
            self.assertAlmostEqual(sum(s for _, s in segments), 10, delta=0.05)
            starts[rung["name"]] = []
            for uri, seconds in segments:
                _, headers, body = server.get(f"{base}/{uri}")
                self.assertEqual(headers["Content-Type"], "video/mp2t")
                self.assertEqual(len(body) % 188, 0)
                path = self.dir / f"{rung['name']}-{uri}"
                path.write_bytes(body)
                frames, errors = packets(path)
                self.assertEqual(errors, "")
                self.assertTrue(frames[0][1], f"{path}: the first packet is no keyframe")
                times = sorted(t for t, _ in frames)
                starts[rung["name"]].append(times[0])
                self.assertAlmostEqual(times[-1] - times[0] + 1 / video["fps"], seconds, delta=0.05)
                decoded = run("ffmpeg", "-v", "error", "-i", path, "-f", "null", "-")
                self.assertEqual((decoded.returncode, decoded.stderr), (0, ""))
        frame = 1 / video["fps"]
        for name in RUNGS[1:]:
            for mine, first in zip(starts[name], starts[RUNGS[0]], strict=True):
                self.assertAlmostEqual(mine, first, delta=frame)

    def test_the_whole_plays_as_one_stream(self):
        server = self.server()
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "640x360",
                         "--seconds", "13")
        video = server.wait(server.upload(clip), "ready")
        played = run("ffmpeg", "-v", "warning", "-i", f"{server.url}{video['hls_url']}", "-map",
                     "0:v:0", "-map", "0:a:0", "-f", "null", "-")
        self.assertEqual(played.returncode, 0, played.stderr)
        self.assertEqual([line for line in played.stderr.splitlines() if "error" in line.lower()
                          or "discontinu" in line.lower() or "non-monoton" in line.lower()], [])


class Killed(Story):
    def test_killed_while_encoding_only_segments_in_flight_are_made_again(self):
        server = self.server()
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "1280x720",
                         "--seconds", "60")
        video_id = server.upload(clip)
        folder = server.data / "processed" / video_id
        self.until(lambda: len(list(folder.glob("*/*.ts"))) >= 4)
        done = server.video(video_id)["renditions"]
        server.kill()
        before = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.rglob("*.ts")}
        server.start()
        video = server.wait(video_id, "ready", seconds=240)
        after = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.rglob("*.ts")}
        committed = sum(r["segments_done"] for r in done)
        same = sum(1 for p, identity in before.items() if after[p] == identity)
        self.assertGreaterEqual(same, committed, "committed segments were made again")
        self.assertTrue(all(r["segments_done"] == r["segments_total"]
                            for r in video["renditions"]))

    def test_a_killed_worker_costs_its_task_only(self):
        server = self.server()
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "1280x720",
                         "--seconds", "40")
        video_id = server.upload(clip)
        folder = server.data / "processed" / video_id
        self.until(lambda: len(list(folder.glob("*/*.ts"))) >= 2)
        before = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in folder.rglob("*.ts")}
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)
        server.wait(video_id, "ready", seconds=240)
        for path, identity in before.items():
            self.assertEqual((path.stat().st_ino, path.stat().st_mtime_ns), identity, path)

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "nothing happened")
            time.sleep(0.02)


class OnDemand(Story):
    def test_the_end_can_be_had_before_the_middle_is_made(self):
        server = self.server(extra=("--open", "--transcoders", "1"))
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "1280x720",
                         "--seconds", "120")
        video_id = server.upload(clip)
        while not server.video(video_id)["playable"]:
            time.sleep(0.05)
        segments, text = playlist(server, f"/v/{video_id}/360p/index.m3u8")
        self.assertIn("#EXT-X-ENDLIST", text)
        self.assertEqual(len(segments), 30)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:  # One encode however many ask.
            answers = list(pool.map(
                lambda _: self.ask(server, f"/v/{video_id}/360p/{segments[27][0]}"), range(4)))
        self.assertEqual({status for status, _, _ in answers}, {200})
        self.assertEqual(len({body for _, _, body in answers}), 1)
        rung = next(r for r in server.video(video_id)["renditions"] if r["name"] == "360p")
        self.assertLess(rung["segments_done"], 25, "the viewer waited for all the others")

    @staticmethod
    def ask(server, path):
        """As hls.js does: four tries more when the server says that it is not ready yet."""
        for _ in range(5):
            answer = server.get(path)
            if answer[0] != 503:
                break
            time.sleep(1)
        return answer


if __name__ == "__main__":
    unittest.main()
