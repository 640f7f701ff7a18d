"""HTTP/2 against the real binary, on both I/O backends: Python's h2 and curl as peers, and raw
frames where a peer is to misbehave. docs/protocols/http.md has what holds."""

import hashlib
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
import unittest

from harness import BINARY, Story, make_clip, on_both_backends, run

sys.path.append("/usr/lib/python3/dist-packages")  # Debian's, whichever Python runs this.
import h2.config  # noqa: E402
import h2.connection  # noqa: E402
import h2.events  # noqa: E402

HEAD_SECONDS = 10
SOURCE = b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(160_000))  # 5 MB
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY = 1, 2, 3, 4, 6, 7
WINDOW_UPDATE, CONTINUATION = 8, 9
TUS = {"tus-resumable": "1.0.0"}


def dial(url, alpn=("h2",)):
    host, port = re.match(r"https?://([^:]+):(\d+)", url).groups()
    plain = socket.create_connection((host, int(port)), timeout=20)
    if not url.startswith("https"):
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(list(alpn))
    return context.wrap_socket(plain, server_hostname="localhost")


class Answer:
    def __init__(self):
        self.status = None
        self.fields = {}
        self.body = b""
        self.informational = []
        self.ended = False
        self.reset = None
        self.order = None  # Of its end, among all of the connection.


class Client:
    """A connection; what comes for any stream is noted while one is waited for."""

    def __init__(self, url, window=2**24):
        self.socket = dial(url)
        self.state = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding="utf-8",
                                      validate_outbound_headers=False,
                                      normalize_outbound_headers=False))
        self.state.initiate_connection()
        self.window = window
        self.state.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.state.increment_flow_control_window(2**30)
        self.answers = {}
        self.held = set()  # Streams whose bytes are not acknowledged.
        self.goaway = None
        self.closed = False
        self.ends = 0
        self.flush()

    def flush(self):
        self.socket.sendall(self.state.data_to_send())

    def ask(self, method, path, fields=None, end=True, host="localhost", **named):
        stream = self.state.get_next_available_stream_id()
        self.answers[stream] = Answer()
        head = [(":method", method), (":path", path), (":scheme", "http"), (":authority", host)]
        head += list((fields or {}).items())
        head += [(name.replace("_", "-"), value) for name, value in named.items()]
        self.state.send_headers(stream, head, end_stream=end)
        self.flush()
        return stream

    def send(self, stream, body, end=True):
        """All of it, as the windows let it; stops when the stream is answered or reset."""
        answer = self.answers[stream]
        while body and not (answer.ended or answer.reset is not None):
            room = min(self.state.local_flow_control_window(stream), 16384, len(body))
            if room == 0:
                self.pump()
                continue
            self.state.send_data(stream, body[:room], end_stream=end and room == len(body))
            body = body[room:]
            self.flush()

    def pump(self, seconds=20):
        """Takes in what the server says next; false when nothing comes."""
        if not (isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()):
            if not select.select([self.socket], [], [], seconds)[0]:
                return False
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            self.closed = True
            return False
        for event in self.state.receive_data(piece):
            self.note(event)
        self.flush_quietly()
        return True

    def flush_quietly(self):
        try:
            self.flush()
        except OSError:
            self.closed = True

    def note(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code
        elif isinstance(event, h2.events.InformationalResponseReceived):
            answer.informational.append(dict(event.headers))
        elif isinstance(event, h2.events.ResponseReceived):
            answer.fields = dict(event.headers)
            answer.status = int(answer.fields[":status"])
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            if event.stream_id not in self.held:
                self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
            self.ends += 1
            answer.order = self.ends
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = event.error_code

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if self.closed or time.monotonic() > end:
                return False
            self.pump(0.2)
        return True

    def answer(self, stream):
        answer = self.answers[stream]
        if not self.until(lambda: answer.ended or answer.reset is not None):
            raise AssertionError(f"no answer: closed {self.closed}, {answer.status}, "
                                 f"{len(answer.body)} bytes, goaway {self.goaway}")
        return answer

    def get(self, path, fields=None, method="GET", **named):
        return self.answer(self.ask(method, path, fields, **named))

    def close(self):
        self.socket.close()


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
        ">I", stream) + payload


