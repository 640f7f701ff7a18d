"""TLS over real sockets, on both I/O backends: Python's ssl and OpenSSL's s_client as the peers."""

import base64
import hashlib
import json
import os
import pathlib
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import time
import unittest

from harness import BINARY, Story, make_clip, on_both_backends, run

TLS_UNSENT_MAX = 1 << 20  # In the kernel, of one connection.
HEAD_SECONDS = 10  # From the first byte of a head, or of a handshake, to its last.
SOURCE = b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(160_000))  # 5 MB


def free_of_trust():
    """A client that takes any certificate and says what it got."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def read_answer(stream):
    """(status, fields by lower-case name, body) of one answer with a Content-Length."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = stream.recv(65536)
        if not piece:
            raise ConnectionError(f"closed inside a head: {head!r}")
        head += piece
    head, _, body = head.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = {name.lower(): value for name, value in
              (line.split(": ", 1) for line in lines[1:])}
    while len(body) < int(fields.get("content-length", 0)):
        piece = stream.recv(65536)
        if not piece:
            raise ConnectionError(f"closed after {len(body)} bytes of a body")
        body += piece
    return int(lines[0].split()[1]), fields, body


class Tls(Story):
    def serve(self, *extra, certificate=None, open_to_all=True, name=None):
        chosen = certificate or ("--tls-self-signed",)
        opened = ("--open",) if open_to_all else ()
        name = name or f"{self.backend}-{len(list(self.dir.iterdir()))}"
        return self.server(name, self.backend, (
            "--tls-listen", "127.0.0.1:0", *chosen, "--transcoders", "0", *opened, *extra))

    @staticmethod
    def tcp(server):
        return socket.create_connection(("127.0.0.1", Tls.port(server)), timeout=20)

    @staticmethod
    def port(server):
        return int(server.tls_url.rsplit(":", 1)[1])

    def connect(self, server, context=None, name="localhost", session=None, plain=None):
        context = context or free_of_trust()
        stream = context.wrap_socket(plain or self.tcp(server), server_hostname=name,
                                     session=session, suppress_ragged_eofs=False)
        self.addCleanup(stream.close)
        return stream

    def ask(self, server, method, path, body=b"", context=None, stream=None, **fields):
        stream = stream or self.connect(server, context)
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        stream.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}{length}\r\n"
                       .encode() + body)
        return read_answer(stream)

    def certificate(self, *names):
        """A self-signed certificate for `names`; the flags that name it."""
        stem = self.dir / f"{names[0]}-{time.monotonic_ns()}"
        done = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={names[0]}",
                   "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names),
                   "-keyout", f"{stem}.key", "-out", f"{stem}.pem")
        self.assertEqual(done.returncode, 0, done.stderr)
        return ("--tls-cert", f"{stem}.pem", "--tls-key", f"{stem}.key")

    @staticmethod
    def shown(stream):
        return stream.getpeercert(binary_form=True)

    @staticmethod
    def der(path):
        return ssl.PEM_cert_to_DER_cert(pathlib.Path(path).read_text())

    @staticmethod
    def descriptors(server):
        return len(os.listdir(f"/proc/{server.process.pid}/fd"))

    @staticmethod
    def resident_kib(server):
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.05)
        self.fail("a condition did not come true")

    def handshakes(self, server, outcome):
        """By reactor."""
        _, _, text = server.get("/metrics")
        return {reactor: int(count) for reactor, count in re.findall(
            rb'streamforge_tls_handshakes_total\{reactor="(\d+)",outcome="%s"\} (\d+)'
            % outcome.encode(), text)}


