"""`streamforge check`: ours holds, what was broken on purpose is found, others get a fair word."""

import re
import shutil
import unittest

from harness import BINARY, Story, make_clip, run


COMPRESSION = 42  # Of playlists: told, and left to who delivers them.


def verdicts(done):
    """Row number: (verdict, the rest of its line)."""
    return {int(m[1]): (m[2], m[3]) for m in
            re.finditer(r"^P(\d+) +(ok|FAIL|should|-) +(.*)$", done.stdout, re.M)}


class Check(Story):
    def ours(self):
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "640x480",
                         "--seconds", "13")
        out = self.dir / "ours"
        made = run(BINARY, "transcode", clip, "--out", out, "--progress", "none", timeout=300)
        self.assertEqual(made.returncode, 0, made.stderr)
        return out

    def test_ours_holds_and_what_is_broken_is_found(self):
        ours = self.ours()
        done = run(BINARY, "check", ours)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        rows = verdicts(done)
        self.assertEqual(sorted(rows), list(range(1, 46)))
        for row in (1, 2, 3, 5, 7, 8, 10, 17, 19, 20, 21, 22, 23, 24, 26, 28):
            self.assertEqual(rows[row][0], "ok", f"P{row}: {rows[row][1]}")

        def text(path, old, new):
            def change(root):
                file = root / path
                before = file.read_text()
                self.assertRegex(before, old)
                file.write_text(re.sub(old, new, before, count=1))
            return change

        def cut(root):
            file = root / "480p/1.ts"
            file.write_bytes(file.read_bytes()[:-100])

        def swap(root):
            (root / "480p/1.ts").rename(root / "480p/x.ts")
            (root / "480p/2.ts").rename(root / "480p/1.ts")
            (root / "480p/x.ts").rename(root / "480p/2.ts")

        def headless(root):
            file = root / "360p/0.ts"
            file.write_bytes(file.read_bytes()[376:])

        broken = {
            "bom": (1, text("master.m3u8", "^", "\ufeff")),
            "no average": (2, text("master.m3u8", r"AVERAGE-BANDWIDTH=\d+,", "")),
            "a lie about the rate": (3, text("master.m3u8", r"([:,])BANDWIDTH=(\d+)",
                                             r"\1BANDWIDTH=9\2")),
            "another codec": (7, text("master.m3u8", r"avc1\.64", "avc1.4d")),
            "dependent": (8, text("master.m3u8", "#EXT-X-INDEPENDENT-SEGMENTS\n", "")),
            "no language": (10, text("master.m3u8", ',LANGUAGE="[^"]*"', "")),
            "old version": (17, text("480p/index.m3u8", "VERSION:3", "VERSION:1")),
            "long segment": (19, text("480p/index.m3u8", "TARGETDURATION:6", "TARGETDURATION:3")),
            "wrong duration": (20, text("480p/index.m3u8", "#EXTINF:4.0", "#EXTINF:3.5")),
            "swapped": (20, swap),
            "no tables": (24, headless),
            "cut": (24, cut),
            "later": (27, text("480p/index.m3u8", "SEQUENCE:0", "SEQUENCE:7")),
            "never ends": (28, text("480p/index.m3u8", "#EXT-X-ENDLIST\n", "")),
            "missing": (34, lambda root: (root / "480p/2.ts").unlink()),
        }
        for name, (row, change) in broken.items():
            with self.subTest(name):
                copy = self.dir / "broken"
                shutil.copytree(ours, copy)
                change(copy)
                done = run(BINARY, "check", copy)
                shutil.rmtree(copy)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertEqual(verdicts(done)[row][0], "FAIL", done.stdout)

    def test_a_server_is_looked_at_as_players_see_it(self):
        server = self.server()
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "640x480",
                         "--seconds", "9")
        video = server.wait(server.upload(clip), "ready")
        done = run(BINARY, "check", server.url + video["hls_url"])
        rows = verdicts(done)
        broken = [row for row in rows if rows[row][0] == "FAIL" and row != COMPRESSION]
        self.assertEqual(broken, [], done.stdout + done.stderr)
        for row in (3, 7, 20, 23, 24, 32, 34, 41, 43, 44):
            self.assertEqual(rows[row][0], "ok", f"P{row}: {rows[row][1]}")
        self.assertEqual(run(BINARY, "check", f"{server.url}/v/none/master.m3u8").returncode, 1)

    def test_a_stream_over_tls_is_looked_at_too(self):
        server = self.server(extra=("--open", "--tls-listen", "127.0.0.1:0", "--tls-self-signed"))
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "320x180",
                         "--seconds", "5")
        video = server.wait(server.upload(clip), "ready")
        stream = server.tls_url + video["hls_url"]
        done = run(BINARY, "check", "--insecure", stream)
        rows = verdicts(done)
        broken = [row for row in rows if rows[row][0] == "FAIL" and row != COMPRESSION]
        self.assertEqual(broken, [], done.stdout + done.stderr)
        for row in (20, 24, 34, 41, 45):
            self.assertEqual(rows[row][0], "ok", f"P{row}: {rows[row][1]}")
        refused = run(BINARY, "check", stream)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("certificate", refused.stdout + refused.stderr)

    def test_subtitles_are_read(self):
        clip = make_clip(self.dir / "clip.mkv", "--kind", "subtitles", "--size", "320x180",
                         "--seconds", "9")
        ours = self.dir / "ours"
        made = run(BINARY, "transcode", clip, "--out", ours, "--progress", "none", timeout=300)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertIn('subtitles in "fr" are left out: it is made of pictures', made.stderr)
        self.assertEqual(sorted(p.name for p in (ours / "subtitles").iterdir()), ["0", "1"])
        done = run(BINARY, "check", ours)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(verdicts(done)[13][0], "ok")

        def text(path, old, new):
            def change(root):
                file = root / "subtitles" / path
                before = file.read_text()
                self.assertIn(old, before)
                file.write_text(before.replace(old, new))
            return change

        broken = {
            "a segment is missing": (34, lambda root: (root / "subtitles/0/1.vtt").unlink(),
                                     "0/1.vtt cannot be had"),
            "the header is": (13, text("0/2.vtt", "WEBVTT", "WEBVT"), "is no WebVTT"),
            "the map is": (13, text("0/0.vtt", "X-TIMESTAMP-MAP=", "X="), "no X-TIMESTAMP-MAP"),
            "another clock": (13, text("0/1.vtt", "MPEGTS:900000", "MPEGTS:0"), "outside of it"),
            "another segment's cue": (13, text("0/0.vtt", "00:00:01.000 --> 00:00:03.000",
                                               "00:00:07.000 --> 00:00:08.000"), "outside of it"),
            "no times": (13, text("1/1.vtt", "00:00:02.000 -->", "2 -->"), "cue without times"),
            "too short": (13, text("1/index.m3u8", "#EXTINF:2.000000,\n0.vtt\n", ""),
                          "ends before the picture"),
        }
        for name, (row, change, why) in broken.items():
            with self.subTest(name):
                copy = self.dir / "broken"
                shutil.copytree(ours, copy)
                change(copy)
                done = run(BINARY, "check", copy)
                shutil.rmtree(copy)
                self.assertEqual(done.returncode, 1, done.stdout)
                verdict, rest = verdicts(done)[row]
                self.assertEqual(verdict, "FAIL", done.stdout)
                self.assertIn(why, rest)

    def test_what_ffmpeg_writes_gets_a_fair_word(self):
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "640x360",
                         "--seconds", "13")
        out = self.dir / "theirs"
        out.mkdir()
        made = run("ffmpeg", "-v", "error", "-i", clip, "-c:v", "libx264", "-preset", "ultrafast",
                   "-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-c:a", "aac", "-f",
                   "hls", "-hls_time", "4", "-hls_playlist_type", "vod", "-master_pl_name",
                   "master.m3u8", out / "index.m3u8")
        self.assertEqual(made.returncode, 0, made.stderr)
        done = run(BINARY, "check", out)
        rows = verdicts(done)
        self.assertEqual(done.returncode, 1)
        # What its muxer leaves out, and what it does well.
        self.assertEqual(rows[2][0], "FAIL", rows[2])
        self.assertIn("AVERAGE-BANDWIDTH", rows[2][1])
        for row in (1, 7, 19, 20, 21, 24, 26, 28, 34):
            self.assertEqual(rows[row][0], "ok", f"P{row}: {rows[row][1]}")
        alone = run(BINARY, "check", out / "index.m3u8")
        self.assertIn("not a multivariant", verdicts(alone)[2][1])


if __name__ == "__main__":
    unittest.main()