def literal(name, value):
    """HPACK: without index, without Huffman; up to 126 bytes each."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


GET_HEALTH = (literal(b":method", b"GET") + literal(b":path", b"/healthz") +
              literal(b":scheme", b"http") + literal(b":authority", b"localhost"))


class Raw:
    """A peer that sends frames as it likes."""

    def __init__(self, url):
        self.socket = dial(url)
        self.socket.sendall(PREFACE + frame(SETTINGS))
        self.got = b""

    def send(self, data):
        """False when the server does not listen any more."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def frames(self, seconds):
        """All until the server closes (True), or until the time is up (False)."""
        end = time.monotonic() + seconds
        closed = False
        while not closed and time.monotonic() < end:
            if select.select([self.socket], [], [], 0.2)[0]:
                try:
                    piece = self.socket.recv(65536)
                except OSError:
                    piece = b""
                closed = not piece
                self.got += piece
        found, at = [], 0
        while at + 9 <= len(self.got):
            size = int.from_bytes(self.got[at:at + 3], "big")
            stream = int.from_bytes(self.got[at + 5:at + 9], "big")
            found.append((self.got[at + 3], stream, self.got[at + 9:at + 9 + size]))
            at += 9 + size
        return found, closed

    def ending(self, seconds=20):
        """The GOAWAY's error code (None without one) once the server has closed."""
        found, closed = self.frames(seconds)
        if not closed:
            raise AssertionError("the connection is still open")
        codes = [int.from_bytes(payload[4:8], "big") for kind, _, payload in found
                 if kind == GOAWAY]
        return codes[-1] if codes else None


class Http2(Story):
    def serve(self):
        name = f"{self.backend}-{len(list(self.dir.iterdir()))}"
        return self.server(name, self.backend, (
            "--tls-listen", "127.0.0.1:0", "--tls-self-signed", "--open", "--access-log", "stderr"))

    def connect(self, url, **options):
        client = Client(url, **options)
        self.addCleanup(client.close)
        return client

    def raw(self, url):
        peer = Raw(url)
        self.addCleanup(peer.socket.close)
        return peer

    def assert_alive(self, server):
        self.assertEqual(self.connect(server.url).get("/healthz").status, 200)

    def create(self, client, size, **fields):
        made = client.get("/files", {**TUS, "upload-length": str(size), **fields}, method="POST")
        self.assertEqual(made.status, 201)
        return re.sub(r"^https?://[^/]+", "", made.fields["location"])

    @staticmethod
    def patch(client, path, offset, **named):
        return client.ask("PATCH", path, {
            **TUS, "upload-offset": str(offset),
            "content-type": "application/offset+octet-stream"}, end=False, **named)

    def offset(self, client, path):
        return int(client.get(path, TUS, method="HEAD").fields["upload-offset"])


