"""What scenarios of small answers share: the server, wrk, and what both say."""

import contextlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.request


@contextlib.contextmanager
def server(binary: str, backend: str, *flags: str, data: pathlib.Path | None = None):
    """A server on a folder of its own, which begins as a copy of `data`, two reactors; gives its
    process id and URL."""
    with tempfile.TemporaryDirectory(prefix="streamforge-bench-") as folder:
        if data:
            shutil.copytree(data, f"{folder}/data", ignore=shutil.ignore_patterns("*.sock"))
        process = subprocess.Popen(
            [binary, "serve", "--data", f"{folder}/data", "--listen", "127.0.0.1:0", "--open",
             "--reactors", "2", "--transcoders", "0", "--io", backend, *flags],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            found = re.match(r"listening on (http://\S+)", process.stdout.readline())
            if not found:
                raise RuntimeError("the server did not start")
            yield process.pid, found.group(1)
        finally:
            process.terminate()
            process.wait(timeout=30)


def metrics(url: str) -> str:
    with urllib.request.urlopen(url + "/metrics", timeout=30) as answer:
        return answer.read().decode()


def by_reactor(text: str, name: str) -> list[int]:
    return [int(value) for value in re.findall(rf'{name}{{reactor="[01]"}} (\d+)', text)]


def resident_kib(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)",
                         pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


def wrk(url: str, connections: int, seconds: float, *flags: str,
        path: str = "/healthz") -> subprocess.Popen:
    return subprocess.Popen(
        ["wrk", "--threads", "1", "--connections", str(connections), "--duration",
         f"{seconds:g}s", "--latency", *flags, url + path], stdout=subprocess.PIPE, text=True)
