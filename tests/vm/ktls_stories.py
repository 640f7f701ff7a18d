"""Delivery over kernel TLS, in a guest whose kernel has it: tools/ktls_vm runs this there.

/proc/net/tls_stat tells that the kernel did it, OpenSSL at the other end that it was right."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import tls_test  # noqa: E402
from harness import BINARY, on_both_backends, run  # noqa: E402
from tls_test import free_of_trust  # noqa: E402

CONTENT = tls_test.SOURCE[:3_000_001]
SUITES = ((ssl.TLSVersion.TLSv1_3, None), (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"),
          (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384"),
          (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305"))
# Python has no call for the suites of 1.3: OpenSSL's own client takes them.
SUITES_1_3 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
REQUEST = b"GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"


def counted():
    """What the kernel says of its TLS."""
    with open("/proc/net/tls_stat", encoding="ascii") as text:
        return {name: int(value) for name, value in (line.split() for line in text)}


def has_cachestat():
    return tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2]) >= (6, 5)


class KernelTls(tls_test.Tls):
    def video(self, *extra):
        data = self.dir / f"{self.backend}-{len(list(self.dir.iterdir()))}"
        shutil.copytree("/data", data)
        server = self.server(data.name, self.backend, (
            "--tls-listen", "127.0.0.1:0", "--tls-self-signed", "--open", "--transcoders", "0",
            "--reactors", "1", *extra))
        self.segment = next((data / "processed").glob("*/360p/0.ts"))
        self.segment.write_bytes(CONTENT)
        return server

    @property
    def path(self):
        return "/v/" + "/".join(self.segment.parts[-3:])

    def metric(self, server, name):
        _, _, text = server.get("/metrics")
        found = re.search(rf"^streamforge_{name} (\d+)".encode(), text, re.MULTILINE)
        return int(found.group(1)) if found else 0

    def limited(self, version, ciphers=None):
        context = free_of_trust()
        context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
        return context

    def same(self, body, content=CONTENT):
        self.assertEqual(len(body), len(content))
        self.assertEqual(hashlib.sha256(body).hexdigest(), hashlib.sha256(content).hexdigest())

    @on_both_backends
    def test_segments_ranges_and_playlists_in_every_suite(self):
        server = self.video()
        playlist = (self.segment.parent / "index.m3u8")
        for version, ciphers in SUITES:
            before = counted()["TlsTxSw"]
            stream = self.connect(server, self.limited(version, ciphers))
            self.same(self.ask(server, "GET", self.path, stream=stream)[2])
            self.assertEqual(counted()["TlsTxSw"], before + 1, stream.cipher())
            for first, last in ((0, 0), (16383, 16384), (4095, 2_000_003), (3_000_000, 3_000_000)):
                status, fields, body = self.ask(server, "GET", self.path, stream=stream,
                                                Range=f"bytes={first}-{last}")
                self.assertEqual((status, fields["content-range"]),
                                 (206, f"bytes {first}-{last}/{len(CONTENT)}"))
                self.same(body, CONTENT[first:last + 1])
            status, _, body = self.ask(server, "GET", self.path.replace("0.ts", playlist.name),
                                       stream=stream)
            self.assertEqual((status, body[:7]), (200, b"#EXTM3U"))
            status, _, plain = server.get(self.path.replace("0.ts", playlist.name))
            self.assertEqual((status, body), (200, plain))
        self.assertEqual(self.metric(server, r'tls_kernel_connections_total\{reactor="0"\}'),
                         len(SUITES))

    @on_both_backends
    def test_every_suite_of_1_3(self):
        server = self.video()
        for suite in SUITES_1_3:
            before = counted()["TlsTxSw"]
            client = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port(server)}", "-tls1_3",
                 "-ciphersuites", suite, "-quiet", "-ign_eof"], capture_output=True, timeout=60,
                input=REQUEST % (self.path.encode(), b"Connection: close\r\n"), check=False)
            head, _, body = client.stdout.partition(b"\r\n\r\n")
            self.assertIn(b" 200 ", head, client.stderr)
            self.same(body)
            self.assertEqual(counted()["TlsTxSw"], before + 1, suite)

    @on_both_backends
    def test_files_leave_by_sendfile_where_the_kernel_tells_what_is_in_memory(self):
        server = self.video()
        name = r'io_file_sent_bytes_total\{reactor="0",from="memory"\}'
        before = self.metric(server, name)
        stream = self.connect(server)
        for _ in range(3):
            self.same(self.ask(server, "GET", self.path, stream=stream)[2])
        if has_cachestat():
            self.assertGreaterEqual(self.metric(server, name) - before, 3 * len(CONTENT))
        self.assertEqual(self.metric(server, r'io_zero_copy_bytes_total\{reactor="0"\}'), 0)

    @on_both_backends
    def test_many_requests_one_behind_the_other_and_pipelined(self):
        server = self.video()
        stream = self.connect(server)
        for number in range(300):
            first = number * 9_973
            status, _, body = self.ask(server, "GET", self.path, stream=stream,
                                       Range=f"bytes={first}-{first + number}")
            self.assertEqual((status, body), (206, CONTENT[first:first + number + 1]))
        stream.sendall(REQUEST % (b"/healthz", b"") * 50)
        text = b""
        while text.count(b'{"status":"ok"}') < 50:
            text += stream.recv(65536)
        self.assertEqual(text.count(b"HTTP/1.1 200"), 50)

    @on_both_backends
    def test_a_session_is_resumed(self):
        server = self.video()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.limited(version)
            first = self.connect(server, context)
            self.same(self.ask(server, "GET", self.path, stream=first)[2])
            again = self.connect(server, context, session=first.session)
            self.assertTrue(again.session_reused)
            self.same(self.ask(server, "GET", self.path, stream=again)[2])

    @on_both_backends
    def test_an_upload_is_received(self):
        server = self.video("--source-sha256", "false")
        body = tls_test.SOURCE[:2_500_000]
        before = counted()["TlsTxSw"]
        stream = self.connect(server)
        status, fields, _ = self.ask(server, "POST", "/files", stream=stream,
                                     Tus_Resumable="1.0.0", Upload_Length=len(body),
                                     Upload_Metadata="filename YS5tcDQ=")
        self.assertEqual(status, 201)
        status, fields, _ = self.ask(server, "PATCH", fields["location"], body, stream=stream,
                                     Tus_Resumable="1.0.0", Upload_Offset=0,
                                     Content_Type="application/offset+octet-stream")
        self.assertEqual((status, int(fields["upload-offset"])), (204, len(body)))
        self.assertEqual(counted()["TlsTxSw"], before + 1)
        found = [hashlib.sha256(file.read_bytes()).digest()
                 for file in (server.data / "raw").rglob("*") if file.is_file()]
        self.assertIn(hashlib.sha256(body).digest(), found)

    def read_slowly(self, stream, pause):
        text = b""
        while piece := stream.recv(16384):
            text += piece
            if len(text) % (1 << 18) < 16384:
                time.sleep(pause)
        return text.partition(b"\r\n\r\n")

    @on_both_backends
    def test_slow_readers_get_all_and_the_end_is_signed(self):
        # A missing close_notify raises SSLEOFError.
        server = self.video()
        for pause in (0, 0.2):
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.settimeout(120)
            plain.connect(("127.0.0.1", self.port(server)))
            stream = self.connect(server, plain=plain)
            stream.sendall(REQUEST % (self.path.encode(), b"Connection: close\r\n"))
            time.sleep(5 * pause)
            head, _, body = self.read_slowly(stream, pause)
            self.assertIn(b" 200 ", head)
            self.same(body)

    @on_both_backends
    def test_who_leaves_in_the_middle_leaves_nothing(self):
        server = self.video()
        self.ask(server, "GET", self.path)
        baseline, in_kernel = self.descriptors(server), counted()["TlsCurrTxSw"]
        for number in range(60):
            stream = self.connect(server)
            stream.sendall(REQUEST % (self.path.encode(), b""))
            stream.recv(1000)
            if number % 2:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()
        self.until(lambda: self.descriptors(server) <= baseline + 2, 30)
        self.until(lambda: counted()["TlsCurrTxSw"] <= in_kernel, 30)
        self.same(self.ask(server, "GET", self.path)[2])
        self.assertEqual(server.stop(), 0)

    @on_both_backends
    def test_http2(self):
        server = self.video()
        before = counted()["TlsTxSw"]
        said = run("curl", "--insecure", "--http2", "--silent", "--show-error", "--output",
                   self.dir / "got", "--write-out", "%{http_version} %{http_code}",
                   f"https://127.0.0.1:{self.port(server)}{self.path}", timeout=60)
        self.assertEqual(said.stdout, "2 200", said.stderr)
        self.same((self.dir / "got").read_bytes())
        self.assertEqual(counted()["TlsTxSw"], before + 1)

    @on_both_backends
    def test_who_wants_new_keys_is_left(self):
        server = self.video()
        with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port(server)}",
                               "-tls1_3", "-crlf"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as client:
            time.sleep(2)
            client.stdin.write(b"K\n")
            client.stdin.flush()
            self.assertIn(b"KEYUPDATE", client.stdout.read())  # To its end, which comes.
            client.wait(30)
        self.same(self.ask(server, "GET", self.path)[2])

    @on_both_backends
    def test_off_is_off(self):
        before = counted()["TlsTxSw"]
        server = self.video("--ktls", "off")
        self.same(self.ask(server, "GET", self.path)[2])
        self.assertEqual(counted()["TlsTxSw"], before)
        self.assertIn("encrypting in the process kernel_could=true", server.log())

    def test_it_is_said(self):
        self.backend = "epoll"
        self.assertIn("encrypting in the kernel kernel_could=true", self.video().log())
        self.assertRegex(run(BINARY, "doctor", "--data", self.dir).stdout,
                         r"ok +tls +OpenSSL 3.*encrypted by the kernel \(kTLS\)")


class KernelTlsErrors(unittest.TestCase):
    def test_there_was_none(self):
        found = counted()
        print(json.dumps(found), file=sys.stderr)
        self.assertEqual([name for name, count in found.items() if "Error" in name and count], [])


def load_tests(loader, own, _):
    """Ours, and those of tls_test which say nothing about who encrypts."""
    for name in ("Handshakes.test_a_session_is_resumed_on_any_reactor",
                 "Handshakes.test_alpn",
                 "Handshakes.test_certificates_are_read_again",
                 "Faults.test_plain_http_is_told_in_plain_words",
                 "Faults.test_an_end_is_signed_on_both_sides",
                 "Faults.test_who_has_said_all_still_gets_the_answer",
                 "Traffic.test_an_upload_that_is_cut_goes_on",
                 "Traffic.test_pipelined_requests_in_records_of_any_size"):
        own.addTests(loader.loadTestsFromName(name, tls_test))
    return own


if __name__ == "__main__":
    unittest.main()
