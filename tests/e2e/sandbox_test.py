"""What hostile files name is neither opened nor asked: strace sees every process of ours."""

import re
import socket
import unittest
import zipfile

from harness import BINARY, Story, run


class Hostile(Story):
    def test_no_file_and_no_address_is_touched(self):
        secret = self.dir / "secret.txt"
        secret.write_text("nobody reads this")
        trap = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(trap.close)
        trap.settimeout(0.01)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/bait.ts"
        texts = {
            "playlist.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:4,\n{secret}\n"
                            f"#EXTINF:4,\n{url}\n#EXT-X-ENDLIST\n",
            "concat.mp4": f"ffconcat version 1.0\nfile '{secret}'\nfile '{url}'\n",
            "picture.mp4": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{secret}"/>'
                           f'<image href="{url}"/></svg>',
            "session.mp4": f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 9 RTP/AVP 96\na={url}\n",
            "script.mp4": f"#!/bin/sh\ncat {secret}\n",
        }
        files = [self.dir / name for name in texts]
        for file in files:
            file.write_text(texts[file.name])
        archive = self.dir / "archive.mp4"
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("film.m3u8", texts["playlist.mp4"])
        for file in [*files, archive]:
            with self.subTest(file.name):
                trace = self.dir / "trace"
                done = run("strace", "-f", "-qq", "-e", "trace=%file,%network,execve", "-o", trace,
                           BINARY, "probe", file, timeout=60)
                self.assertEqual(done.returncode, 1, done.stdout)
                self.assertRegex(done.stderr, "This file is not a video")
                calls = trace.read_text(errors="replace")
                self.assertIn(file.name, calls, "strace saw nothing")
                self.assertNotIn("secret.txt", calls)
                self.assertNotRegex(calls, r"AF_INET6?\b")
                started = re.findall(r'execve\("([^"]+)"', calls)
                self.assertTrue(all("streamforge" in path or path == "/proc/self/exe"
                                    for path in started), started)
                with self.assertRaises(TimeoutError):
                    trap.accept()


if __name__ == "__main__":
    unittest.main()