class Answers(Http2):
    @on_both_backends
    def test_the_same_answers_as_over_http_1(self):
        server = self.serve()
        for url in (server.url, server.tls_url):
            client = self.connect(url)
            good = client.get("/healthz")
            self.assertEqual((good.status, good.body), (200, b'{"status":"ok"}'))
            self.assertIn("date", good.fields)
            self.assertEqual(good.fields["server"], "StreamForge")
            self.assertFalse({"connection", "transfer-encoding"} & good.fields.keys())
            head = client.get("/healthz", method="HEAD")
            self.assertEqual((head.status, head.body), (200, b""))
            self.assertEqual(head.fields["content-length"], "15")
            for method, path, status in (("GET", "/nothing/here", 404), ("PUT", "/healthz", 405),
                                         ("BREW", "/healthz", 501), ("GET", "/a/../b", 400),
                                         ("OPTIONS", "*", 204), ("GET", "/" + "x" * 9000, 414)):
                self.assertEqual(client.get(path, method=method).status, status, path)
            self.assertEqual(client.get("/healthz", {"expect": "something"}).status, 417)
            self.assertEqual(client.get("/healthz", {"host": "elsewhere"}).status, 400)
            self.assertEqual(client.get("/healthz", host="user@host").status, 400)
        end = time.monotonic() + 60
        while "protocol=HTTP/2.0" not in server.log():  # Lines are written together.
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    @on_both_backends
    def test_curl_chooses_it(self):
        server = self.serve()
        for arguments, version in ((("--http2", server.tls_url), "2"),
                                   (("--http2-prior-knowledge", server.url), "2"),
                                   (("--http1.1", server.tls_url), "1.1"),
                                   (("--http2", server.url), "1.1")):  # No Upgrade.
            done = run("curl", "--silent", "--insecure", "--write-out", "%{http_version}",
                       "--output", "/dev/null", arguments[0], arguments[1] + "/healthz")
            self.assertEqual(done.stdout, version, done.stderr)

    @on_both_backends
    def test_a_preface_one_byte_at_a_time(self):
        server = self.serve()
        peer = dial(server.url)
        self.addCleanup(peer.close)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in PREFACE + frame(SETTINGS):
            peer.sendall(bytes([byte]))
            time.sleep(0.001)
        self.assertEqual(peer.recv(9)[3], SETTINGS)

    @on_both_backends
    def test_playlists_and_segments(self):
        server = self.serve()
        clip = make_clip(self.dir / f"{self.backend}.mp4", "--kind", "mp4", "--size", "320x180",
                         "--seconds", "6")
        video = server.upload(clip)
        server.wait(video, "ready")
        _, _, master = server.get(f"/v/{video}/master.m3u8")
        rung = re.search(rb"^(\w+)/", master, re.M).group(1).decode()
        path = f"/v/{video}/{rung}/0.ts"
        _, fields, segment = server.get(path)
        self.assertGreater(len(segment), 20_000)
        for url in (server.url, server.tls_url):
            client = self.connect(url)
            for _ in range(2):  # The second is a kept answer.
                self.assertEqual(client.get(f"/v/{video}/master.m3u8").body, master)
                whole = client.get(path)
                self.assertEqual(whole.body, segment)
                self.assertEqual(int(whole.fields["content-length"]), len(segment))
            part = client.get(path, range="bytes=1000-19999")
            self.assertEqual((part.status, part.body), (206, segment[1000:20000]))
            many = client.get(path, range="bytes=0-9,100-109")
            self.assertEqual(many.status, 206)
            self.assertIn(segment[100:110], many.body)
            self.assertEqual(int(many.fields["content-length"]), len(many.body))
            same = client.get(path, {"if-none-match": fields["ETag"]})
            self.assertEqual((same.status, same.body), (304, b""))
            self.assertEqual(client.get(path, range="bytes=99999999-").status, 416)
            # Thirty at once; one of them takes nothing beyond its window.
            slow = self.connect(url, window=10_000)
            held = slow.ask("GET", path)
            slow.held.add(held)
            streams = [slow.ask("GET", path) for _ in range(30)]
            for stream in streams:
                self.assertEqual(slow.answer(stream).body, segment)
            self.assertFalse(slow.answers[held].ended)
            self.assertEqual(len(slow.answers[held].body), 10_000)
            slow.state.increment_flow_control_window(len(segment), held)
            slow.flush()
            self.assertEqual(slow.answer(held).body, segment)

    @on_both_backends
    def test_playlists_go_before_segments(self):
        server = self.serve()
        clip = make_clip(self.dir / f"{self.backend}.mp4", "--kind", "mp4", "--size", "320x180",
                         "--seconds", "6")
        video = server.upload(clip)
        server.wait(video, "ready")
        rung = re.search(rb"^(\w+)/", server.get(f"/v/{video}/master.m3u8")[2], re.M).group(1)
        client = self.connect(server.url, window=0)
        segments = [client.ask("GET", f"/v/{video}/{rung.decode()}/0.ts") for _ in range(3)]
        playlist = client.ask("GET", f"/v/{video}/master.m3u8")
        client.until(lambda: all(client.answers[s].status for s in (*segments, playlist)))
        # All have been asked for and may begin at once.
        client.state.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 2**24})
        client.flush()
        for stream in (*segments, playlist):
            client.answer(stream)
        self.assertEqual(client.answers[playlist].order, 1)

    @on_both_backends
    def test_events_and_a_stop(self):
        server = self.serve()
        client = self.connect(server.tls_url)
        events = client.ask("GET", "/api/v1/events")
        other = client.ask("GET", "/api/v1/events")
        for stream in (events, other):
            self.assertTrue(client.until(lambda s=stream: client.answers[s].body))
        client.state.reset_stream(other)
        client.flush()
        self.create(client, 10)
        self.assertTrue(client.until(lambda: b"event: video" in client.answers[events].body))
        client.close()
        idle = self.connect(server.url)
        idle.get("/healthz")
        with subprocess.Popen(["curl", "--silent", "--no-buffer", "--insecure", "--http2",
                               server.tls_url + "/api/v1/events"], stdout=subprocess.PIPE) as curl:
            self.assertIn(b"retry", curl.stdout.readline())
            begun = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            curl.stdout.read()
            self.assertEqual(curl.wait(timeout=20), 0)  # The stream has come to its end.
        idle.until(lambda: idle.closed)
        self.assertEqual(idle.goaway, 0)
        self.assertEqual(server._reap(), 0)
        self.assertLess(time.monotonic() - begun, 20)


