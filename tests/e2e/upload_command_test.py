"""`streamforge upload` over bad lines: whatever is cut or killed, the same command ends it."""

import hashlib
import http.server
import json
import os
import pty
import re
import signal
import subprocess
import threading
import time
import unittest
import urllib.request

from harness import BINARY, Story
from line import Line

MIB = 1 << 20


def random_file(path, size):
    with open(path, "wb") as out:
        out.write(os.urandom(size))
    return path


def late_index_file(path, size):
    """As cameras write it: ftyp, mdat, and moov when the recording ends."""
    moov = (MIB).to_bytes(4, "big") + b"moov" + os.urandom(MIB - 8)
    ftyp = (16).to_bytes(4, "big") + b"ftypisom" + bytes(4)
    media = size - len(ftyp) - len(moov)
    with open(path, "wb") as out:
        out.write(ftyp + media.to_bytes(4, "big") + b"mdat" + os.urandom(media - 8) + moov)
    return path


def digest_of(stream):
    return hashlib.file_digest(stream, "sha256").hexdigest()


class Refusing(http.server.BaseHTTPRequestHandler):
    """A tus server that answers the first creation with `answers`, one after another."""

    protocol_version = "HTTP/1.1"
    answers = []
    creations = []

    def log_message(self, *_):
        pass

    def answer(self, status, fields):
        self.send_response(status)
        for name, value in {"Content-Length": "0", **fields}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_POST(self):
        self.creations.append(time.monotonic())
        if self.answers:
            self.answer(*self.answers.pop(0))
        else:
            self.answer(201, {"Location": "/files/x"})

    def do_PATCH(self):
        size = int(self.headers["Content-Length"])
        self.rfile.read(size)
        self.answer(204, {"Upload-Offset": str(size)})


