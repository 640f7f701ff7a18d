"""Stock tus clients against the real server: what they upload is what arrives, cut or not."""

import hashlib
import json
import os
import pathlib
import shutil
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from cutting_proxy import CuttingProxy
from harness import ROOT, Server, run

CLIENTS = ROOT / "tests/e2e/tus"
# Debian's, for which Debian's package of tuspy is; another may be first on the path.
INTERPRETERS = {".mjs": "node", ".py": "/usr/bin/python3"}
BYTES = int(os.environ.get("SF_TUS_BYTES", str(32 << 20)))
RSS_BYTES_MAX = 150 << 20


def install_clients():
    wanted = json.loads((CLIENTS / "package.json").read_text())["dependencies"]
    if not all((CLIENTS / "node_modules" / name).is_dir() for name in wanted):
        done = run("npm", "ci", "--no-audit", "--no-fund", cwd=CLIENTS, timeout=300)
        if done.returncode != 0:
            raise RuntimeError(f"npm ci failed: {done.stderr}")


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class TusClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install_clients()
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="streamforge-tus-"))
        cls.file = cls.work / "clip.mp4"
        with open(cls.file, "wb") as out:
            for _ in range(BYTES >> 20):
                out.write(os.urandom(1 << 20))
            out.write(b"an odd end")
        cls.digest = digest_of(cls.file)
        cls.servers = [Server(cls.work / f"data-{backend}", backend,
                              ["--open", "--transcoders", "0", "--reactors", "2"]).start()
                       for backend in ("uring", "epoll")]

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            server.stop()
        shutil.rmtree(cls.work)

    def run_client(self, url, *flags, script="upload.mjs"):
        script = CLIENTS / script
        return run(INTERPRETERS[script.suffix], script, "--url", f"{url}/files", "--file",
                   self.file, *flags, timeout=120)

    def outcome_of(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def expect_stored(self, server, location):
        """The file behind `location`, as soon as its parts are joined, is ours."""
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{server.url}{location}") as answer:
                    got = hashlib.sha256()
                    while piece := answer.read(1 << 20):
                        got.update(piece)
                self.assertEqual(got.hexdigest(), self.digest)
                return
            except urllib.error.HTTPError as error:
                if error.code != 404 or time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def story(self, *flags, script="upload.mjs"):
        for server in self.servers:
            with self.subTest(backend=server.backend):
                done = self.run_client(server.url, *flags, script=script)
                self.expect_stored(server, self.outcome_of(done)["location"])

    def cut_story(self, *flags, script="upload.mjs"):
        """The connection breaks at 60 %, and the client goes on from what has arrived."""
        for server in self.servers:
            with (self.subTest(backend=server.backend),
                  CuttingProxy(server.url, BYTES * 0.6) as proxy):
                outcome = self.outcome_of(self.run_client(proxy.url, *flags, script=script))
                self.assertEqual(proxy.cuts, 1)
                self.expect_resumed(server, outcome)

    def expect_resumed(self, server, outcome):
        self.assertGreater(outcome["offset_at_resume"], 0)
        self.assertLess(outcome["offset_at_resume"], BYTES)
        self.expect_stored(server, outcome["location"])

    def test_plain(self):
        self.story()

    def test_cut(self):
        self.cut_story()

    def test_chunked_with_override_and_creation_with_upload(self):
        self.story("--chunk-bytes", "5000000", "--override", "--with-creation")

    def test_deferred_length(self):
        self.story("--deferred")

    def test_three_parallel_parts(self):
        self.story("--parallel", "3")

    def test_ietf_drafts(self):
        """Interop versions 5 and 6, by the option of tus-js-client."""
        for protocol in ("ietf-draft-03", "ietf-draft-05"):
            self.story("--protocol", protocol)
            self.story("--protocol", protocol, "--chunk-bytes", "5000000", "--with-creation")
            self.cut_story("--protocol", protocol)

    def test_uppy(self):
        self.story(script="uppy.mjs")

    def test_uppy_cut(self):
        self.cut_story(script="uppy.mjs")

    def test_tuspy(self):
        self.story(script="tuspy.py")
        self.story("--asynchronous", script="tuspy.py")

    def test_tuspy_in_chunks_with_their_digests(self):
        self.story("--chunk-bytes", "5000000", "--checksum", script="tuspy.py")

    def test_tuspy_cut_and_run_again(self):
        for server in self.servers:
            with (self.subTest(backend=server.backend),
                  CuttingProxy(server.url, BYTES * 0.6) as proxy):
                again = ["--store", self.work / f"tuspy-{server.backend}.json"]
                first = self.run_client(proxy.url, *again, script="tuspy.py")
                self.assertIn("TusUploadFailed", first.stderr)
                self.assertEqual(proxy.cuts, 1)
                second = self.run_client(proxy.url, *again, script="tuspy.py")
                self.expect_resumed(server, self.outcome_of(second))

    def test_ietf_in_one_request_of_curl(self):
        """An optimistic creation: 104s on the way, the video's address at the end."""
        for server in self.servers:
            with self.subTest(backend=server.backend):
                sent = run("curl", "--silent", "--show-error", "--fail", "--include",
                           "--header", "Upload-Complete: ?1",
                           "--header", "Upload-Draft-Interop-Version: 8",
                           "--header", "Content-Type: video/mp4", "--request", "POST",
                           "--upload-file", self.file, f"{server.url}/files")
                self.assertEqual(sent.returncode, 0, sent.stderr)
                heads = [head.split("\n") for head in sent.stdout.replace("\r", "").split("\n\n")]
                self.assertIn("104", heads[0][0])
                locations = {line.split(": ")[1] for head in heads for line in head
                             if line.startswith("Location: ")}
                self.assertEqual(len(locations), 1)
                self.expect_stored(server, locations.pop())

    def test_curl(self):
        for server in self.servers:
            with self.subTest(backend=server.backend):
                common = ["curl", "--silent", "--show-error", "--fail", "--header",
                          "Tus-Resumable: 1.0.0", "--output", "/dev/null"]
                made = run(*common, "--request", "POST", "--header",
                           f"Upload-Length: {self.file.stat().st_size}", "--write-out",
                           "%header{location}", f"{server.url}/files")
                location = made.stdout
                # -T sends chunked without a length of its own when it reads from a pipe.
                with open(self.file, "rb") as source:
                    sent = run(*common, "--request", "PATCH", "--header", "Upload-Offset: 0",
                               "--header", "Content-Type: application/offset+octet-stream",
                               "--upload-file", "-", f"{server.url}{location}", stdin=source)
                self.assertEqual(sent.returncode, 0, sent.stderr)
                self.expect_stored(server, location)

    def test_memory_stays_flat(self):
        for server in self.servers:
            status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
            rss = int(status.split("VmHWM:")[1].split()[0]) * 1024
            self.assertLess(rss, RSS_BYTES_MAX)


if __name__ == "__main__":
    unittest.main()
