"""What is no video, or half a video; what cannot start. The reason is in words, and nothing else is
read or contacted."""

import re
import socket
import time
import unittest

from harness import BINARY, Story, make_clip, run


class BadFiles(Story):
    def fails(self, server, path):
        video = server.wait(server.upload(path), "failed")
        self.assertFalse(video["playable"])
        self.assertTrue(video["error"]["code"])
        self.assertGreater(len(video["error"]["message"]), 15, video["error"])
        return video["error"]

    def test_what_is_no_video_fails_in_words(self):
        server = self.server()
        texts = {
            "text.mp4": b"These are words and nothing else.\n" * 500,
            "list.mp4": b"#EXTM3U\n#EXTINF:4,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n",
            "concat.mp4": b"ffconcat version 1.0\nfile /etc/passwd\n",
            "empty.mp4": b"",
            "zip.mp4": b"PK\x03\x04" + bytes(4000),
            "picture.mp4": b"<svg xmlns='http://www.w3.org/2000/svg'/>" * 50,
        }
        for name, content in texts.items():
            with self.subTest(name=name):
                path = self.dir / name
                path.write_bytes(content)
                self.fails(server, path)
        self.assertEqual(server.get("/healthz")[0], 200)

    def test_a_truncated_file_plays_as_far_as_it_goes(self):
        server = self.server()
        whole = make_clip(self.dir / "whole.mkv", "--kind", "mkv", "--size", "640x360",
                          "--seconds", "12")
        cut = self.dir / "cut.mkv"
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        video = server.wait(server.upload(cut), "ready", "failed")
        if video["status"] == "ready":
            self.assertTrue(video["warnings"], "half a file and no word about it")
        else:
            self.assertTrue(video["error"]["message"])

    def test_a_damaged_file_says_how_much_is_missing(self):
        clip = make_clip(self.dir / "damaged.ts", "--kind", "flipped", "--size", "1280x720",
                         "--fps", "25", "--seconds", "12")
        server = self.server()
        whole = server.wait(server.upload(clip), "ready")
        lost = [re.fullmatch(r"partial: (\d+) pictures?( and \d+ packets? of sound)? could not be "
                             r"decoded", warning) for warning in whole["warnings"]]
        lost = [int(found[1]) for found in lost if found]
        self.assertEqual(len(lost), 1, whole["warnings"])
        self.assertIn(lost[0], range(1, 12 * 25 + 1), "a picture counts once, not once a rung")
        # The same is said when all is killed on the way.
        again = server.upload(clip)
        while not any(rung["segments_done"] for rung in server.video(again)["renditions"]):
            self.assertNotEqual(server.video(again)["status"], "ready", "killed too late")
            time.sleep(0.02)
        server.kill()
        server.start()
        self.assertEqual(server.wait(again, "ready")["warnings"], whole["warnings"])

    def test_a_good_file_after_bad_ones_is_fine(self):
        server = self.server()
        bad = self.dir / "bad.mp4"
        bad.write_bytes(bytes(range(256)) * 400)
        self.fails(server, bad)
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "320x180",
                         "--seconds", "3")
        server.wait(server.upload(clip), "ready")


class CannotStart(Story):
    def refused(self, *arguments):
        done = run(BINARY, "serve", *arguments, timeout=20)
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.startswith("streamforge:")]
        self.assertEqual(len(lines), 1, done.stderr)
        return lines[0]

    def test_the_port_is_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            line = self.refused("--data", self.dir / "d", "--listen", f"127.0.0.1:{port}")
            self.assertIn(str(port), line)

    def test_the_directory_is_in_use(self):
        server = self.server()
        line = self.refused("--data", server.data, "--listen", "127.0.0.1:0")
        self.assertIn(str(server.process.pid), line)

    def test_the_directory_cannot_be_written(self):
        line = self.refused("--data", "/proc/streamforge", "--listen", "127.0.0.1:0")
        self.assertIn("/proc/streamforge", line)

    def test_open_is_refused_on_other_addresses(self):
        line = self.refused("--open", "--data", self.dir / "d", "--listen", "0.0.0.0:0")
        self.assertIn("--open", line)

    def test_wrong_usage_is_two(self):
        self.assertEqual(run(BINARY, "serve", "--nonsense").returncode, 2)
        self.assertEqual(run(BINARY).returncode, 2)


if __name__ == "__main__":
    unittest.main()
