"""Uploads that go wrong: clients that leave, a server that dies, a full and a read-only disk."""

import contextlib
import os
import random
import socket
import struct
import subprocess
import threading
import time
import unittest

from harness import BINARY, Story, run
from tus_wire import ask, connect, create, noise, patch, patch_head, read_answer

BACKENDS = ("uring", "epoll")
KILLS = 25


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

    def test_what_was_answered_survives(self):
        seed = random.SystemRandom().randrange(1 << 32)
        print(f"seed {seed}")
        for backend in BACKENDS:
            with self.subTest(backend=backend, seed=seed):
                self.kill_again_and_again(backend, random.Random(seed))

    def kill_again_and_again(self, backend, dice):
        server = self.server(f"data-{backend}", backend,
                             ("--open", "--transcoders", "0", "--source-sha256", "false"))
        size = 8_000_000
        uploads = [{"path": create(server, size), "source": noise(size, n), "told": 0}
                   for n in range(4)]
        for _ in range(KILLS):
            writers = [threading.Thread(target=self.write, args=(server, upload, dice.random()))
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
        for upload in uploads:
            rest = patch(server, upload["path"], upload["told"],
                         upload["source"][upload["told"]:])
            self.assertEqual(rest.status, 204)
            self.assertTrue(ask(server, "GET", upload["path"]).body == upload["source"])
        self.assertEqual(server.stop(), 0)

    @staticmethod
    def write(server, upload, luck):
        """PATCHes of some sizes until the server dies or little is left."""
        dice = random.Random(luck)
        while upload["told"] < len(upload["source"]) - 300_000:
            count = dice.choice((1, 100, 4_096, 30_001, 250_000))
            try:
                answer = patch(server, upload["path"], upload["told"],
                               upload["source"][upload["told"]:upload["told"] + count])
            except OSError:
                return
            if answer is None or answer.status != 204:
                return
            upload["told"] = answer.offset


class Disk(Story):
    """On a filesystem of its own. Mounting takes root, or sudo."""

    @contextlib.contextmanager
    def mounted(self, options):
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        folder = self.dir / "disk"
        folder.mkdir()
        subprocess.run([*sudo, "mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*sudo, "umount", "--lazy", folder], check=True)

    def test_full_in_the_middle_is_507_and_goes_on_when_there_is_space(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                self.fill_the_disk(backend)

    def fill_the_disk(self, backend):
        with self.mounted("size=160m,mode=0777") as folder:
            server = self.server(f"disk/data-{backend}", backend, ("--open", "--transcoders", "0"))
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
        (self.dir / "disk").rmdir()

    def test_a_read_only_one_is_refused_in_one_line(self):
        with self.mounted("size=1m,ro") as folder:
            tried = run(BINARY, "serve", "--data", folder / "data", "--listen", "127.0.0.1:0")
            self.assertEqual(tried.returncode, 1)
            self.assertEqual(len(tried.stderr.strip().splitlines()), 1, tried.stderr)
            self.assertIn("Read-only", tried.stderr)


if __name__ == "__main__":
    unittest.main()