class Handshakes(Tls):
    @on_both_backends
    def test_versions_1_2_and_1_3_with_sound_suites_and_nothing_older(self):
        server = self.serve()
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
                              (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            context = free_of_trust()
            context.minimum_version = context.maximum_version = version
            stream = self.connect(server, context)
            self.assertEqual(stream.version(), name)
            self.assertRegex(stream.cipher()[0], "GCM|CHACHA20")
            self.assertEqual(self.ask(server, "GET", "/healthz", stream=stream)[0], 200)
        for refused in (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
                        ("-tls1_2", "-cipher", "AES128-SHA"),
                        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA")):
            done = run("openssl", "s_client", "-connect", f"127.0.0.1:{self.port(server)}",
                       *refused, stdin=subprocess.DEVNULL)
            self.assertNotEqual(done.returncode, 0, refused)
        self.assertEqual(server.stop(), 0)

    @on_both_backends
    def test_a_session_is_resumed_on_any_reactor(self):
        server = self.serve("--reactors", "2")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = free_of_trust()
            context.minimum_version = context.maximum_version = version
            first = self.connect(server, context)
            self.assertEqual(self.ask(server, "GET", "/healthz", stream=first)[0], 200)
            self.assertFalse(first.session_reused)
            before = self.handshakes(server, "resumed")
            session, seen = first.session, set()
            for _ in range(4):  # They stay, and so the reactors take turns.
                stream = self.connect(server, context, session=session)
                self.assertEqual(self.ask(server, "GET", "/healthz", stream=stream)[0], 200)
                self.assertTrue(stream.session_reused)
                after = self.handshakes(server, "resumed")
                seen = {reactor for reactor in after if after[reactor] > before.get(reactor, 0)}
                if len(seen) == 2:
                    break
            self.assertEqual(len(seen), 2)

    @on_both_backends
    def test_connections_are_spread_over_the_reactors(self):
        server = self.serve("--reactors", "2")
        streams = [self.connect(server) for _ in range(24)]
        for stream in streams:
            self.assertEqual(self.ask(server, "GET", "/healthz", stream=stream)[0], 200)
        counts = self.handshakes(server, "full")
        self.assertEqual(sum(counts.values()), 24)
        self.assertLessEqual(max(counts.values()) - min(counts.values()), 2)

    @on_both_backends
    def test_the_certificate_is_that_of_the_name(self):
        one, two = self.certificate("one.example"), self.certificate("two.example", "*.two.example")
        server = self.serve(certificate=one + two)
        for name, expected in (("one.example", one), ("two.example", two), ("TWO.example", two),
                               ("a.two.example", two), ("a.b.two.example", one),
                               ("other.example", one), (None, one)):
            self.assertEqual(self.shown(self.connect(server, name=name)), self.der(expected[1]),
                             name)

    @on_both_backends
    def test_alpn(self):
        server = self.serve()
        for offered, agreed in ((["http/1.1"], "http/1.1"), (["foo", "http/1.1"], "http/1.1"),
                                (["http/1.1", "h2"], "h2"),
                                ([], None)):
            context = free_of_trust()
            if offered:
                context.set_alpn_protocols(offered)
            self.assertEqual(self.connect(server, context).selected_alpn_protocol(), agreed)
        context = free_of_trust()
        context.set_alpn_protocols(["foo"])
        with self.assertRaisesRegex(ssl.SSLError, "(?i)no.application.protocol"):
            self.connect(server, context)

    @on_both_backends
    def test_keys_are_updated_and_nothing_is_renegotiated(self):
        server = self.serve("--ktls", "off")  # Kernels keep the keys they have.
        request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for command, version, good in (("K", "-tls1_3", True), ("R", "-tls1_2", False)):
            with subprocess.Popen(
                    ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port(server)}", version,
                     "-crlf"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT) as client:
                text = b""

                def read_until(word):
                    nonlocal text
                    while word not in text and select.select([client.stdout], [], [], 10)[0]:
                        piece = os.read(client.stdout.fileno(), 65536)
                        if not piece:
                            break
                        text += piece
                    return word in text

                client.stdin.write(request.replace("\r", "").encode())
                client.stdin.flush()
                self.assertTrue(read_until(b'{"status":"ok"}'), text)
                text = b""
                client.stdin.write(f"{command}\n".encode())
                client.stdin.flush()
                if good:
                    self.assertTrue(read_until(b"KEYUPDATE"), text)
                    client.stdin.write(request.replace("\r", "").encode())
                    client.stdin.flush()
                    self.assertTrue(read_until(b'{"status":"ok"}'), text)
                else:
                    self.assertTrue(read_until(b"no renegotiation"), text)
                client.stdin.close()
                client.kill()
        self.assertEqual(self.ask(server, "GET", "/healthz")[0], 200)

    @on_both_backends
    def test_certificates_are_read_again(self):
        flags = self.certificate("old.example")
        server = self.serve(certificate=flags)
        old = self.der(flags[1])
        running = self.connect(server)
        self.assertEqual(self.ask(server, "GET", "/healthz", stream=running)[0], 200)

        pathlib.Path(flags[3]).write_text("no key at all\n")
        server.process.send_signal(signal.SIGHUP)
        self.until(lambda: "the certificates stay as they were" in server.log())
        self.assertIn(flags[3], server.log())
        self.assertEqual(self.shown(self.connect(server)), old)

        fresh = self.certificate("new.example")
        os.replace(fresh[3], flags[3])
        os.replace(fresh[1], flags[1])
        server.process.send_signal(signal.SIGHUP)
        self.until(lambda: self.shown(self.connect(server)) == self.der(flags[1]))
        self.assertNotEqual(old, self.der(flags[1]))
        self.assertEqual(self.ask(server, "GET", "/healthz", stream=running)[0], 200)
        self.assertEqual(server.stop(), 0)

    @on_both_backends
    def test_a_certificate_of_our_own_is_kept_and_hidden(self):
        server = self.serve(name=f"own-{self.backend}")
        folder = server.data / "tls"
        key, certificate = folder / "self-signed.key", folder / "self-signed.pem"
        self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        digest = hashlib.sha256(self.der(certificate)).hexdigest().upper()
        self.assertIn(":".join(re.findall("..", digest)), server.log())
        trusting = ssl.create_default_context(cafile=certificate)
        for name in ("localhost", "127.0.0.1"):
            self.assertEqual(self.shown(self.connect(server, trusting, name)),
                             self.der(certificate))
        kept = certificate.read_bytes()
        server.kill()
        server.start()
        self.assertEqual(certificate.read_bytes(), kept)
        server.kill()
        key.write_text("-----BEGIN PRIVATE KEY-----\n")  # As a cut in the middle might leave it.
        server.start()
        self.assertNotEqual(certificate.read_bytes(), kept)
        self.connect(server, ssl.create_default_context(cafile=certificate))

    def test_settings_that_cannot_be_are_refused(self):
        one, two = self.certificate("one.example"), self.certificate("two.example")
        listen = ("--tls-listen", "127.0.0.1:0")
        for flags, why in (
                (("--tls-self-signed",), "--tls-listen"),
                (listen, "--tls-cert"),
                (listen + one[:2], "--tls-key"),
                (listen + ("--tls-cert", one[1], "--tls-key", two[3]), "is not the key of"),
                (listen + ("--tls-cert", one[3], "--tls-key", one[3]), "no certificate"),
                (listen + ("--tls-cert", "/none.pem", "--tls-key", one[3]), "/none.pem"),
                (("--tls-listen", "0.0.0.0:0", "--tls-self-signed", "--open"), "--open")):
            done = run(BINARY, "serve", "--data", self.dir / "d", "--listen", "127.0.0.1:0", *flags)
            self.assertEqual(done.returncode, 1, flags)
            self.assertIn(why, done.stderr)

    def test_certificates_of_the_settings_file(self):
        one, two = self.certificate("one.example"), self.certificate("two.example")
        file = self.dir / "settings.toml"
        file.write_text(f'tls_listen = "127.0.0.1:0"\ntls_cert = ["{one[1]}", "{two[1]}"]\n'
                        f'tls_key = ["{one[3]}", "{two[3]}"]\n', encoding="utf-8")
        self.backend = "epoll"
        server = self.server("toml", "epoll", ("--config", str(file), "--open"))
        server.tls_url = re.match(r"listening on (https://\S+)", server._line(20)).group(1)
        self.assertEqual(self.shown(self.connect(server, name="two.example")), self.der(two[1]))
        self.assertEqual(self.shown(self.connect(server, name="one.example")), self.der(one[1]))


class Faults(Tls):
    @on_both_backends
    def test_plain_http_is_told_in_plain_words(self):
        server = self.serve()
        for method in ("GET", "OPTIONS", "PATCH"):
            with self.tcp(server) as plain:
                plain.sendall(f"{method} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                status, fields, body = read_answer(plain)
                self.assertEqual((status, fields["content-type"]),
                                 (400, "text/plain; charset=utf-8"))
                self.assertIn(b"https://", body)
                self.assertEqual(plain.recv(10), b"")

    @on_both_backends
    def test_what_is_no_handshake_ends(self):
        server = self.serve()
        endless = struct.pack("!BHH", 22, 0x0301, 16000)
        for sent in (b"\x00" * 100, b"\x16\x03\x01\x00\x05hello",
                     endless + b"\x01\x00\xff\xff" + b"\0" * 15996,
                     endless + b"\x01\x01\xff\xff" + b"\0" * 15996 +
                     20 * (endless + b"\0" * 16000)):
            with self.tcp(server) as plain:
                try:
                    plain.sendall(sent)
                    while plain.recv(65536):
                        pass
                except (ConnectionResetError, BrokenPipeError):
                    pass
        self.assertEqual(self.ask(server, "GET", "/healthz")[0], 200)

    @on_both_backends
    def test_who_has_too_many_is_closed(self):
        server = self.serve("--reactors", "2", "--address-connections-max", "4",
                            "--address-connections-exempt", "192.0.2.1")
        streams = [self.connect(server) for _ in range(4)]
        for _ in range(3):
            with self.tcp(server) as plain:
                self.assertEqual(plain.recv(1), b"")  # No alert, no handshake.
        for stream in streams:
            self.assertEqual(self.ask(server, "GET", "/healthz", stream=stream)[0], 200)
        streams.pop().close()

        def gets_in():
            try:
                return self.ask(server, "GET", "/healthz")[0] == 200
            except (ssl.SSLError, ConnectionError):
                return False

        self.until(gets_in)

    @on_both_backends
    def test_a_handshake_has_its_time(self):
        server = self.serve()
        begun = time.monotonic()
        silent, slow = self.tcp(server), self.tcp(server)
        slow.sendall(b"\x16\x03\x01")
        for plain in (silent, slow):
            with plain:
                self.assertEqual(plain.recv(100), b"")
        took = time.monotonic() - begun
        self.assertGreater(took, HEAD_SECONDS - 1)
        self.assertLess(took, HEAD_SECONDS + 20)

    @on_both_backends
    def test_who_vanishes_in_a_handshake_leaves_nothing(self):
        server = self.serve()
        self.assertEqual(self.ask(server, "GET", "/healthz")[0], 200)
        baseline = self.descriptors(server)
        hello = ssl.MemoryBIO()
        client = free_of_trust().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
        with self.assertRaises(ssl.SSLWantReadError):
            client.do_handshake()
        hello = hello.read()
        # How many it holds at once, and so what the allocator keeps, is the scheduler's doing: what
        # is never given back grows in every round.
        grown_kib = []
        for _ in range(4):
            memory = self.resident_kib(server)
            for number in range(1000):
                plain = self.tcp(server)
                plain.sendall(hello[:len(hello) * (number % 11) // 10])
                if number % 2:  # RST instead of FIN.
                    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                plain.close()
            self.until(lambda: self.descriptors(server) <= baseline + 1)
            grown_kib.append(self.resident_kib(server) - memory)
        self.assertLess(min(grown_kib), 2 * 1024, grown_kib)

    @on_both_backends
    def test_an_end_is_signed_on_both_sides(self):
        server = self.serve()
        stream = self.connect(server)
        status, _, _ = self.ask(server, "GET", "/healthz", stream=stream, Connection="close")
        self.assertEqual(status, 200)
        self.assertEqual(stream.recv(10), b"")  # A missing close_notify would raise SSLEOFError.

    @on_both_backends
    def test_who_has_said_all_still_gets_the_answer(self):
        server = self.serve()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = free_of_trust().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with self.tcp(server) as plain:
            def step(call):
                while True:
                    try:
                        return call()
                    except ssl.SSLWantReadError:
                        if outgoing.pending:
                            plain.sendall(outgoing.read())
                        piece = plain.recv(65536)
                        if not piece:
                            raise
                        incoming.write(piece)

            step(client.do_handshake)
            client.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with self.assertRaises(ssl.SSLWantReadError):
                client.unwrap()  # Our close_notify.
            plain.sendall(outgoing.read())
            plain.shutdown(socket.SHUT_WR)
            self.assertIn(b'{"status":"ok"}', step(lambda: client.read(65536)))

    @on_both_backends
    def test_a_stop_waits_for_no_handshake(self):
        server = self.serve()
        with self.tcp(server), self.tcp(server) as slow:
            slow.sendall(b"\x16\x03\x01")
            idle = self.connect(server)
            self.assertEqual(self.ask(server, "GET", "/healthz", stream=idle)[0], 200)
            begun = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - begun, HEAD_SECONDS / 2)


class Traffic(Tls):
    def create(self, server, size=len(SOURCE)):
        name = base64.b64encode(b"a.mp4").decode()
        status, fields, _ = self.ask(server, "POST", "/files", Tus_Resumable="1.0.0",
                                     Upload_Length=size, Upload_Metadata=f"filename {name}")
        self.assertEqual(status, 201)
        return fields["location"]

    def offset(self, server, path):
        stream = self.connect(server)
        stream.sendall(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n\r\n"
                       .encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += stream.recv(65536)
        return int(re.search(rb"Upload-Offset: (\d+)", head).group(1))

    def patch(self, server, path, offset, body):
        return self.ask(server, "PATCH", path, body, Tus_Resumable="1.0.0", Upload_Offset=offset,
                        Content_Type="application/offset+octet-stream")

    @on_both_backends
    def test_an_upload_that_is_cut_goes_on(self):
        server = self.serve("--source-sha256", "false")
        path = self.create(server)
        plain = self.tcp(server)
        stream = self.connect(server, plain=plain)
        stream.sendall(f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n"
                       f"Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n"
                       f"Content-Length: {len(SOURCE)}\r\n\r\n".encode() + SOURCE[:3_000_000])
        # Bytes that the server had not read would go with the connection: its tickets were not
        # read, so that it is reset.
        self.until(lambda: self.bytes_written(server) >= 2_000_000)
        stream.close()  # Without a close_notify.
        arrived = []
        self.until(lambda: arrived.append(self.offset(server, path)) or arrived[-1] > 0)
        offset = arrived[-1]
        self.assertLessEqual(offset, 3_000_000)
        server.kill()  # What was told is durable.
        server.start()
        self.assertGreaterEqual(self.offset(server, path), offset)
        offset = self.offset(server, path)
        status, fields, _ = self.patch(server, path, offset, SOURCE[offset:])
        self.assertEqual((status, int(fields["upload-offset"])), (204, len(SOURCE)))
        found = [file for file in (server.data / "raw").rglob("*") if file.is_file()]
        self.assertEqual([hashlib.sha256(file.read_bytes()).digest() for file in found],
                         [hashlib.sha256(SOURCE).digest()])

    @staticmethod
    def bytes_written(server):
        """Of the one file in temp/: its room is kept for it, but not yet data."""
        for file in (server.data / "temp").rglob("*"):
            if file.is_file():
                with open(file, "rb") as opened:
                    return os.lseek(opened.fileno(), 0, os.SEEK_HOLE)
        return 0

    @on_both_backends
    def test_a_segment_its_ranges_and_a_slow_reader(self):
        clip = make_clip(self.dir / f"{self.backend}.mp4", "--kind", "mp4", "--size", "640x360",
                         "--seconds", "4")
        server = self.server(f"video-{self.backend}", self.backend, (
            "--tls-listen", "127.0.0.1:0", "--tls-self-signed", "--open", "--transcoders", "1"))
        video = server.upload(clip)
        server.wait(video, "ready")
        path = f"/v/{video}/360p/0.ts"
        file = server.data / "processed" / video / "360p/0.ts"
        content = SOURCE[:5_000_001]
        file.write_bytes(content)
        stream = self.connect(server)
        self.assertEqual(self.ask(server, "GET", path, stream=stream)[2], content)
        for first, last in ((0, 0), (16383, 16384), (1_000_000, 2_999_999), (5_000_000, 5_000_000)):
            status, fields, body = self.ask(server, "GET", path, stream=stream,
                                            Range=f"bytes={first}-{last}")
            self.assertEqual((status, fields["content-range"]),
                             (206, f"bytes {first}-{last}/{len(content)}"))
            self.assertEqual(body, content[first:last + 1])
        self.read_slowly(server, path, content)
        self.vanish_while_reading(server, path)
        self.assertEqual(self.ask(server, "GET", path)[2], content)
        self.assertEqual(server.stop(), 0)

    def read_slowly(self, server, path, content):
        """Forty readers of each kind, whose windows are small, from memory and from the disk."""
        plain_port = int(server.url.rsplit(":", 1)[1])
        with open("/proc/sys/net/ipv4/tcp_wmem", encoding="ascii") as setting:
            kernel_max = int(setting.read().split()[2])
        # How much the kernel takes below its own bound is its affair: it remembers earlier
        # connections to a host.
        for port, queued_min, queued_max in (
                (self.port(server), TLS_UNSENT_MAX // 2, TLS_UNSENT_MAX),
                (plain_port, 64 * 1024, kernel_max)):
            with open(server.data / "processed" / path.removeprefix("/v/"), "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            memory = self.resident_kib(server)
            readers = [self.begin_to_read(server, port, path) for _ in range(40)]
            # They take nothing, and what waits for them is bounded: in the kernel, beyond what is
            # on its way (a few KiB, so small are their windows), and here.
            self.until(lambda: len(self.queued(port)) == 40
                       and min(self.queued(port)) > queued_min and self.rests(port))
            self.assertLess(max(self.queued(port)), queued_max + 256 * 1024)
            self.assertEqual(self.ask(server, "GET", "/healthz")[0], 200)
            # 200 MB were asked for; buffers of 4 MiB are the reactor's, touched for the disk.
            self.assertLess(self.resident_kib(server), memory + 12 * 1024)
            for stream in readers[:3]:
                self.assertEqual(read_answer(stream)[2], content)
            for stream in readers:
                stream.close()

    def begin_to_read(self, server, port, path):
        stream = socket.socket()
        self.addCleanup(stream.close)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.settimeout(20)
        stream.connect(("127.0.0.1", port))
        if port == self.port(server):
            stream = self.connect(server, plain=stream)
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        return stream

    @staticmethod
    def queued(port):
        """Bytes in the kernel that peers have not acknowledged, of each connection to `port` that
        has any."""
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table][1:]
        sizes = [int(row[4].split(":")[0], 16) for row in rows
                 if int(row[1].split(":")[1], 16) == port and row[3] == "01"]
        return [size for size in sizes if size > 0]

    def rests(self, port):
        """Whether as much is queued on each connection as there was a moment ago."""
        before = self.queued(port)
        time.sleep(0.5)
        return self.queued(port) == before

    def vanish_while_reading(self, server, path):
        baseline = self.descriptors(server)
        for number in range(200):
            plain = self.tcp(server)
            stream = self.connect(server, plain=plain)
            stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            stream.recv(1000)
            if number % 2:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()
        self.until(lambda: self.descriptors(server) <= baseline + 2)

    @on_both_backends
    def test_pipelined_requests_in_records_of_any_size(self):
        server = self.serve()
        request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for pieces in ([request * 50], [request[i:i + 1] for i in range(len(request))] * 2):
            stream = self.connect(server)
            for piece in pieces:
                stream.sendall(piece)
            text = b""
            while text.count(b'{"status":"ok"}') < b"".join(pieces).count(b"GET "):
                text += stream.recv(65536)
            self.assertEqual(text.count(b"HTTP/1.1 200"), b"".join(pieces).count(b"GET "))

    @on_both_backends
    def test_idle_connections_cost_little(self):
        server = self.serve()
        streams = [self.connect(server) for _ in range(20)]
        before = self.resident_kib(server)
        for _ in range(400):
            streams.append(self.connect(server))
            self.assertEqual(self.ask(server, "GET", "/healthz", stream=streams[-1])[0], 200)
        self.assertLess((self.resident_kib(server) - before) / 400, 40)


class UploadCommand(Tls):
    """`streamforge upload --to https://…`."""

    def upload(self, server, *arguments, to=None, roots=None):
        state = self.dir / f"state-{self.backend}"
        environment = {**os.environ, "XDG_STATE_HOME": str(state)}
        if roots:
            environment["SSL_CERT_FILE"] = str(roots)
        return run(BINARY, "upload", self.file, "--to", to or server.tls_url, *arguments,
                   env=environment)

    @on_both_backends
    def test_whom_it_trusts(self):
        self.file = self.dir / "a.mp4"
        self.file.write_bytes(SOURCE)
        server = self.serve("--source-sha256", "false")
        refused = self.upload(server)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("self-signed certificate", refused.stderr)
        self.assertEqual(self.kept(server), [])

        own = server.data / "tls/self-signed.pem"
        localhost = server.tls_url.replace("127.0.0.1", "localhost")
        for to in (server.tls_url, localhost):
            self.assertEqual(self.upload(server, to=to, roots=own).returncode, 0)
        self.assertEqual(self.upload(server, "--insecure", "--parallel", "1").returncode, 0)
        # Equal files are uploads of their own, each as it was sent.
        self.until(lambda: len(self.kept(server)) == 3)
        self.assertEqual({hashlib.sha256(content).digest() for content in self.kept(server)},
                         {hashlib.sha256(SOURCE).digest()})

        flags = self.certificate("other.example")
        elsewhere = self.serve(certificate=flags)
        refused = self.upload(elsewhere, roots=flags[1])
        self.assertEqual(refused.returncode, 1)
        self.assertIn("mismatch", refused.stderr)

    @staticmethod
    def kept(server):
        return [file.read_bytes() for file in (server.data / "raw").rglob("*") if file.is_file()]

    @on_both_backends
    def test_it_goes_on_after_the_server_was_away(self):
        self.file = self.dir / "b.mp4"
        self.file.write_bytes(SOURCE * 8)
        server = self.serve("--source-sha256", "false", name=f"away-{self.backend}")
        server.extra[server.extra.index("--tls-listen") + 1] = f"127.0.0.1:{self.port(server)}"
        state = self.dir / f"state-{self.backend}"
        with subprocess.Popen(
                [BINARY, "upload", str(self.file), "--to", server.tls_url, "--insecure"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env={**os.environ, "XDG_STATE_HOME": str(state)}) as client:
            self.until(lambda: Traffic.bytes_written(server) > 0)
            server.kill()
            server.start()
            self.assertEqual(client.wait(timeout=60), 0)
        self.until(lambda: [len(content) for content in self.kept(server)] == [8 * len(SOURCE)])
        self.assertEqual(hashlib.sha256(self.kept(server)[0]).digest(),
                         hashlib.sha256(SOURCE * 8).digest())


class Pages(Tls):
    @on_both_backends
    def test_only_tls_answers_say_that_tls_is_to_be_used(self):
        server = self.serve("--hsts-max-age", "31536000")
        stream = self.connect(server)
        for path in ("/", "/", "/healthz", "/none", "/api/v1/videos"):  # Asked twice: kept answers.
            _, fields, _ = self.ask(server, "GET", path, stream=stream)
            self.assertEqual(fields["strict-transport-security"], "max-age=31536000")
        for path in ("/", "/", "/healthz"):
            self.assertNotIn("Strict-Transport-Security", server.get(path)[1])
        _, fields, _ = self.ask(self.serve(), "GET", "/")
        self.assertNotIn("strict-transport-security", fields)

    @on_both_backends
    def test_pages_are_moved_and_nothing_else(self):
        server = self.serve("--tls-redirect", "true")
        host, port = "127.0.0.1", int(server.url.rsplit(":", 1)[1])

        def in_the_clear(path, shown="localhost:1234", accept="text/html"):
            with socket.create_connection((host, port), timeout=10) as plain:
                plain.sendall(f"GET {path} HTTP/1.1\r\nHost: {shown}\r\nAccept: {accept}\r\n\r\n"
                              .encode())
                return read_answer(plain)

        self.assertEqual(self.ask(server, "GET", "/")[0], 200)  # Kept for TLS, and not for others.
        for shown, named in (("localhost:1234", "localhost"), ("example.org", "example.org"),
                             ("[::1]:80", "[::1]"), ("[::1]", "[::1]")):
            status, fields, _ = in_the_clear("/watch/x?t=1", shown)
            self.assertEqual((status, fields["location"]),
                             (308, f"https://{named}:{self.port(server)}/watch/x?t=1"))
        for path in ("/", "/login", "/setup", "/embed/x"):
            self.assertEqual(in_the_clear(path)[0], 308)
        for path, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 200),
                             ("/api/v1/videos", 200), ("/v/none/master.m3u8", 404),
                             ("/files/none", 404)):
            self.assertEqual(in_the_clear(path)[0], status, path)

    @on_both_backends
    def test_cookies_over_tls_are_secure(self):
        server = self.serve(open_to_all=False)
        token = re.search(r"token=(\S+)", server._line(10)).group(1)
        user = {"name": "ann", "password": "correct horse battery staple"}
        _, fields, _ = self.ask(server, "POST", "/api/v1/users",
                                json.dumps({**user, "setup_token": token}).encode(),
                                Content_Type="application/json")
        self.assertIn("; Secure", fields["set-cookie"])
        _, fields, _ = self.ask(server, "POST", "/api/v1/session", json.dumps(user).encode(),
                                Content_Type="application/json")
        self.assertIn("; Secure", fields["set-cookie"])

    def test_doctor_names_the_library(self):
        said = run(BINARY, "doctor", "--data", self.dir).stdout
        self.assertRegex(said, r"ok +tls +OpenSSL 3.*encrypted (by the kernel \(kTLS\)|"
                               "here, not by the kernel, which could not: .)")

    def test_the_log_says_who_encrypts(self):
        self.backend = "epoll"
        self.assertRegex(self.serve().log(), "encrypting in the (kernel kernel_could=true|"
                                             "process kernel_could=false)")
        self.assertIn("encrypting in the process", self.serve("--ktls", "off").log())


if __name__ == "__main__":
    unittest.main()
