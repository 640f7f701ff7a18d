"""The uploads that bench/scenario/upload measures, and the client that sends them."""

import base64
import hashlib
import os
import pathlib
import re
import socket
import statistics
import threading
import time
import urllib.parse

from servers import cpu_seconds

MIB = 1 << 20
SOURCE_BYTES = 4 * MIB  # Sent again and again, warm in the cache, as a network card leaves it.
CHECKED_BYTES = 8 * MIB
CHUNK_BYTES = MIB


def rss_bytes(pid: int, peak: bool = False) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{'VmHWM' if peak else 'VmRSS'}:\s*(\d+)", status).group(1)) * 1024


def wait_until_idle(pid: int):
    for _ in range(60):
        before = cpu_seconds(pid)
        time.sleep(1)
        if cpu_seconds(pid) - before < 0.02:
            return
    raise RuntimeError("the server does not come to rest")


class Client:
    """One connection to one server; requests one after another."""

    def __init__(self, address):
        self.connection = socket.create_connection(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send_head(self, method: str, path: str, body: int, **fields):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Tus-Resumable: 1.0.0",
                 f"Content-Length: {body}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode())

    def ask(self, method: str, path: str, status: int, body: int = 0, source=None, **fields):
        """One request, `body` bytes of it from the source; the fields of the answer."""
        self.send_head(method, path, body, **fields)
        while body > 0:
            piece, at = min(body, SOURCE_BYTES), 0
            while at < piece:
                at += os.sendfile(self.connection.fileno(), source.fileno(), at, piece - at)
            body -= piece
        got = b""
        while b"\r\n\r\n" not in got:
            more = self.connection.recv(65536)
            if not more:
                raise RuntimeError(f"{method} {path}: the server left")
            got += more
        head = got.partition(b"\r\n\r\n")[0].decode()
        if int(head.split()[1]) != status:
            raise RuntimeError(f"{method} {path}: {got.decode()}")
        answered = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        return {name.lower(): value for name, value in answered.items()}

    def create(self, size: int) -> str:
        made = self.ask("POST", "/files", 201, Upload_Length=size)
        return urllib.parse.urlsplit(made["location"]).path

    def patch(self, path: str, offset: int, size: int, source, **fields):
        return self.ask("PATCH", path, 204, size, source, Upload_Offset=offset,
                        Content_Type="application/offset+octet-stream", **fields)


def once(address, *arguments, **fields):
    with Client(address) as client:
        return client.ask(*arguments, **fields)


class Meter:
    """What a server spent between two moments."""

    def __init__(self, pid: int):
        self.pid = pid
        self.cpu, self.rss, self.begun = cpu_seconds(pid), rss_bytes(pid), time.monotonic()

    def read(self, size: int) -> dict:
        wall = time.monotonic() - self.begun
        used = max(cpu_seconds(self.pid) - self.cpu, 1e-4)
        return {"per_cpu": size / used, "per_wall": size / wall,
                "rss_grown": rss_bytes(self.pid) - self.rss}


def single(process, address, source, size: int) -> dict:
    """One PATCH of `size` bytes."""
    with Client(address) as client:
        path = client.create(size)
        meter = Meter(process.pid)
        client.patch(path, 0, size, source)
        measured = meter.read(size)
    once(address, "DELETE", path, 204)
    return measured


def checked(process, address, source, size: int) -> dict:
    """PATCHes of 8 MiB, each with its SHA-256, on one connection."""
    source.seek(0)
    piece = source.read(SOURCE_BYTES) * (CHECKED_BYTES // SOURCE_BYTES)
    digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
    with Client(address) as client:
        path = client.create(size)
        meter = Meter(process.pid)
        for offset in range(0, size, CHECKED_BYTES):
            client.patch(path, offset, CHECKED_BYTES, source,
                         Upload_Checksum=f"sha256 {digest}")
        measured = meter.read(size)
    once(address, "DELETE", path, 204)
    return measured


def beside(process, address, source, size: int, others: int) -> dict:
    """One PATCH while `others` more are open, each in the middle of its body."""
    idle = []
    for _ in range(others):
        client = Client(address)
        path = client.create(2 * CHUNK_BYTES)
        client.send_head("PATCH", path, 2 * CHUNK_BYTES, Upload_Offset=0,
                         Content_Type="application/offset+octet-stream")
        client.connection.sendall(bytes(50_000))
        idle.append((client, path))
    wait_until_idle(process.pid)  # What has come of them is made durable after half a second.
    measured = single(process, address, source, size)
    for client, path in idle:
        client.connection.close()
        once(address, "DELETE", path, 204)
    return measured


def crowd(process, address, source, uploads: int, size: int) -> dict:
    """Uploads at once, each in chunks of 1 MiB: how long chunks and whole uploads take."""
    chunks, wholes, failures = [], [], []
    gate = threading.Barrier(uploads + 1)

    def upload():
        try:
            with Client(address) as client:
                path = client.create(size)
                gate.wait()
                begun = time.monotonic()
                for offset in range(0, size, CHUNK_BYTES):
                    asked = time.monotonic()
                    client.patch(path, offset, CHUNK_BYTES, source)
                    chunks.append(time.monotonic() - asked)
                wholes.append(time.monotonic() - begun)
            once(address, "DELETE", path, 204)
        except (OSError, RuntimeError, threading.BrokenBarrierError) as error:
            failures.append(str(error))
            gate.abort()

    threads = [threading.Thread(target=upload) for _ in range(uploads)]
    for thread in threads:
        thread.start()
    gate.wait()
    meter = Meter(process.pid)
    for thread in threads:
        thread.join()
    measured = meter.read(uploads * size)
    wait_until_idle(process.pid)
    chunks.sort()
    median = statistics.median(chunks)
    return {**measured, "errors": len(failures), "error": failures[:1],
            "chunk_ms": median * 1e3, "p99_ms": chunks[len(chunks) * 99 // 100] * 1e3,
            "whole_s": statistics.median(wholes), "slowest_s": max(wholes),
            "peak_rss": rss_bytes(process.pid, peak=True)}
