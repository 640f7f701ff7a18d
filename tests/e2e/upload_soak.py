"""Thousands of clients that leave in the middle, a million that only ask: nothing leaks."""

import concurrent.futures
import os
import pathlib
import random
import re
import time
import unittest

from harness import Story
from tus_wire import connect, create, head_of, noise, patch_head
from upload_faults_test import reset

ABORTED = 10_000
ASKED = 1_000_000
PIPELINED = 50
END = b"\r\n\r\n"
SOURCE = noise(50_000)


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def rss_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+)", status).group(1)) * 1024


def leave(server, path, seed):
    dice = random.Random(seed)
    request = patch_head(path, 0, len(SOURCE) + 1) + SOURCE
    connection = connect(server)
    try:
        connection.sendall(request[:dice.randrange(len(request))])
    except ConnectionError:
        pass  # Refused early: the offset is past this by now.
    if dice.random() < 0.5:
        reset(connection)
    else:
        connection.close()


class Leaks(Story):
    def test_ten_thousand_aborted_connections(self):
        for backend in ("uring", "epoll"):
            with self.subTest(backend=backend):
                server = self.server(f"data-{backend}", backend)
                paths = [create(server, len(SOURCE) + 1) for _ in range(64)]
                with concurrent.futures.ThreadPoolExecutor(16) as pool:
                    list(pool.map(lambda n: leave(server, paths[n % 64], n), range(500)))
                    self.settle(server, 0)
                    before = descriptors(server)
                    list(pool.map(lambda n: leave(server, paths[n % 64], n), range(ABORTED)))
                self.settle(server, before)
                self.assertLessEqual(descriptors(server), before + 2)
                self.assertEqual(server.stop(), 0)

    @staticmethod
    def settle(server, target):
        """Until the number of descriptors is at the target, or has stopped falling."""
        last, since = None, time.monotonic()
        while time.monotonic() - since < 3:
            now = descriptors(server)
            if now <= target:
                return
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(0.1)

    def test_a_million_options(self):
        server = self.server()
        batch = head_of("OPTIONS", "/files") * PIPELINED
        with connect(server) as connection:
            def ask_all(rounds):
                for _ in range(rounds):
                    connection.sendall(batch)
                    got = b""
                    while got.count(b"HTTP/1.1 204") < PIPELINED or not got.endswith(END):
                        got += connection.recv(1 << 16)

            ask_all(ASKED // PIPELINED // 10)
            before = rss_bytes(server)
            ask_all(ASKED // PIPELINED)
            self.assertLess(rss_bytes(server) - before, 4 << 20)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
