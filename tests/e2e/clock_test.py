"""The wall clock is set back while uploads are under way: none of them expires or fails."""

import email.utils
import os
import pathlib
import time
import unittest
from unittest import mock

from harness import BACKENDS, Story
from tus_wire import ask, connect, create, noise, patch, patch_head

LIBRARIES = list(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
SOURCE = noise(12_000_000)


@unittest.skipUnless(LIBRARIES, "libfaketime is not installed")
class ClockSetBack(Story):
    def setUp(self):
        super().setUp()
        self.clock = self.dir / "clock"
        self.set_clock("+0")
        self.enterContext(mock.patch.dict(os.environ, {
            "FAKETIME_TIMESTAMP_FILE": str(self.clock), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}))

    def set_clock(self, offset):
        new = self.clock.with_suffix(".new")
        new.write_text(offset)
        new.rename(self.clock)  # The server reads it at every look at the clock.

    def faked(self, server_of, *arguments):
        """What is started in here lives by our clock; this process does not."""
        with mock.patch.dict(os.environ, {"LD_PRELOAD": str(LIBRARIES[0])}):
            return server_of(*arguments)

    def assert_set_back(self, answer):
        told = email.utils.parsedate_to_datetime(answer.fields["date"]).timestamp()
        self.assertLess(told, time.time() - 29 * 86400, "the server does not live by our clock")

    def test_by_a_month(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                self.set_clock("+0")
                server = self.faked(self.server, backend, backend, ("--open", "--transcoders", "0"))
                self.set_back_under(server)

    def set_back_under(self, server):
        resting = create(server, len(SOURCE))
        self.assertEqual(patch(server, resting, 0, SOURCE[:1_000]).status, 204)
        running = create(server, len(SOURCE))
        with connect(server) as connection:
            connection.sendall(patch_head(running, 0, len(SOURCE)) + SOURCE[:4_000_000])
            self.set_clock("-30d")
            connection.sendall(SOURCE[4_000_000:8_000_000])
            time.sleep(0.1)
        for path in (resting, running):
            head = ask(server, "HEAD", path)
            self.assertEqual(head.status, 200)
            self.assert_set_back(head)
            answer = patch(server, path, head.offset, SOURCE[head.offset:-1_000])
            self.assertEqual(answer.status, 204, answer.body)
        self.set_clock("+0")
        for path in (resting, running):
            self.assertEqual(ask(server, "HEAD", path).status, 200, "expired by a wrong clock")
        self.set_clock("-30d")
        server.kill()
        self.faked(server.start)
        for path in (resting, running):
            head = ask(server, "HEAD", path)
            self.assertEqual((head.status, head.offset), (200, len(SOURCE) - 1_000))
            self.assertEqual(patch(server, path, head.offset, SOURCE[-1_000:]).status, 204)
            self.assertTrue(ask(server, "GET", path).body == SOURCE)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