class UploadCommand(Story):
    def setUp(self):
        super().setUp()
        self.count = 0
        self.here = self.server(extra=("--open", "--transcoders", "0", "--reactors", "2"))
        self.port = int(self.here.url.rsplit(":", 1)[1])
        self.state = self.dir / "state"

    def line(self, bytes_per_second, **options):
        line = Line(self.port, bytes_per_second, **options)
        self.addCleanup(line.close)
        return line

    def begin(self, file, url, *arguments, **options):
        self.count += 1
        said = self.dir / f"said-{self.count}"
        with open(said, "wb") as errors:
            process = subprocess.Popen(
                [BINARY, "upload", file, "--to", url, *arguments],
                **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": errors,
                   "env": {**os.environ, "XDG_STATE_HOME": str(self.state)}, **options})
        process.said = said

        def end():
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()

        self.addCleanup(end)
        return process

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "waited too long")
            time.sleep(0.02)

    def until_said(self, process, pattern):
        self.until(lambda: re.search(pattern, process.said.read_text()))

    def result(self, process, code=0):
        """What it said, and the watch address it printed."""
        out = process.communicate(timeout=120)[0].decode().strip()
        said = process.said.read_text()
        self.assertEqual(process.returncode, code, said)
        return said, out

    def expect_stored(self, watch_url, file, server=None):
        server = server or self.here
        video = watch_url.rsplit("/", 1)[1]
        with urllib.request.urlopen(f"{server.url}/files/{video}") as answer:
            got = digest_of(answer)
        with open(file, "rb") as source:
            self.assertEqual(got, digest_of(source))
        videos = json.loads(server.get("/api/v1/videos")[2])
        self.assertEqual([each["id"] for each in videos["items"]], [video], "one video, no ghosts")

    def kept(self):
        """The parts as the uploader remembers them, in the order in which they leave."""
        files = list((self.state / "streamforge").glob("upload-*.json"))
        return json.loads(files[0].read_text())["parts"] if files else []

    def test_parts_leave_at_once_and_arrive_as_one_file(self):
        file = random_file(self.dir / "film.bin", 80 * MIB + 17)
        line = self.line(100 * MIB)
        said, url = self.result(self.begin(file, line.url, "--parallel", "3"))
        self.expect_stored(url, file)
        sent = sum(head.startswith("PATCH") for head in line.heads)
        created = sum(head.startswith("POST") for head in line.heads)
        self.assertEqual((sent, created), (18, 19), "each part once, and the final")
        self.assertGreaterEqual(line.open_most, 3)
        lines = said.splitlines()
        self.assertIn("  0 %  0 B of 80.0 MiB", lines[0])
        self.assertNotIn("/s", lines[0])
        self.assertRegex(lines[-1], r"100 %  80\.0 MiB  [\d.]+ MiB/s, \d+ s$")
        self.assertLessEqual(len(lines), 11)
        self.assertEqual(self.kept(), [])

    def test_one_at_a_time_is_a_plain_upload(self):
        file = random_file(self.dir / "film.bin", 70 * MIB)
        line = self.line(1000 * MIB)
        _, url = self.result(self.begin(file, line.url, "--parallel", "1"))
        self.expect_stored(url, file)
        self.assertEqual([head.split(" ", 1)[0] for head in line.heads], ["POST", "PATCH"])
        self.assertEqual(line.open_most, 1)

    def test_ctrl_c_and_the_same_command_again(self):
        for size in (15 * MIB, 80 * MIB):
            with self.subTest(bytes=size):
                file = random_file(self.dir / f"film-{size}", size)
                line = self.line(20 * MIB)
                first = self.begin(file, line.url)
                self.until_said(first, r" [456]\d %")
                first.send_signal(signal.SIGINT)
                said, url = self.result(first, 130)
                self.assertIn("run the same command again", said)
                self.assertEqual(url, "")
                line.rate = 1000 * MIB
                said, url = self.result(self.begin(file, line.url))
                self.assertGreater(int(re.search(r"(\d+) %", said)[1]), 25, said)
                self.assertLess(line.carried, 1.5 * size)
                with open(file, "rb") as source, urllib.request.urlopen(
                        f"{self.here.url}/files/{url.rsplit('/', 1)[1]}") as stored:
                    self.assertEqual(digest_of(stored), digest_of(source))

    def test_a_killed_server_is_waited_for(self):
        file = random_file(self.dir / "film.bin", 80 * MIB)
        line = self.line(40 * MIB)
        client = self.begin(file, line.url)
        self.until_said(client, r" [345]\d %")
        self.here.kill()
        self.until_said(client, r"next try in \d+ s: \S")
        self.here.start(self.port)
        said, url = self.result(client)
        self.expect_stored(url, file)
        self.assertLess(line.carried, 1.8 * 80 * MIB, "what was stored is not sent again")
        self.assertNotIn("anew", said)

    def test_a_client_killed_right_after_creation(self):
        """The server made what the client never heard of; there is one video all the same."""
        file = random_file(self.dir / "film.bin", 80 * MIB)
        line = self.line(1000 * MIB, loses=lambda head: head.startswith("POST"))
        client = self.begin(file, line.url)
        self.assertTrue(line.lost.wait(30))
        client.kill()
        client.wait()
        self.assertTrue(self.kept(), "its group's name was kept before")
        line.loses = lambda head: False
        _, url = self.result(self.begin(file, line.url))
        self.expect_stored(url, file)

    def test_a_lost_answer_to_the_final(self):
        file = random_file(self.dir / "film.bin", 70 * MIB)
        finals = []

        def loses_first_final(head):
            finals.extend(["final"] * ("Upload-Concat: final" in head))
            return finals == ["final"] and "Upload-Concat: final" in head

        line = self.line(1000 * MIB, loses=loses_first_final)
        _, url = self.result(self.begin(file, line.url))
        self.assertEqual(len(finals), 2)
        self.expect_stored(url, file)

    def test_the_tail_with_the_index_is_there_before_the_middle(self):
        file = late_index_file(self.dir / "film.mp4", 160 * MIB)
        line = self.line(20 * MIB)
        client = self.begin(file, line.url)
        self.until(lambda: self.kept() and self.kept()[0]["location"])
        tail = self.kept()[0]
        self.assertEqual(tail["end"], 160 * MIB)
        self.assertEqual(tail["begin"] % 4096, 0)
        self.assertGreater(tail["begin"] + MIB + 4096, tail["end"])

        def tail_is_there():
            request = urllib.request.Request(self.here.url + tail["location"], method="HEAD",
                                             headers={"Tus-Resumable": "1.0.0"})
            with urllib.request.urlopen(request) as answer:
                return int(answer.headers["Upload-Offset"]) == tail["end"] - tail["begin"]

        # HEAD ends the body that is under way, so it is not asked before it should be whole.
        self.until(lambda: line.carried > 20 * MIB)
        self.assertTrue(tail_is_there())
        self.assertLess(line.carried, 60 * MIB)
        unknown = [part for part in self.kept() if not part["location"]]
        self.assertGreater(len(unknown), 1, "the middle has not begun")
        self.assertGreater(min(part["begin"] for part in unknown), 16 * MIB, "the head has")
        line.rate = 1000 * MIB
        _, url = self.result(client)
        self.expect_stored(url, file)

    def test_a_file_cut_meanwhile(self):
        for size in (15 * MIB, 80 * MIB):
            with self.subTest(bytes=size):
                file = random_file(self.dir / f"film-{size}", size)
                client = self.begin(file, self.line(20 * MIB).url)
                self.until_said(client, r" [34]\d %")
                os.truncate(file, MIB)
                said, url = self.result(client, 1)
                self.assertIn("the file was changed while it was sent", said)
                self.assertEqual(url, "")

    def test_what_will_not_change_ends_it(self):
        file = random_file(self.dir / "film.bin", 70 * MIB)
        small = self.server("small", extra=("--open", "--transcoders", "0", "--upload-max-bytes",
                                            "1000000"))
        said, _ = self.result(self.begin(file, small.url), 1)
        self.assertIn("413: an upload may hold at most 1000000 bytes", said)
        closed = self.server("closed", extra=("--transcoders", "0"))
        said, _ = self.result(self.begin(file, closed.url, "--token", "wrong"), 1)
        self.assertRegex(said, r"answered 401: .*--token")
        self.result(self.begin(file, closed.url, "--parallel", "0"), 2)

    def test_a_server_below_a_path(self):
        below = self.server("below", extra=("--open", "--transcoders", "0", "--base-path",
                                            "/media/films"))
        for name, size in (("small", MIB), ("in parts", 40 * MIB)):
            with self.subTest(file=name):
                file = random_file(self.dir / name, size)
                _, url = self.result(self.begin(file, below.url + "/"))
                self.assertEqual(url.rsplit("/", 1)[0], below.url + "/watch")
                self.expect_stored(url, file, below)
                gone = urllib.request.Request(url.replace("/watch/", "/api/v1/videos/"),
                                              method="DELETE")
                urllib.request.urlopen(gone).close()
        said, _ = self.result(self.begin(file, below.url.removesuffix("/media/films")), 1)
        self.assertIn("404: There is nothing at this path; This server is at /media/films/;", said)

    def refusing(self):
        fake = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
        self.addCleanup(fake.server_close)
        self.addCleanup(fake.shutdown)
        threading.Thread(target=fake.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{fake.server_port}"

    def test_a_redirect_is_told_and_not_followed(self):
        elsewhere = "https://example.org/media/files"
        Refusing.answers.append((301, {"Location": elsewhere}))
        file = random_file(self.dir / "film.bin", MIB)
        said, _ = self.result(self.begin(file, self.refusing()), 1)
        self.assertIn(f"301: Moved Permanently; it sends to {elsewhere}, so give --to", said)

    def test_retry_after_and_a_full_disk(self):
        url = self.refusing()
        file = random_file(self.dir / "film.bin", MIB)
        for status in (429, 503):
            Refusing.creations.clear()
            Refusing.answers.append((status, {"Retry-After": "2"}))
            said, _ = self.result(self.begin(file, url))
            self.assertIn(f"next try in 2 s: creating the upload: the server answered {status}",
                          said)
            self.assertGreater(Refusing.creations[1] - Refusing.creations[0], 1.9)
        Refusing.answers.append((507, {}))
        said, _ = self.result(self.begin(file, url), 1)
        self.assertIn("make room on the server and run the same command again", said)

    def test_on_a_terminal(self):
        file = random_file(self.dir / ("a film with a name that goes on and on and on" + ".bin"),
                           30 * MIB)
        mine, theirs = pty.openpty()
        client = self.begin(file, self.line(20 * MIB).url, stderr=theirs)
        os.close(theirs)
        text = b""
        try:
            while piece := os.read(mine, 65536):
                text += piece
        except OSError:  # The other side has closed.
            pass
        os.close(mine)
        client.communicate(timeout=60)
        lines = [line for line in text.decode().replace("\r\n", "").split("\r\x1b[K") if line]
        self.assertRegex(lines[0], r"  0 %  0 B of 30.0 MiB$")
        self.assertGreater(len(lines), 8)
        self.assertTrue(any(re.search(r"MiB/s  \d s left$", line) for line in lines), lines)
        self.assertFalse([line for line in lines if re.search(r" 0 B/s", line)])
        self.assertLessEqual(max(len(line) for line in lines), 80)
        self.assertRegex(lines[-1], r"100 %  30\.0 MiB  [\d.]+ MiB/s, \d+ s$")


if __name__ == "__main__":
    unittest.main()
