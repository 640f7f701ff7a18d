"""What a finished video is to a decoder: every picture of the source once, in its place, across
segments and changes of the rung; its sound with it; and every playlist read without a word."""

import json
import re
import unittest

from decoded import beeps, flashes, numbers
from harness import BINARY, Story, make_clip, run

COUNTED_SECONDS = 14
TWO_RUNGS = "854x96"  # 480p and 360p, with few pixels.
# A clip, whether what can be is copied; then what becomes of the rungs, and of the sound.
FILM = ("flash-beep", "--size", "160x90")
NTSC = ("flash-beep-44k", "--size", "160x90", "--fps", "30000/1001")
WEBM = ("flash-beep-webm", "--size", "160x90", "--fps", "30000/1001")
TRIMMED = ("flash-beep-trimmed", "--size", "160x90")  # It does not begin with a keyframe.
SYNC_CASES = [
    (("flash-beep", "--size", TWO_RUNGS), True, ["copy", "encode"], "copy"),
    (FILM, False, ["encode"], "encode"),
    (NTSC, True, ["copy"], "copy"),
    (NTSC, False, ["encode"], "encode"),
    (WEBM, True, ["encode"], "encode"),
    (TRIMMED, True, ["encode"], "copy"),
]


class FinishedVideo(Story):
    def transcode(self, clip, copy):
        """The folder that the command line makes, and what it copies of `clip`."""
        about = json.loads(run(BINARY, "probe", clip, "--json").stdout)
        modes = [[one["mode"] if copy else "encode" for one in about[kind]]
                 for kind in ("renditions", "audio_renditions")]
        out = self.dir / f"{clip.stem}-{copy}"
        done = run(BINARY, "transcode", clip, "--out", out, "--jobs", "2", "--progress", "none",
                   "--copy", str(copy).lower())
        self.assertEqual(done.returncode, 0, done.stderr)
        return out, modes

    def read(self, source, said=""):
        """Read to its end by both programs, which say what matches `said`; the streams' types."""
        probed = run("ffprobe", "-v", "warning", "-strict", "experimental", "-show_streams",
                     "-of", "json", source)
        decoded = run("ffmpeg", "-nostdin", "-v", "warning", "-strict", "experimental", "-i",
                      source, "-map", "0", "-c:s", "copy", "-f", "null", "-")
        for done in (probed, decoded):
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stderr, rf"\A{said}\Z", source)
        return [stream["codec_type"] for stream in json.loads(probed.stdout)["streams"]]


class Pictures(FinishedVideo):
    def check(self, kind, fps, copy, wanted):
        clip = make_clip(self.dir / f"{kind}.mp4", "--kind", kind, "--fps", fps, "--gop", "75",
                         "--seconds", str(COUNTED_SECONDS), "--size", TWO_RUNGS)
        out, (modes, _) = self.transcode(clip, copy)
        self.assertEqual(modes, wanted)
        source = numbers(clip)
        self.assertEqual([n for _, n in source], sorted({n for _, n in source}))
        text = (out / "480p/index.m3u8").read_text()
        self.assertEqual(re.sub("480p", "360p", text), (out / "360p/index.m3u8").read_text())
        self.assertGreaterEqual(len(re.findall(r"^\d+\.ts$", text, re.M)), 5)
        lists = [out / "480p/index.m3u8", out / "360p/index.m3u8"]
        # Two that change the rung at every border: up, down, up …, and the other way round.
        for first in (0, 1):
            lists.append(out / f"changing-{first}.m3u8")
            lists[-1].write_text(re.sub(
                r"^(\d+)\.ts$", lambda name, first=first:
                f"{('360p', '480p')[(int(name[1]) + first) % 2]}/{name[0]}", text, flags=re.M))
        for path in lists:
            with self.subTest(kind=kind, copy=copy, list=path.relative_to(out)):
                made = numbers(path)
                self.assertEqual([n for _, n in made], [n for _, n in source])
                for (at, number), (source_at, _) in zip(made, source, strict=True):
                    self.assertAlmostEqual(at - 10, source_at - source[0][0], delta=0.0002,
                                           msg=f"picture {number}")

    def test_each_comes_once_and_in_its_place(self):
        self.check("counted", "30", True, ["copy", "encode"])

    def test_each_comes_once_where_times_vary(self):
        self.check("counted-vfr", "30000/1001", False, ["encode", "encode"])


