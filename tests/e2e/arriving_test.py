"""A video plays while it is still being uploaded, whatever happens to the upload."""

import itertools
import json
import os
import re
import struct
import subprocess
import time
import unittest
import urllib.parse
import urllib.request

from harness import BINARY, Story, make_clip, run
from line import Line
from tus_wire import ask, create_part, patch


class Upload:
    """A tus upload in pieces, each when the story says so."""

    def __init__(self, server, path):
        self.server = server
        self.bytes = path.read_bytes()
        answer = self._send("POST", "/files", {"Upload-Length": str(len(self.bytes))})
        self.path = urllib.parse.urlsplit(answer.headers["Location"]).path
        self.id = self.path.rsplit("/", 1)[-1]
        self.offset = 0

    def _send(self, method, path, fields=None, body=None):
        request = urllib.request.Request(self.server.url + path, data=body, method=method,
                                         headers={"Tus-Resumable": "1.0.0", **(fields or {})})
        return urllib.request.urlopen(request, timeout=60)

    def to(self, share, pieces=8, pause=0.15):
        """Sends what is missing up to that share of the file, not all at once."""
        end = int(len(self.bytes) * share)
        step = max(1, (end - self.offset) // pieces)
        while self.offset < end:
            piece = self.bytes[self.offset:min(self.offset + step, end)]
            answer = self._send("PATCH", self.path, {
                "Upload-Offset": str(self.offset),
                "Content-Type": "application/offset+octet-stream"}, piece)
            self.offset = int(answer.headers["Upload-Offset"])
            time.sleep(pause)

    def resume(self):
        self.offset = int(self._send("HEAD", self.path).headers["Upload-Offset"])

    def remove(self):
        self._send("DELETE", self.path)


class Player:
    """What a player sees of a video that grows: each list goes on where the one before ended."""

    def __init__(self, case, server, video_id):
        self.case = case
        self.server = server
        self.base = f"/v/{video_id}"
        self.seen = {}
        self.tags = {}

    def tracks(self):
        status, _, body = self.server.get(f"{self.base}/master.m3u8")
        self.case.assertEqual(status, 200, body)
        return sorted(set(re.findall(r"^([^#\s]\S*)/live\.m3u8$", body.decode(), re.M) +
                          re.findall(r'URI="([^"]+)/live\.m3u8"', body.decode())))

    def look(self, track, ended=False):
        """The number of segments listed now."""
        status, headers, body = self.server.get(f"{self.base}/{track}/live.m3u8")
        text = body.decode()
        self.case.assertEqual(status, 200, text)
        if not ended:
            self.case.assertEqual(headers["Cache-Control"], "no-cache")
        self.case.assertIn("#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-START:TIME-OFFSET=0\n", text)
        self.case.assertEqual("#EXT-X-ENDLIST\n" in text, ended)
        before = self.seen.get(track, "")
        self.case.assertTrue(text.startswith(before), f"{track}: the list was changed")
        self.seen[track] = text.removesuffix("#EXT-X-ENDLIST\n")
        return len(re.findall(r"^\d+\.ts$", text, re.M))

    def segment(self, track, number):
        """Its bytes; asked as hls.js does, four times more where it is not there in time."""
        for _ in range(5):
            status, headers, body = self.server.get(f"{self.base}/{track}/{number}.ts")
            if status != 503:
                break
        self.case.assertEqual(status, 200, f"{track} {number}: {body[:300]}")
        first = self.tags.setdefault((track, number), (headers["ETag"], len(body)))
        self.case.assertEqual(first, (headers["ETag"], len(body)), "a listed segment changed")
        return body


class WhileItArrives(Story):
    KINDS = {"uring": "mp4", "epoll": "mkv"}

    def begin(self, server, kind="mkv", seconds="60", gop="60"):
        clip = make_clip(self.dir / f"clip.{kind}", "--kind", kind, "--size", "640x360",
                         "--seconds", seconds, "--gop", gop)
        return Upload(server, clip)

    def until(self, what, condition, seconds=90):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, f"never: {what}")
            time.sleep(0.05)

    def until_playable(self, server, upload):
        self.until("playable", lambda: server.video(upload.id)["playable"])

    def decodes(self, body):
        path = self.dir / "segment.ts"
        path.write_bytes(body)
        done = run("ffmpeg", "-v", "error", "-i", path, "-f", "null", "-")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_it_plays_before_its_last_byte(self):
        for backend, kind in self.KINDS.items():
            with self.subTest(backend=backend, kind=kind):
                server = self.server(f"data-{backend}", backend)
                upload = self.begin(server, kind)
                upload.to(0.5)
                self.until_playable(server, upload)
                video = server.video(upload.id)
                self.assertEqual(video["status"], "uploading")
                self.assertEqual(video["source"]["received_bytes"], upload.offset)
                self.assertGreaterEqual(video["duration_ms"], 8_000)
                self.assertLess(video["duration_ms"], 40_000)
                self.assertAlmostEqual(video["expected_duration_ms"], 60_000, delta=100)
                self.assertEqual(server.get(f"/v/{upload.id}/360p/index.m3u8")[0], 404)
                player = Player(self, server, upload.id)
                self.assertEqual(player.tracks(), ["360p", "audio/0"])
                listed = player.look("360p")
                self.assertGreaterEqual(listed, 4)
                for number in (0, listed - 1):
                    self.decodes(player.segment("360p", number))
                    self.decodes(player.segment("audio/0", number))
                self.assertEqual(server.get(f"/v/{upload.id}/360p/{listed}.ts")[0], 404)

                upload.to(0.8)
                self.until("a longer list", lambda: player.look("360p") > listed)
                player.look("audio/0")
                upload.to(1)
                video = server.wait(upload.id, "ready")
                self.assertEqual(video["progress"], 1)
                self.assertIsNone(video["expected_duration_ms"])
                self.assertEqual(player.look("360p", ended=True), 17)
                self.assertEqual(player.look("audio/0", ended=True), 17)
                self.assertEqual(player.tracks(), [], "a finished video has its own lists")
                for track, number in list(player.tags):
                    player.segment(track, number)
                played = run("ffmpeg", "-v", "warning", "-i", server.url + video["hls_url"],
                             "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-")
                self.assertEqual((played.returncode, played.stderr), (0, ""))
                self.assertEqual(server.stop(), 0)

    def test_its_last_byte_there_the_whole_is_listed(self):
        """At once for who asks, though all of it was listed while it arrived but an empty end."""
        server = self.server()
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "640x360",
                         "--seconds", "60", "--gop", "60")
        empty = 1 << 16
        with clip.open("ab") as file:
            file.write(struct.pack(">I4s", empty, b"free") + bytes(empty - 8))
        upload = Upload(server, clip)
        upload.to(1 - empty / 2 / clip.stat().st_size)
        self.until_playable(server, upload)
        player = Player(self, server, upload.id)
        self.until("all of it", lambda: player.look("360p") == 17)
        self.assertEqual(server.video(upload.id)["status"], "uploading")
        for track in player.tracks():
            self.assertEqual(server.get(f"/v/{upload.id}/{track}/index.m3u8")[0], 404)
        upload.to(1, pause=0)
        for track in ("360p", "audio/0"):
            status, _, body = server.get(f"/v/{upload.id}/{track}/index.m3u8")
            self.assertEqual(status, 200, body)
            self.assertTrue(body.endswith(b"\n16.ts\n#EXT-X-ENDLIST\n"), body)
        self.assertIsNone(server.video(upload.id)["expected_duration_ms"])
        self.assertEqual(player.tracks(), [], "the master names the lists of the whole")
        self.assertEqual(player.look("360p", ended=True), 17)

    def test_what_can_be_copied_is_while_it_arrives(self):
        """And what of the rest cannot be, for want of keyframes, is encoded into the same rung."""
        server = self.server()
        upload = self.begin(server, "keys-away", gop="75")
        upload.to(0.48)
        self.until_playable(server, upload)
        first = server.video(upload.id)
        self.assertEqual([one["mode"] for one in first["renditions"]], ["copy"])
        self.assertEqual([one["mode"] for one in first["audio"]], ["copy"])
        player = Player(self, server, upload.id)
        master = server.get(f"/v/{upload.id}/master.m3u8")[2]
        player.look("360p")
        self.decodes(player.segment("360p", 0))
        upload.to(0.8)
        server.kill()
        server.start()
        upload.resume()
        self.assertEqual(server.get(f"/v/{upload.id}/master.m3u8")[2], master)
        upload.to(1)
        video = server.wait(upload.id, "ready")
        self.assertEqual([one["mode"] for one in video["renditions"]], ["copy"])
        whole = server.get(f"/v/{upload.id}/master.m3u8")[2]
        self.assertEqual(*(re.search(rb"CODECS=\S+", one)[0] for one in (whole, master)))
        player.look("360p", ended=True)
        for track, number in list(player.tags):
            player.segment(track, number)
        played = run("ffmpeg", "-v", "warning", "-i", server.url + video["hls_url"],
                     "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-")
        self.assertEqual((played.returncode, played.stderr), (0, ""))
        frames = run("ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0",
                     "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0",
                     server.url + video["hls_url"]).stdout.split()
        self.assertEqual(frames[0], "1800")

    def test_killed_and_cut_it_goes_on(self):
        server = self.server()
        upload = self.begin(server)
        upload.to(0.5)
        self.until_playable(server, upload)
        player = Player(self, server, upload.id)
        listed = player.look("360p")
        player.segment("360p", 1)
        server.kill()
        server.start()
        self.assertEqual(player.look("360p"), listed)
        player.segment("360p", 2)  # Made of what lies in temp, though nobody sends.
        upload.resume()
        upload.to(0.8)
        self.until("a longer list", lambda: player.look("360p") > listed)
        server.kill()
        server.start()
        upload.resume()
        upload.to(1)
        server.wait(upload.id, "ready")
        self.assertEqual(player.look("360p", ended=True), 17)
        for track, number in list(player.tags):
            player.segment(track, number)

    def test_an_upload_that_is_removed_leaves_nothing(self):
        server = self.server()
        upload = self.begin(server)
        upload.to(0.5)
        self.until_playable(server, upload)
        upload.remove()
        self.assertEqual(server.get(f"/api/v1/videos/{upload.id}")[0], 404)
        for folder in ("temp", "raw", "processed"):
            self.assertEqual(list((server.data / folder).glob(f"{upload.id}*")), [])
        again = self.begin(server)
        again.to(0.6)
        self.until_playable(server, again)

    def test_what_turns_out_damaged_plays_as_far_as_it_goes(self):
        server = self.server()
        upload = self.begin(server, "ts")
        upload.to(0.5)
        self.until_playable(server, upload)
        player = Player(self, server, upload.id)
        listed = player.look("360p")
        player.segment("360p", 0)
        rest = len(upload.bytes) * 6 // 10
        upload.bytes = upload.bytes[:rest] + bytes(len(upload.bytes) - rest)
        upload.to(1)
        video = server.wait(upload.id, "ready")
        self.assertLess(video["duration_ms"], 45_000)
        self.assertGreaterEqual(player.look("360p", ended=True), listed)
        player.segment("360p", 0)

    def group_of(self, server, name, borders):
        """A film with its table at its end, as parts of a group between these shares of it."""
        clip = make_clip(self.dir / f"{name}.mp4", "--kind", "mp4-moov-end", "--size", "640x360",
                         "--seconds", "60", "--gop", "60").read_bytes()
        # From the block on in which the table begins.
        table = (clip.rindex(b"moov") - 4) // 4096 * 4096
        cuts = [0, *(int(table * share) // 4096 * 4096 for share in borders), table, len(clip)]
        parts = [{"path": create_part(server, name, at, end, len(clip)), "bytes": clip[at:end]}
                 for at, end in itertools.pairwise(cuts)]
        return clip, parts

    def send(self, server, part, begin=0, end=None, pieces=6):
        end = len(part["bytes"]) if end is None else end
        step = max(1, (end - begin) // pieces)
        for at in range(begin, end, step):
            answer = patch(server, part["path"], at, part["bytes"][at:min(at + step, end)])
            self.assertEqual(answer.status, 204, answer.body)
            time.sleep(0.1)

    def test_a_table_that_comes_first_lists_what_is_there(self):
        server = self.server()
        clip, parts = self.group_of(server, "phone", (0.55, 0.8))
        self.send(server, parts[-1])
        self.send(server, parts[2])  # Out of order: behind a gap.
        videos = json.loads(server.get("/api/v1/videos")[2])["items"]
        video_id = videos[0]["id"]
        self.assertFalse(videos[0]["playable"])
        self.send(server, parts[0])
        self.until("playable", lambda: server.video(video_id)["playable"])
        video = server.video(video_id)
        self.assertEqual(video["status"], "uploading")
        self.assertLess(video["duration_ms"], 36_000)
        player = Player(self, server, video_id)
        self.assertEqual(player.tracks(), ["360p", "audio/0"])
        self.until("half of it", lambda: player.look("360p") >= 9)
        listed = player.look("360p")
        for number in (0, listed - 1):
            self.decodes(player.segment("360p", number))
            self.decodes(player.segment("audio/0", number))
        self.assertEqual(server.get(f"/v/{video_id}/360p/{listed}.ts")[0], 404)

        server.kill()
        server.start()
        self.assertEqual(player.look("360p"), listed)
        self.decodes(player.segment("360p", 1))
        most = len(parts[1]["bytes"]) * 9 // 10
        self.send(server, parts[1], end=most, pieces=3)
        self.until("more of it", lambda: player.look("360p") >= 12)
        server.kill()
        server.start()
        self.send(server, parts[1], begin=most, pieces=1)
        urls = "final;" + " ".join(part["path"] for part in parts)
        answer = ask(server, "POST", "/files", Upload_Concat=urls)
        self.assertEqual(answer.status, 201, answer.body)
        video = server.wait(video_id, "ready")
        self.assertEqual(video["duration_ms"], 60_000)
        self.assertEqual(player.look("360p", ended=True), 17)
        for track, number in list(player.tags):
            player.segment(track, number)
        self.assertEqual(ask(server, "GET", f"/files/{video_id}").body, clip)

    def test_a_part_that_is_removed_and_sent_anew(self):
        server = self.server()
        _, parts = self.group_of(server, "again", (0.5,))
        self.send(server, parts[-1])
        self.send(server, parts[0])
        video_id = json.loads(server.get("/api/v1/videos")[2])["items"][0]["id"]
        self.until("playable", lambda: server.video(video_id)["playable"])
        player = Player(self, server, video_id)
        player.look("360p")
        self.decodes(player.segment("360p", 0))
        self.assertEqual(ask(server, "DELETE", parts[-1]["path"]).status, 204)
        total = sum(len(part["bytes"]) for part in parts)
        table = total - len(parts[-1]["bytes"])
        parts[-1]["path"] = create_part(server, "again", table, total, total)
        self.decodes(player.segment("360p", 1))
        self.send(server, parts[1])
        self.send(server, parts[-1])
        urls = "final;" + " ".join(part["path"] for part in parts)
        self.assertEqual(ask(server, "POST", "/files", Upload_Concat=urls).status, 201)
        server.wait(video_id, "ready")
        self.assertEqual(player.look("360p", ended=True), 17)
        player.segment("360p", 1)

    def test_a_phones_film_plays_before_its_last_byte(self):
        """As `streamforge upload` sends it, over a line of 4 Mbit/s until it plays."""
        server = self.server()
        clip = make_clip(self.dir / "phone.mp4", "--kind", "mp4-moov-end", "--size", "854x480",
                         "--seconds", "60", "--gop", "60")
        line = Line(int(server.url.rsplit(":", 1)[1]), 500_000)
        self.addCleanup(line.close)
        client = subprocess.Popen(
            [BINARY, "upload", clip, "--to", line.url], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "XDG_STATE_HOME": str(self.dir / "state")})
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)

        def video():
            items = json.loads(server.get("/api/v1/videos")[2])["items"]
            return items[0] if items else {"playable": False}

        self.until("playable", lambda: video()["playable"])
        seen = video()
        self.assertEqual(seen["status"], "uploading")
        self.assertLess(seen["source"]["received_bytes"], seen["source"]["bytes"])
        player = Player(self, server, seen["id"])
        player.look("480p")
        self.decodes(player.segment("480p", 0))
        line.rate = 1_000_000_000
        self.assertEqual(client.wait(timeout=120), 0)
        server.wait(seen["id"], "ready")
        player.look("480p", ended=True)
        player.segment("480p", 0)

    def test_a_table_at_the_end_is_waited_for(self):
        server = self.server()
        upload = self.begin(server, "mp4-moov-end")
        upload.to(0.9)
        time.sleep(1)
        self.assertFalse(server.video(upload.id)["playable"])
        upload.to(1)
        server.wait(upload.id, "ready")


if __name__ == "__main__":
    unittest.main()
