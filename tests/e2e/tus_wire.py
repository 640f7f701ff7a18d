"""tus over a bare socket, for stories in which a client misbehaves."""

import base64
import random
import socket
import urllib.parse

TIMEOUT = 20


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    @property
    def offset(self):
        return int(self.fields["upload-offset"]) if "upload-offset" in self.fields else None


def connect(server):
    url = urllib.parse.urlsplit(server.url)
    return socket.create_connection((url.hostname, url.port), timeout=TIMEOUT)


def head_of(method, path, **fields):
    """Underscores in a field's name stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Tus-Resumable: 1.0.0"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def patch_head(path, offset, length, **fields):
    return head_of("PATCH", path, Upload_Offset=offset, Content_Length=length,
                   Content_Type="application/offset+octet-stream", **fields)


def read_answer(connection, to_head=False):
    """None when the server left without one."""
    got = b""
    while b"\r\n\r\n" not in got:
        try:
            more = connection.recv(65536)
        except ConnectionError:
            return None
        if not more:
            return None
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    length = 0 if to_head else int(fields.get("content-length", 0))
    while len(body) < length:
        more = connection.recv(1 << 20)
        if not more:
            return None
        body += more
    return Answer(int(lines[0].split()[1]), fields, body)


def ask(server, method, path, body=b"", **fields):
    """One request on a connection of its own. An answer that comes before all of the body was
    taken is the answer."""
    with connect(server) as connection:
        try:
            connection.sendall(head_of(method, path, Content_Length=len(body), **fields) + body)
        except ConnectionError:
            pass
        return read_answer(connection, to_head=method == "HEAD")


def create(server, length=None, **fields):
    if length is None:
        fields["Upload_Defer_Length"] = 1
    else:
        fields["Upload_Length"] = length
    answer = ask(server, "POST", "/files", **fields)
    if answer is None or answer.status != 201:
        raise AssertionError(f"POST: {answer and (answer.status, answer.body)}")
    return urllib.parse.urlsplit(answer.fields["location"]).path


def create_part(server, group, begin, end, total):
    """A part that names its group."""
    keys = {"group": group, "offset": begin, "total": total}
    metadata = ",".join(f"{key} {base64.b64encode(str(value).encode()).decode()}"
                        for key, value in keys.items())
    return create(server, end - begin, Upload_Concat="partial", Upload_Metadata=metadata)


def patch(server, path, offset, body, **fields):
    return ask(server, "PATCH", path, body, Upload_Offset=offset,
               Content_Type="application/offset+octet-stream", **fields)


def noise(size, seed=0):
    return random.Random(seed).randbytes(size)
