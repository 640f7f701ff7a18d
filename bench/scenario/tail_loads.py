"""The open-loop client of bench/scenario/tails, and what goes on beside it."""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import threading
import time
import urllib.parse
import urllib.request

from library import make_clip
from servers import CLIENT_CPU, cpu_seconds, get
from upload_cases import Client

PIECE_BYTES = 32 * 1024
YIELDING = 19  # What shares the client's core yields to it: that must not be measured.
WORK_SECONDS = 90  # Of 1080p: minutes of encoding for one core.


def open_loop(chosen: argparse.Namespace, url: str, paths: list[str], rate: float,
              seed: int) -> dict:
    port = urllib.parse.urlsplit(url).port
    ran = subprocess.run(
        ["taskset", "--cpu-list", CLIENT_CPU, chosen.client, str(port), str(rate),
         str(chosen.seconds), str(chosen.connections), str(seed), *paths],
        check=True, capture_output=True, text=True, timeout=chosen.seconds + 30)
    return json.loads(ran.stdout)


@contextlib.contextmanager
def uploads(url: str, count: int, mbits: float):
    """So many endless uploads at that rate; gives what says how fast they were."""
    parts = urllib.parse.urlsplit(url)
    stop = threading.Event()
    sent = [0] * count
    failures: list[str] = []

    def send(n: int):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), YIELDING)
        try:
            with Client((parts.hostname, parts.port)) as client:
                size = 4 << 30
                path = client.create(size)
                client.send_head("PATCH", path, size, Upload_Offset=0,
                                 Content_Type="application/offset+octet-stream")
                piece, begun = os.urandom(PIECE_BYTES), time.monotonic()
                while not stop.is_set():
                    client.connection.sendall(piece)
                    sent[n] += len(piece)
                    stop.wait(max(0, begun + sent[n] * 8 / (mbits * 1e6) - time.monotonic()))
            with Client((parts.hostname, parts.port)) as client:
                client.ask("DELETE", path, 204)
        except (OSError, RuntimeError) as error:
            failures.append(str(error))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    try:
        yield lambda: {"uploaded Mbit/s": sum(sent) * 8 / 1e6 / (time.monotonic() - begun)}
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if failures:
        raise RuntimeError(f"an upload failed: {failures[0]}")


def encoders_seconds(pid: int) -> float:
    """CPU time of a server's workers."""
    children = pathlib.Path(f"/proc/{pid}/task")
    found = [child for task in children.iterdir() for child in
             (task / "children").read_text().split()]
    return sum(cpu_seconds(int(child)) for child in found)


@contextlib.contextmanager
def encode(chosen: argparse.Namespace, work: pathlib.Path, pid: int, url: str):
    """A long video to be encoded, which rests; gives a context in which it does not."""
    clip = make_clip(work, "320x180" if chosen.smoke else "1920x1080", WORK_SECONDS)
    subprocess.run([chosen.binary, "upload", clip, "--to", url], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    one = f"{url}/api/v1/videos/{json.loads(get(url + '/api/v1/videos'))['items'][0]['id']}"

    def command(verb: str):
        request = urllib.request.Request(f"{one}/{verb}", method="POST", data=b"")
        urllib.request.urlopen(request, timeout=30).close()

    @contextlib.contextmanager
    def running():
        command("resume")
        before, begun = encoders_seconds(pid), time.monotonic()
        yield lambda: {"encoding share": (encoders_seconds(pid) - before) /
                                         (time.monotonic() - begun)}
        command("pause")

    command("pause")
    yield running


ATTACKS = {"slow heads": ("-H", "-i", "1"),
           "slow bodies": ("-B", "-i", "1", "-t", "POST", "-f", "application/json"),
           "ranges": ("-R", "-t", "GET", "-a", "5", "-b", "3000"),
           "slow reads": ("-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32", "-k", "3")}
TARGETS = {"slow bodies": "/api/v1/session"}


@contextlib.contextmanager
def attack(chosen: argparse.Namespace, kind: str, url: str, segment: str):
    """slowhttptest on the client's core, all its connections tried before the context begins."""
    seconds = 3
    process = subprocess.Popen(
        ["nice", "-n", str(YIELDING), "taskset", "--cpu-list", CLIENT_CPU, "slowhttptest",
         *ATTACKS[kind], "-c", str(chosen.attackers), "-r", str(max(1, chosen.attackers // 2)),
         "-l", str(int(chosen.seconds) + seconds + 30), "-p", "30",
         "-u", url + TARGETS.get(kind, segment)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(seconds)
        yield None
    finally:
        process.kill()
        process.wait()
