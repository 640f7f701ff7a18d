"""One upload becomes one playing video: from the command line to every segment of every rung."""

import concurrent.futures
import http.client
import os
import re
import signal
import time
import unittest
import urllib.parse

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
        self.assertEqual((played.returncode, played.stderr), (0, ""))


class Copied(Story):
    def test_what_can_be_a_rung_is_passed_on(self):
        for backend in ("uring", "epoll"):
            with self.subTest(backend=backend):
                server = self.server(f"data-{backend}", backend)
                clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "1280x720",
                                 "--seconds", "10", "--gop", "75")
                video = server.wait(server.upload(clip), "ready")
                self.assertEqual([r["mode"] for r in video["renditions"]],
                                 ["copy", "encode", "encode"])
                self.assertEqual(video["audio"][0]["mode"], "copy")
                self.assertIn("smaller", video["renditions"][1]["why"])
                FirstVideo.check_segments(self, server, video)
                joined = self.dir / "joined.ts"
                joined.write_bytes(b"".join(
                    (self.dir / f"720p-{uri}").read_bytes()
                    for uri, _ in playlist(server, f"/v/{video['id']}/720p/index.m3u8")[0]))
                self.assertEqual(self.pictures(joined), self.pictures(clip))
                self.check_i_frames(server, video)
                played = run("ffmpeg", "-v", "warning", "-i", f"{server.url}{video['hls_url']}",
                             "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-")
                self.assertEqual((played.returncode, played.stderr), (0, ""))
                self.assertEqual(server.stop(), 0)

    def check_i_frames(self, server, video):
        master = server.get(video["hls_url"])[2].decode()
        for rung in video["renditions"]:
            base = f"/v/{video['id']}/{rung['name']}"
            self.assertRegex(master, f'I-FRAME-STREAM-INF:.*URI="{rung["name"]}/iframes.m3u8"')
            entries, text = playlist(server, f"{base}/iframes.m3u8")
            self.assertIn("#EXT-X-I-FRAMES-ONLY", text)
            self.assertAlmostEqual(sum(seconds for _, seconds in entries), 10, delta=0.05)
            ranges = re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)", text)
            at = 0.0
            for (uri, seconds), (size, offset) in zip(entries, ranges, strict=True):
                first, last = int(offset), int(offset) + int(size) - 1
                tables = server.get(f"{base}/0.ts", Range="bytes=0-375")[2]
                status, _, body = server.get(f"{base}/{uri}", Range=f"bytes={first}-{last}")
                self.assertEqual((status, len(body)), (206, int(size)))
                alone = self.dir / "i-frame.ts"
                alone.write_bytes(tables + body)
                frames, errors = packets(alone)
                self.assertEqual((len(frames), errors), (1, ""))
                self.assertAlmostEqual(frames[0][0], 10 + at, delta=0.001)
                at += seconds

    @staticmethod
    def pictures(path):
        return run("ffmpeg", "-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough",
                   "-c:v", "rawvideo", "-f", "md5", "-").stdout


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
        self.assertEqual(len(segments), 32)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:  # One encode however many ask.
            answers = list(pool.map(
                lambda _: self.ask(server, f"/v/{video_id}/360p/{segments[27][0]}"), range(4)))
        self.assertEqual({status for status, _, _ in answers}, {200})
        self.assertEqual(len({body for _, _, body in answers}), 1)
        rung = next(r for r in server.video(video_id)["renditions"] if r["name"] == "360p")
        self.assertLess(rung["segments_done"], 25, "the viewer waited for all the others")
        self.check_left_alone(server, video_id)

    def check_left_alone(self, server, video_id):
        """As who draws a seek bar along asks, and hangs up: not made before what is awaited."""
        address = urllib.parse.urlsplit(server.url)
        passed = range(18, 26)
        for number in passed:
            client = http.client.HTTPConnection(address.hostname, address.port)
            client.request("GET", f"/v/{video_id}/720p/{number}.ts")
            time.sleep(0.02)
            client.close()
        self.assertEqual(self.ask(server, f"/v/{video_id}/720p/29.ts")[0], 200)
        made = [number for number in passed
                if (server.data / "processed" / video_id / f"720p/{number}.ts").exists()]
        # Two are made at a time; who asks on a busy machine asks slowly.
        self.assertLess(len(made), len(passed) - 2, "what was under way, but not the rest")

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
