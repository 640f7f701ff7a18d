"""A bad line: a TCP relay that is slow and loses what a story tells it to."""

import socket
import threading
import time

PIECE_BYTES = 32 << 10


class Line:
    """Relays connections to a port of this machine at `bytes_per_second` in all (client to server).
    `loses(head)` is asked for each piece that begins a request: True lets the request pass and cuts
    the connection when its answer comes."""

    def __init__(self, port, bytes_per_second, loses=lambda head: False):
        self.target = port
        self.rate = bytes_per_second
        self.loses = loses
        self.carried = 0  # Bytes from clients.
        self.heads = []   # First lines and fields of requests, in the order of their arrival.
        self.open = 0
        self.open_most = 0  # Connections at once.
        self.lost = threading.Event()
        self.pace = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            # What waits in the relay's buffers is no progress: keep them small.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE_BYTES)
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        with client:
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            with server:
                cut = threading.Event()
                answers = threading.Thread(target=self._answers, args=(server, client, cut),
                                           daemon=True)
                answers.start()
                self._count(1)
                self._requests(client, server, cut)
                self._count(-1)
                answers.join()

    def _count(self, change):
        with self.pace:
            self.open += change
            self.open_most = max(self.open_most, self.open)

    def _requests(self, client, server, cut):
        try:
            while piece := client.recv(PIECE_BYTES):
                if piece.startswith((b"POST /", b"PATCH /", b"HEAD /", b"OPTIONS /")):
                    head = piece.split(b"\r\n\r\n")[0].decode()
                    self.heads.append(head)
                    if self.loses(head):
                        cut.set()
                with self.pace:
                    self.carried += len(piece)
                    time.sleep(len(piece) / self.rate)
                server.sendall(piece)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            _end(client, server)

    def _answers(self, server, client, cut):
        try:
            while piece := server.recv(PIECE_BYTES):
                if cut.is_set():
                    break
                client.sendall(piece)
        except OSError:
            pass
        if cut.is_set():
            self.lost.set()
        _end(client, server)


def _end(*sockets):
    for each in sockets:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
