"""nginx and caddy in front of us, at the root of a host and below a path: uploads, playback, the
page, and who the client is."""

import hashlib
import html.parser
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from harness import BINARY, Story, make_clip, run

CLIENT = "203.0.113.9"

NGINX = """
daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2;
  fastcgi_temp_path {dir}/t3; uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  upstream streamforge {{ server 127.0.0.1:{ours}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {pem}; ssl_certificate_key {pem};
    client_max_body_size 0;
    location {base}/ {{
      proxy_pass http://streamforge; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_request_buffering off; proxy_buffering off;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""

CADDY = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  reverse_proxy 127.0.0.1:{ours} {{
    trusted_proxies 127.0.0.0/8
  }}
}}
"""

CADDY_BELOW = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  redir {base} {base}/
  handle {base}/* {{
    reverse_proxy 127.0.0.1:{ours} {{
      trusted_proxies 127.0.0.0/8
    }}
  }}
}}
"""

BASE = "/media"


class Links(html.parser.HTMLParser):
    """What a page loads."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href")]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy(Story):
    def start(self, argv, url, environment=None):
        log = open(self.dir / "proxy.log", "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, env={**os.environ, **(environment or {})})

        def end():
            process.terminate()
            process.wait(timeout=30)

        self.addCleanup(end)
        for _ in range(200):
            self.assertIsNone(process.poll(), (self.dir / "proxy.log").read_text())
            try:
                self.assertEqual(self.get(url + "/healthz")[0], 200)
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        self.fail("the proxy did not start")

    @staticmethod
    def open(url, method="GET", body=None, **headers):
        request = urllib.request.Request(url, method=method, data=body, headers=headers)
        trusting = ssl._create_unverified_context()
        return urllib.request.urlopen(request, timeout=30, context=trusting)

    @classmethod
    def get(cls, url, **headers):
        return cls.ask(url, "GET", None, headers)

    @classmethod
    def ask(cls, url, method, body, headers):
        try:
            with cls.open(url, method, body, **headers) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()

    def user_story(self, server, url):
        """What a person does, all of it by way of the proxy at `url`; gives the video."""
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--size", "640x360",
                         "--seconds", "9")
        sent = run(BINARY, "upload", clip, "--to", url, "--insecure",
                   env={**os.environ, "XDG_STATE_HOME": str(self.dir / "state")})
        self.assertEqual(sent.returncode, 0, sent.stderr)
        self.assertIn(url, sent.stdout)
        video = server.wait(sent.stdout.strip().rsplit("/", 1)[-1], "ready")
        for _ in range(300):  # The digest is taken in the background.
            if video["source"]["sha256"]:
                break
            time.sleep(0.1)
            video = server.video(video["id"])
        self.assertEqual(video["source"]["sha256"], hashlib.sha256(clip.read_bytes()).hexdigest())

        checked = run(BINARY, "check", "--insecure", urllib.parse.urljoin(url, video["hls_url"]))
        failed = re.findall(r"^P(?!42 )\d+ +FAIL.*$", checked.stdout, re.M)
        self.assertEqual(failed, [], checked.stdout + checked.stderr)

        _, headers, segment = self.get(f"{url}/v/{video['id']}/360p/0.ts")
        self.assertIn("immutable", headers["Cache-Control"])
        status, ranged, part = self.get(f"{url}/v/{video['id']}/360p/0.ts", Range="bytes=100-299")
        self.assertEqual((status, part), (206, segment[100:300]))
        status, _, _ = self.get(f"{url}/v/{video['id']}/360p/0.ts",
                                **{"If-None-Match": headers["ETag"]})
        self.assertEqual(status, 304)
        return video

    def below_a_path(self, server, url):
        """Everything is below BASE, and all that is named is there."""
        self.assertTrue(server.url.endswith(BASE), server.url)
        status, _, page = self.get(url + "/")
        self.assertEqual(status, 200)
        loaded = Links(page.decode()).found
        self.assertTrue(loaded)
        for link in loaded:
            status, headers, _ = self.get(urllib.parse.urljoin(url + "/", link))
            self.assertEqual(status, 200, link)
            self.assertNotIn("text/html", headers["Content-Type"], link)
        with self.open(url) as moved:  # Without its slash: there is one way to write it.
            self.assertEqual(moved.read(), page)
        self.assertEqual(self.get(url + "/nothing")[0], 404)

        with self.open(url + "/api/v1/events") as events:
            video = self.user_story(server, url)
            self.follow_to_ready(events, video)
        for name in ("hls_url", "poster_url", "storyboard_url"):
            self.assertTrue(video[name].startswith(f"{BASE}/v/{video['id']}/"), video[name])
            self.assertEqual(self.get(urllib.parse.urljoin(url, video[name]))[0], 200, name)
        status, _, film = self.get(f"{url}/v/{video['id']}/360p.mp4?download")
        self.assertEqual((status, film[4:8]), (200, b"ftyp"))
        self.resume_an_upload(url)

    def follow_to_ready(self, events, video):
        for line in events:
            if line.startswith(b"event: video.ready"):
                told = json.loads(next(events).split(b"data: ", 1)[1])
                self.assertEqual(told["video"]["hls_url"], video["hls_url"])
                return
        self.fail("the stream of events ended")

    def resume_an_upload(self, url):
        """As a tus client does: go to Location, ask how far it came, send the rest."""
        body = b"not much of a video" * 1000
        half = len(body) // 2
        tus = {"Tus-Resumable": "1.0.0"}
        status, headers, _ = self.ask(url + "/files", "POST", b"",
                                      {**tus, "Upload-Length": str(len(body))})
        self.assertEqual(status, 201)
        upload = urllib.parse.urljoin(url, headers["Location"])
        self.assertTrue(upload.startswith(url + "/files/"), upload)
        sending = {**tus, "Content-Type": "application/offset+octet-stream"}
        self.assertEqual(self.ask(upload, "PATCH", body[:half],
                                  {**sending, "Upload-Offset": "0"})[0], 204)
        _, headers, _ = self.ask(upload, "HEAD", None, tus)
        self.assertEqual(headers["Upload-Offset"], str(half))
        status, headers, _ = self.ask(upload, "PATCH", body[half:],
                                      {**sending, "Upload-Offset": str(half)})
        self.assertEqual((status, headers["Upload-Offset"]), (204, str(len(body))))

    def who_it_is(self, server, url):
        """Another proxy before this one has named the client."""
        self.assertEqual(self.get(url + "/healthz", **{"X-Forwarded-For": CLIENT})[0], 200)
        for _ in range(100):
            if f" peer={CLIENT} " in server.log():
                return
            time.sleep(0.1)
        self.fail("the log does not name the client:\n" + server.log())

    def front(self, base=""):
        """The server behind a proxy, and the port the proxy is to have."""
        server = self.server(extra=("--open", "--access-log", "stderr", "--reactors", "1",
                                    *(("--base-path", base) if base else ())))
        return server, urllib.parse.urlsplit(server.url).port, free_port()

    def nginx(self, base=""):
        if not shutil.which("nginx"):
            self.skipTest("there is no nginx")
        server, ours, port = self.front(base)
        pem = self.dir / "site.pem"
        made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                   "-keyout", self.dir / "key.pem", "-out", self.dir / "cert.pem")
        self.assertEqual(made.returncode, 0, made.stderr)
        pem.write_text((self.dir / "key.pem").read_text() + (self.dir / "cert.pem").read_text())
        config = self.dir / "nginx.conf"
        config.write_text(NGINX.format(dir=self.dir, ours=ours, port=port, pem=pem, base=base))
        url = f"https://127.0.0.1:{port}{base}"
        self.start(["nginx", "-c", config, "-p", self.dir], url)
        return server, url

    def caddy(self, template, base=""):
        if not shutil.which("caddy"):
            self.skipTest("there is no caddy")
        server, ours, port = self.front(base)
        config = self.dir / "Caddyfile"
        config.write_text(template.format(ours=ours, port=port, base=base))
        url = f"http://127.0.0.1:{port}{base}"
        self.start(["caddy", "run", "--config", config, "--adapter", "caddyfile"], url,
                   {"XDG_DATA_HOME": str(self.dir / "caddy"),
                    "XDG_CONFIG_HOME": str(self.dir / "caddy")})
        return server, url

    def test_nginx_with_tls_in_front(self):
        server, url = self.nginx()
        self.user_story(server, url)
        self.who_it_is(server, url)

    def test_caddy_in_front(self):
        server, url = self.caddy(CADDY)
        self.user_story(server, url)
        self.who_it_is(server, url)

    def test_nginx_below_a_path(self):
        self.below_a_path(*self.nginx(BASE))

    def test_caddy_below_a_path(self):
        self.below_a_path(*self.caddy(CADDY_BELOW, BASE))


if __name__ == "__main__":
    unittest.main()