class Uploads(Http2):
    @on_both_backends
    def test_an_upload(self):
        server = self.serve()
        for url in (server.url, server.tls_url):
            client = self.connect(url)
            path = self.create(client, len(SOURCE))
            first = self.patch(client, path, 0)
            client.send(first, SOURCE[:2_000_000])
            answer = client.answer(first)
            self.assertEqual((answer.status, answer.fields["upload-offset"]), (204, "2000000"))
            self.assertEqual(self.offset(client, path), 2_000_000)
            rest = self.patch(client, path, 2_000_000, expect="100-continue")
            self.assertTrue(client.until(lambda s=rest: client.answers[s].informational))
            self.assertEqual(client.answers[rest].informational[0][":status"], "100")
            client.send(rest, SOURCE[2_000_000:])
            self.assertEqual(client.answer(rest).status, 204)
            kept = list((server.data / "raw").glob(path.rsplit("/", 1)[1] + "*"))
            self.assertEqual([file.read_bytes() == SOURCE for file in kept], [True])

    @on_both_backends
    def test_a_cancelled_upload_keeps_what_came(self):
        server = self.serve()
        client = self.connect(server.tls_url)
        path = self.create(client, len(SOURCE))
        stream = self.patch(client, path, 0)
        client.send(stream, SOURCE[:1_000_000], end=False)
        client.state.reset_stream(stream)
        client.flush()
        self.assertEqual(self.offset(client, path), 1_000_000)
        client.send(again := self.patch(client, path, 1_000_000), SOURCE[1_000_000:])
        self.assertEqual(client.answer(again).status, 204)

    @on_both_backends
    def test_a_hanging_upload_is_taken_over_on_the_same_connection(self):
        server = self.serve()
        client = self.connect(server.url)
        path = self.create(client, 1_000_000)
        events = client.ask("GET", "/api/v1/events")
        hanging = self.patch(client, path, 0)
        client.send(hanging, SOURCE[:300_000], end=False)
        self.assertEqual(self.offset(client, path), 300_000)
        self.assertTrue(client.until(lambda: client.answers[hanging].ended))
        self.assertGreaterEqual(client.answers[hanging].status, 400)
        second = self.patch(client, path, 300_000)
        client.send(second, SOURCE[300_000:1_000_000])
        self.assertEqual(client.answer(second).status, 204)
        self.assertFalse(client.answers[events].ended)

    @on_both_backends
    def test_a_lost_connection_keeps_what_came(self):
        server = self.serve()
        client = self.connect(server.url)
        path = self.create(client, len(SOURCE))
        client.send(self.patch(client, path, 0), SOURCE[:700_000], end=False)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(0.5)
        client.socket.close()
        self.assertEqual(self.offset(self.connect(server.url), path), 700_000)

    @on_both_backends
    def test_the_draft_of_the_ietf_with_its_interim_answers(self):
        server = self.serve()
        client = self.connect(server.tls_url)
        stream = client.ask("POST", "/files", {
            "upload-complete": "?1", "upload-draft-interop-version": "8",
            "content-length": str(len(SOURCE))}, end=False)
        answer = client.answers[stream]
        self.assertTrue(client.until(lambda: answer.informational))
        self.assertEqual(answer.informational[0][":status"], "104")
        self.assertIn("location", answer.informational[0])
        client.send(stream, SOURCE)
        self.assertIn(client.answer(stream).status, (200, 201, 204))

    @on_both_backends
    def test_a_refused_body_is_not_waited_for(self):
        server = self.serve()
        client = self.connect(server.url)
        path = self.create(client, 1000)
        stream = self.patch(client, path, 500)  # Not where the upload is.
        answer = client.answer(stream)
        self.assertEqual(answer.status, 409)
        self.assertTrue(client.until(lambda: client.answers[stream].reset == 0))
        self.assertEqual(client.get("/healthz").status, 200)


