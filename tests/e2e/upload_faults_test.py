"""Uploads that go wrong: clients that leave, a server that dies, a full and a read-only disk."""

import contextlib
import hashlib
import itertools
import os
import pathlib
import random
import socket
import struct
import subprocess
import threading
import time
import unittest
import urllib.parse

from harness import BACKENDS, BINARY, Story, run
from tus_wire import ask, connect, create, create_part, noise, patch, patch_head, read_answer

WAYS = [(backend, way) for backend in BACKENDS for way in ("auto", "splice")]
KILLS = 25
QUIET = ("--open", "--transcoders", "0", "--source-sha256", "false")


def reset(connection):
    """Closes with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class ClientGone(Story):
    def test_at_every_byte_of_a_small_upload(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                server = self.server(f"data-{backend}", backend)
                source = noise(150)
                request = patch_head("/files/" + "0" * 26, 0, len(source)) + source
                for cut in range(len(request) + 1):
                    self.leave_after(server, source, cut)
                self.assertEqual(server.stop(), 0)

    def test_in_the_middle_of_a_larger_one(self):
        seed = random.SystemRandom().randrange(1 << 32)
        print(f"seed {seed}")
        for backend, way in WAYS:
            with self.subTest(backend=backend, way=way, seed=seed):
                dice = random.Random(seed)
                server = self.server(f"data-{backend}-{way}", backend,
                                     (*QUIET, "--upload-io", way))
                source = noise(400_000)
                for _ in range(40):
                    self.leave_after(server, source, dice.randrange(len(source)))
                self.assertEqual(server.stop(), 0)

    def leave_after(self, server, source, cut):
        path = create(server, len(source))
        request = patch_head(path, 0, len(source)) + source
        connection = connect(server)
        connection.sendall(request[:cut])
        (reset if cut % 2 else socket.socket.close)(connection)
        sent = max(0, cut - (len(request) - len(source)))
        # Whole, the request may still be on its way; else what arrived is kept, and no more.
        head = ask(server, "HEAD", path)
        self.assertEqual(head.status, 200, f"cut at {cut}")
        self.assertLessEqual(head.offset, sent, f"cut at {cut}")
        rest = patch(server, path, head.offset, source[head.offset:])
        if rest.status == 409:  # The whole one was read only after HEAD.
            rest = patch(server, path, rest.offset, source[rest.offset:])
        self.assertEqual(rest.status, 204, f"cut at {cut}: {rest.body}")
        self.assertEqual(ask(server, "GET", path).body, source, f"cut at {cut}")


class Killed(Story):
    """kill -9 at random moments: what an answer said is there afterwards."""

    def on_all_ways(self, story):
        seed = random.SystemRandom().randrange(1 << 32)
        print(f"seed {seed}")
        for backend, way in WAYS:
            with self.subTest(backend=backend, way=way, seed=seed):
                server = self.server(f"data-{backend}-{way}", backend,
                                     (*QUIET, "--upload-io", way))
                story(server, random.Random(seed))
                self.assertEqual(server.stop(), 0)

    def test_what_was_answered_survives(self):
        self.on_all_ways(self.kill_again_and_again)

    def kill_again_and_again(self, server, dice):
        size = 8_000_000
        uploads = [{"path": create(server, size), "source": noise(size, n), "told": 0}
                   for n in range(4)]
        for _ in range(KILLS):
            self.kill_among(server, uploads, dice, leave=300_000)
        for upload in uploads:
            rest = patch(server, upload["path"], upload["told"],
                         upload["source"][upload["told"]:])
            self.assertEqual(rest.status, 204)
            self.assertTrue(ask(server, "GET", upload["path"]).body == upload["source"])

    def test_parts_of_one_group_survive(self):
        self.on_all_ways(self.kill_a_group)

    def kill_a_group(self, server, dice):
        source = noise(6_000_000, dice.random())
        # One border between blocks, the others within one that two parts share.
        borders = [0, *sorted((1 << 20, dice.randrange(1 << 21, 3 << 20),
                               dice.randrange(3 << 20, 5 << 20))), len(source)]
        parts = [{"path": create_part(server, f"g{len(source)}", at, end, len(source)),
                  "source": source[at:end], "told": 0}
                 for at, end in itertools.pairwise(borders)]
        rounds = 0
        while any(part["told"] < len(part["source"]) for part in parts):
            rounds += 1
            self.assertLess(rounds, 40 * KILLS, "no end in sight")
            self.kill_among(server, parts, dice)
        urls = "final;" + " ".join(part["path"] for part in parts)
        for _ in range(5):  # Its answer may be lost, too.
            joiner = threading.Thread(target=self.join, args=(server, urls))
            joiner.start()
            time.sleep(dice.random() * 0.02)
            server.kill()
            joiner.join()
            server.start()
        answer = ask(server, "POST", "/files", Upload_Concat=urls)
        self.assertEqual(answer.status, 201, answer.body)
        whole = urllib.parse.urlsplit(answer.fields["location"]).path
        stored = ask(server, "GET", whole).body
        self.assertEqual(hashlib.sha256(stored).digest(), hashlib.sha256(source).digest())
        self.assertEqual(list((server.data / "temp").iterdir()), [])

    @staticmethod
    def join(server, urls):
        with contextlib.suppress(OSError):
            ask(server, "POST", "/files", Upload_Concat=urls)

    def kill_among(self, server, uploads, dice, leave=0):
        """All of them write at once; the server dies in the middle and is asked afterwards."""
        writers = [threading.Thread(target=self.write, args=(server, upload, dice.random(), leave))
                   for upload in uploads]
        for writer in writers:
            writer.start()
        time.sleep(dice.random() * 0.15)
        server.kill()
        for writer in writers:
            writer.join()
        server.start()
        for upload in uploads:
            head = ask(server, "HEAD", upload["path"])
            self.assertEqual(head.status, 200)
            self.assertGreaterEqual(head.offset, upload["told"], "an offset went back")
            upload["told"] = head.offset

    @staticmethod
    def write(server, upload, luck, leave):
        """PATCHes of some sizes until the server dies or no more than `leave` bytes are left."""
        dice = random.Random(luck)
        while upload["told"] < len(upload["source"]) - leave:
            count = dice.choice((1, 100, 4_096, 30_001, 250_000))
            try:
                answer = patch(server, upload["path"], upload["told"],
                               upload["source"][upload["told"]:upload["told"] + count])
            except OSError:
                return
            if answer is None or answer.status != 204:
                return
            upload["told"] = answer.offset


class Slow(Story):
    """X7: a proxy lets so much through in a second, and dies."""

    BYTES_PER_SECOND = 5_000_000
    SECONDS = 5

    def test_what_came_through_a_slow_proxy_is_kept_when_it_dies(self):
        for backend, way in WAYS:
            with self.subTest(backend=backend, way=way):
                server = self.server(f"data-{backend}-{way}", backend,
                                     (*QUIET, "--upload-io", way))
                source = noise(100_000_000)
                path = create(server, len(source))
                passed = self.pass_on(server, path, source)
                head = ask(server, "HEAD", path)
                self.assertEqual(head.status, 200)
                self.assertLessEqual(head.offset, passed)
                self.assertGreaterEqual(head.offset, passed - (1 << 20), "held back, not streamed")
                rest = patch(server, path, head.offset, source[head.offset:])
                self.assertEqual(rest.status, 204, rest.body)
                self.assertTrue(ask(server, "GET", path).body == source)
                self.assertEqual(server.stop(), 0)

    def pass_on(self, server, path, source):
        """What the proxy does; gives how much of the body it passed on."""
        step, sent = self.BYTES_PER_SECOND // 50, 0
        with connect(server) as connection:
            connection.sendall(patch_head(path, 0, len(source)))
            begun = time.monotonic()
            while (passed := time.monotonic() - begun) < self.SECONDS:
                if sent < passed * self.BYTES_PER_SECOND:
                    connection.sendall(source[sent:sent + step])
                    sent += step
                time.sleep(0.001)
            durable = server.video(path.rsplit("/", 1)[-1])["source"]["received_bytes"]
        self.assertGreaterEqual(durable, sent - 2 * self.BYTES_PER_SECOND, "not while it ran")
        self.assertGreater(sent, 0.8 * self.BYTES_PER_SECOND * self.SECONDS)
        return sent


class Disk(Story):
    """On a filesystem of its own. Mounting takes root, or sudo."""

    @staticmethod
    def as_root(*argv):
        subprocess.run([*([] if os.geteuid() == 0 else ["sudo"]), *argv], check=True)

    @contextlib.contextmanager
    def mounted(self, options, kind="tmpfs", device="tmpfs"):
        folder = self.dir / "disk"
        folder.mkdir(exist_ok=True)
        self.as_root("mount", "-t", kind, "-o", options, device, folder)
        try:
            yield folder
        finally:
            self.as_root("umount", "--lazy", folder)

    def test_full_in_the_middle_is_507_and_goes_on_when_there_is_space(self):
        for backend, way in WAYS:
            with self.subTest(backend=backend, way=way):
                self.fill_the_disk(backend, way)

    def fill_the_disk(self, backend, way):
        with self.mounted("size=160m,mode=0777") as folder:
            server = self.server("disk/data", backend,
                                 ("--open", "--transcoders", "0", "--upload-io", way))
            source = noise(100_000_000)
            path = create(server)  # Of unknown length, so that no space is reserved.
            with open(folder / "filler", "wb") as filler:
                os.posix_fallocate(filler.fileno(), 0, 110 << 20)
            answer = patch(server, path, 0, source)
            self.assertEqual(answer.status, 507, answer.body)
            head = ask(server, "HEAD", path)
            self.assertEqual(head.status, 200)
            self.assertLess(head.offset, len(source))
            self.assertEqual(patch(server, path, head.offset, source[head.offset:]).status, 507)
            (folder / "filler").unlink()
            offset = ask(server, "HEAD", path).offset
            self.assertGreaterEqual(offset, head.offset)
            end = time.monotonic() + 30
            while True:  # The catalogue opens itself again with the next change.
                answer = patch(server, path, offset, source[offset:], Upload_Length=len(source))
                if answer.status == 204 or time.monotonic() > end:
                    break
                offset = ask(server, "HEAD", path).offset
            self.assertEqual(answer.status, 204, answer.body)
            self.assertTrue(ask(server, "GET", path).body == source)
            self.assertEqual(server.stop(), 0)

    @unittest.skipUnless(pathlib.Path("/dev/loop-control").exists(), "no loop devices here")
    def test_turns_read_only_under_an_upload_that_goes_on_once_it_is_repaired(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                self.break_the_disk(backend)

    def break_the_disk(self, backend):
        image = self.dir / f"image-{backend}"
        with open(image, "wb") as file:
            file.truncate(256 << 20)
        subprocess.run(["/sbin/mkfs.ext4", "-q", "-E", "root_owner", image], check=True)
        source = noise(40_000_000)
        with self.mounted("loop", "ext4", image) as folder:
            server = self.server(f"disk/data-{backend}", backend, ("--open", "--transcoders", "0"))
            path = create(server, len(source))
            told = patch(server, path, 0, source[:5_000_000]).offset
            with connect(server) as connection:
                connection.sendall(patch_head(path, told, len(source) - told))
                connection.sendall(source[told:20_000_000])
                # What ext4 does after an error, open files and all; a plain "ro" would be refused.
                self.as_root("mount", "-o", "remount,abort", folder)
                with contextlib.suppress(ConnectionError):
                    connection.sendall(source[20_000_000:])
                answer = read_answer(connection)
            again = patch(server, path, answer.offset, source[answer.offset:])
            for refused in (answer, again):
                self.assertEqual(refused.status, 500, refused.body)
                self.assertIn(b'"code":"disk_failed"', refused.body)
            self.assertEqual(ask(server, "POST", "/files", Upload_Length=5).status, 500)
            self.assertEqual(server.get("/healthz")[0], 200)
            self.assertEqual(server.get("/readyz")[0], 503)
            head = ask(server, "HEAD", path)
            self.assertEqual((head.status, head.offset), (200, answer.offset))
            self.assertGreaterEqual(head.offset, told)
            self.assertLess(head.offset, len(source))
            self.assertEqual(server.stop(), 0)
        with self.mounted("loop", "ext4", image):
            server.start()
            self.assertEqual(ask(server, "HEAD", path).offset, head.offset)
            rest = patch(server, path, head.offset, source[head.offset:])
            self.assertEqual(rest.status, 204, rest.body)
            self.assertTrue(ask(server, "GET", path).body == source)
            self.assertEqual(server.stop(), 0)

    def test_a_read_only_one_is_refused_in_one_line(self):
        with self.mounted("size=1m,ro") as folder:
            tried = run(BINARY, "serve", "--data", folder / "data", "--listen", "127.0.0.1:0")
            self.assertEqual(tried.returncode, 1)
            self.assertEqual(len(tried.stderr.strip().splitlines()), 1, tried.stderr)
            self.assertIn("Read-only", tried.stderr)


if __name__ == "__main__":
    unittest.main()
