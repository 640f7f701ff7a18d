"""A TCP proxy that breaks the connection once, for clients that are to go on by themselves."""

import socket
import socketserver
import threading
import urllib.parse


class Relay(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(self.server.target) as upstream:
            answers = threading.Thread(target=self.pass_back, args=(upstream,))
            answers.start()
            try:
                while piece := self.request.recv(1 << 16):
                    if self.server.cuts_at(len(piece)):
                        break
                    upstream.sendall(piece)
            except OSError:
                pass
            for end in (upstream, self.request):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            answers.join()

    def pass_back(self, upstream):
        try:
            while piece := upstream.recv(1 << 16):
                self.request.sendall(piece)
        except OSError:
            pass


class CuttingProxy(socketserver.ThreadingTCPServer):
    """To `server_url` at `url`; `cuts` is 1 once `cut_after` bytes of requests went through."""

    daemon_threads = True

    def __init__(self, server_url, cut_after):
        super().__init__(("127.0.0.1", 0), Relay)
        target = urllib.parse.urlsplit(server_url)
        self.target = (target.hostname, target.port)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.cuts = 0
        self._left = cut_after
        self._lock = threading.Lock()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def cuts_at(self, count):
        """True for the piece that ends a connection, the first time that there is one."""
        with self._lock:
            self._left -= count
            if self.cuts or self._left >= 0:
                return False
            self.cuts = 1
            return True