class Misbehaviour(Http2):
    @on_both_backends
    def test_fields_over_the_limits(self):
        server = self.serve()
        client = self.connect(server.url)
        many = client.get("/healthz", {f"x-{n}": "1" for n in range(120)})
        self.assertEqual(many.status, 431)
        large = client.get("/healthz", {f"x-{n}": "y" * 4000 for n in range(10)})
        self.assertEqual(large.status, 431)
        self.assertEqual(client.get("/healthz").status, 200)

    @on_both_backends
    def test_malformed_requests_end_their_stream_only(self):
        server = self.serve()
        client = self.connect(server.url)
        for fields in ({"Upper": "1"}, {"connection": "close"}, {"transfer-encoding": "chunked"},
                       {"te": "gzip"}, {":late": "1"}):
            self.assertEqual(client.get("/healthz", fields).reset, 1, fields)
        body = self.patch(client, self.create(client, 50), 0, content_length="5")
        client.send(body, b"too much of it")
        self.assertEqual(client.answer(body).reset, 1)
        self.assertEqual(client.get("/healthz", {"x": "a\x01b"}).status, 400)
        self.assertEqual(client.get("/healthz").status, 200)

    @on_both_backends
    def test_floods_end_the_connection(self):
        server = self.serve()
        opening = frame(HEADERS, 5, 1, GET_HEALTH)
        floods = {
            "ping": frame(PING, 0, 0, b"12345678") * 1000,
            "settings": frame(SETTINGS, 0, 0, b"\0\3\0\0\0\x64") * 1000,
            "window": frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1") * 1000,
            "unknown": frame(0x50, 0, 0, b"") * 1000,
            "priority": frame(PRIORITY, 0, 1, b"\0\0\0\0\1") * 1000,
        }
        for name, flood in floods.items():
            with self.subTest(flood=name):
                peer = self.raw(server.url)
                peer.send(opening)
                for _ in range(100):
                    if not peer.send(flood):
                        break
                peer.ending()
        with self.subTest(flood="reset"):
            peer = self.raw(server.url)
            for number in range(3000):
                stream = 2 * number + 1
                if not peer.send(frame(HEADERS, 5, stream, GET_HEALTH) +
                                 frame(RST_STREAM, 0, stream, b"\0\0\0\x08")):
                    break
            peer.ending()
        with self.subTest(flood="continuation"):
            peer = self.raw(server.url)
            peer.send(frame(HEADERS, 1, 1, GET_HEALTH))
            for _ in range(1000):
                if not peer.send(frame(CONTINUATION, 0, 1, literal(b"x", b"y" * 100) * 10)):
                    break
            peer.ending()
        _, _, metrics = server.get("/metrics")
        floods_seen = sum(int(n) for n in
                          re.findall(rb"streamforge_http2_floods_total\{[^}]*\} (\d+)", metrics))
        self.assertGreaterEqual(floods_seen, 3)
        self.assert_alive(server)

    @on_both_backends
    def test_what_is_unfinished_has_its_time(self):
        server = self.serve()
        begun = time.monotonic()
        silent = Raw.__new__(Raw)
        silent.socket, silent.got = dial(server.url), b""
        self.addCleanup(silent.socket.close)
        silent.socket.sendall(PREFACE)
        block = self.raw(server.url)
        block.send(frame(HEADERS, 1, 1, GET_HEALTH))  # Without END_HEADERS.
        self.assertEqual(silent.ending(HEAD_SECONDS + 5), 4)  # SETTINGS_TIMEOUT
        self.assertEqual(block.ending(HEAD_SECONDS + 5), 1)
        self.assertGreater(time.monotonic() - begun, HEAD_SECONDS - 1)
        self.assert_alive(server)

    @on_both_backends
    def test_what_is_no_http2(self):
        server = self.serve()
        for noise in (b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + b"\0" * 50):
            peer = dial(server.tls_url)
            self.addCleanup(peer.close)
            peer.sendall(noise)
            peer.settimeout(10)
            while peer.recv(65536):
                pass
        self.assert_alive(server)

    @on_both_backends
    def test_more_streams_than_allowed(self):
        server = self.serve()
        client = self.connect(server.url)
        client.get("/healthz")
        self.assertEqual(client.state.remote_settings.max_concurrent_streams, 100)
        streams = [client.ask("GET", "/api/v1/events") for _ in range(100)]
        for stream in streams:
            self.assertTrue(client.until(lambda s=stream: client.answers[s].body))
        client.socket.close()
        self.assert_alive(server)


if __name__ == "__main__":
    print(f"the server is {BINARY}")
    unittest.main()
