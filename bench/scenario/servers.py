"""What scenarios share: our server and nginx, each started on a folder and pinned, and what they
used."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER_CPU, CLIENT_CPU = "0", str(min(1, (os.cpu_count() or 1) - 1))
START_SECONDS = 30

# Its best: one worker, sendfile, tcp_nopush, open_file_cache.
NGINX_CONF = """
daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid;
error_log {dir}/error.log; worker_rlimit_nofile 4096;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
  open_file_cache max=5000 inactive=600s; open_file_cache_valid 600s; default_type video/mp2t;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  {http2}
  server {{ listen 127.0.0.1:{port}{tls}; root {dir}/www; }}
}}
"""
# With the certificate and the suite that we choose; sessions as it has them by default.
NGINX_TLS = """ ssl{http2}; ssl_certificate {pem}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;
  ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256"""
# Frames as large as ours; by default they are half of that, which costs it more.
NGINX_HTTP2 = "http2_chunk_size 16k;"


def get(url: str) -> bytes:
    # Certificates are made by the server that is measured: what is asked for is what comes.
    trusting = ssl._create_unverified_context()
    with urllib.request.urlopen(url, timeout=30, context=trusting) as response:
        return response.read()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of all the threads it has had, io_uring's included."""
    return time.clock_gettime_ns((~pid) << 3 | 2) / 1e9  # CPUCLOCK_SCHED of the process.


@contextlib.contextmanager
def ours(binary: str, data: pathlib.Path, *flags: str, before: tuple[str, ...] = ()):
    """Our server on `data`, started by way of the command `before`; gives its process and URL."""
    with open(data.parent / "ours.log", "ab") as log:
        process = subprocess.Popen(
            [*before, "taskset", "--cpu-list", SERVER_CPU, binary, "serve", "--data", data,
             "--listen", "127.0.0.1:0", "--open", "--access-log", "false", *flags],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        line = process.stdout.readline()
        if "--tls-listen" in flags:
            line = process.stdout.readline()
        found = re.match(r"listening on (https?://\S+)", line)
        if not found:
            said = (data.parent / "ours.log").read_text()
            raise RuntimeError(f"the server did not start: {line}{said}")
        yield process, found.group(1).rstrip("/")
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


@contextlib.contextmanager
def nginx(folder: pathlib.Path, files: list[pathlib.Path], certificate: pathlib.Path | None = None,
          http2: bool = False, before: tuple[str, ...] = ()):
    """nginx with hard links to `files` as /0.ts, /1.ts, …, so that both send the same pages; gives
    its process and URL."""
    (folder / "www").mkdir(parents=True)
    for number, file in enumerate(files):
        os.link(file, folder / f"www/{number}.ts")
    folder.chmod(0o755)
    port = free_port()
    tls = ""
    if certificate:
        tls = NGINX_TLS.format(pem=certificate, key=certificate.with_suffix(".key"),
                               http2=" http2" if http2 else "")
    (folder / "nginx.conf").write_text(
        NGINX_CONF.format(dir=folder, port=port, tls=tls, http2=NGINX_HTTP2 if http2 else ""),
        encoding="ascii")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen(
        [*before, "taskset", "--cpu-list", SERVER_CPU, program, "-p", folder, "-c",
         folder / "nginx.conf"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http{'s' if certificate else ''}://127.0.0.1:{port}"
        for _ in range(START_SECONDS * 20):
            with contextlib.suppress(OSError):
                get(url + "/0.ts")
                break
            time.sleep(0.05)
        yield process, url
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def metric(url: str, name: str) -> float:
    """A metric of ours, summed over its labels."""
    text = get(url + "/metrics").decode()
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M))