class Sound(FinishedVideo):
    def test_beeps_meet_flashes_from_start_to_end(self):
        made = {}
        for clip_of, copy, rungs, sound in SYNC_CASES:
            with self.subTest(clip=clip_of, copy=copy):
                rate = 44100 if clip_of == NTSC else 48000
                if clip_of not in made:
                    clip = make_clip(self.dir / f"{len(made)}.clip", "--kind", *clip_of,
                                     "--seconds", "40", "--gop", "75")
                    made[clip_of] = clip, (flashes(clip), beeps(clip, rate=rate))
                clip, theirs = made[clip_of]
                self.assertGreaterEqual(len(theirs[0]), 38)
                out, modes = self.transcode(clip, copy)
                self.assertEqual(modes, [rungs, [sound]])
                for variant in range(len(rungs)):
                    self.compare(theirs, (flashes(out / "master.m3u8", f"0:p:{variant}:v:0"),
                                          beeps(out / "master.m3u8", f"0:p:{variant}:a:0", rate)))

    def compare(self, theirs, ours):
        """Flashes as far apart as in the source, and each beep as near to its flash."""
        self.assertEqual([len(times) for times in ours], [len(theirs[0])] * 2)
        for source_flash, source_beep, flash, beep in zip(*theirs, *ours, strict=True):
            self.assertAlmostEqual(flash - ours[0][0], source_flash - theirs[0][0], delta=0.001)
            self.assertLess(abs((beep - flash) - (source_beep - source_flash)), 0.020,
                            f"at {flash - 10:.3f} s")


class Playlists(FinishedVideo):
    def test_every_one_is_read_without_a_warning(self):
        server = self.server()
        # A cue is in every segment that it touches (RFC 8216 section 3.5); libav, for which they
        # are one text, warns that it takes it once.
        twice = r"(\[webvtt @ \w+\] Dropping \d duplicated subtitle events\n)"
        for kind, size, lists, said in (("two-audio", TWO_RUNGS, 6, ""),
                                        ("subtitles", "160x90", 5, f"{twice}{{2}}")):
            clip = make_clip(self.dir / f"{kind}.mkv", "--kind", kind, "--size", size,
                             "--seconds", "9", "--gop", "60")
            video = server.wait(server.upload(clip), "ready")
            base = server.url + video["hls_url"].rsplit("/", 1)[0]
            master = server.get(video["hls_url"])[2].decode()
            listed = re.findall(r'^[^#\s]\S*|(?<=URI=")[^"]+', master, re.M)
            self.assertEqual(len(set(listed)), lists, master)
            tracks = [self.type_of(one) for one in listed if not one.endswith("iframes.m3u8")]
            self.assertEqual(sorted(self.read(f"{base}/master.m3u8", said)), sorted(tracks))
            for one in listed:
                kind = self.type_of(one)
                with self.subTest(list=one):
                    self.assertEqual(
                        self.read(f"{base}/{one}", twice if kind == "subtitle" else ""), [kind])
                    if kind != "subtitle" and one.endswith("index.m3u8"):
                        # Who began while it arrived goes on with this one.
                        live = one.replace("index", "live")
                        self.assertEqual(self.read(f"{base}/{live}"), [kind])
        self.assertEqual(server.stop(), 0)

    @staticmethod
    def type_of(uri):
        folder = uri.split("/", 1)[0]
        return {"audio": "audio", "subtitles": "subtitle"}.get(folder, "video")


if __name__ == "__main__":
    unittest.main()
