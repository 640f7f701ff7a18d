"""The right to upload ends in the middle of it: a revoked token, and the user's next one."""

import base64
import functools
import json
import unittest

from harness import BACKENDS, BINARY, Story, run
from tus_wire import ask, connect, create, noise, patch, patch_head, read_answer

SOURCE = noise(3_000_000)
HALF = len(SOURCE) // 2


def b64(value):
    return base64.b64encode(str(value).encode()).decode()


def on_both_backends(story):
    @functools.wraps(story)
    def test(self):
        for backend in BACKENDS:
            with self.subTest(backend=backend):
                self.data = self.dir / backend
                server = self.server(backend, backend, ("--transcoders", "0"))
                self.admin("user", "add", "ann", input="correct horse battery staple\n")
                story(self, server)
                self.assertEqual(server.stop(), 0)

    return test


class RevokedToken(Story):
    def admin(self, *arguments, **options):
        done = run(BINARY, *arguments, "--data", self.data, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def token(self):
        return {"Authorization": f"Bearer {self.admin('token', 'create', 'ann').strip()}"}

    def revoke(self):
        """The one token that there is."""
        self.admin("token", "revoke", self.admin("token", "list").split("\t")[0])

    def patch_revoked_on_its_way(self, server, path, body, token):
        with connect(server) as connection:
            connection.sendall(patch_head(path, 0, len(body), **token) + body[:HALF // 2])
            ask(server, "GET", "/healthz")
            self.revoke()
            connection.sendall(body[HALF // 2:])
            return read_answer(connection)

    @staticmethod
    def videos(server, token):
        listed = json.loads(ask(server, "GET", "/api/v1/videos", **token).body)
        return [video["status"] for video in listed["items"]]

    def expect_shut(self, server, path, offset, token):
        self.assertEqual(ask(server, "HEAD", path, **token).status, 401)
        self.assertEqual(patch(server, path, offset, SOURCE[offset:], **token).status, 401)

    def expect_rest_taken(self, server, path, offset):
        """By the same user's next token."""
        token = self.token()
        self.assertEqual(ask(server, "GET", path, **token).status, 404)
        self.assertEqual(ask(server, "HEAD", path, **token).offset, offset)
        rest = patch(server, path, offset, SOURCE[offset:], **token)
        self.assertEqual(rest.status, 204, rest.body)
        self.assertTrue(ask(server, "GET", path, **token).body == SOURCE)

    @on_both_backends
    def test_between_two_patches(self, server):
        token = self.token()
        path = create(server, len(SOURCE), **token)
        self.assertEqual(patch(server, path, 0, SOURCE[:HALF], **token).status, 204)
        self.revoke()
        self.expect_shut(server, path, HALF, token)
        server.kill()
        server.start()
        self.expect_shut(server, path, HALF, token)
        self.expect_rest_taken(server, path, HALF)

    @on_both_backends
    def test_of_parts_in_a_group(self, server):
        """The whole waits, too."""
        group = f"group {b64('g')},total {b64(len(SOURCE))},offset "
        token = self.token()
        paths = [create(server, HALF, Upload_Concat="partial",
                        Upload_Metadata=group + b64(at), **token) for at in (0, HALF)]
        self.assertEqual(patch(server, paths[0], 0, SOURCE[:HALF], **token).status, 204)
        answer = self.patch_revoked_on_its_way(server, paths[1], SOURCE[HALF:], token)
        self.assertEqual(answer.status, 401)
        server.kill()
        server.start()
        self.expect_shut(server, paths[1], HALF, token)
        token = self.token()
        self.assertEqual(self.videos(server, token), ["uploading"])
        final = ask(server, "POST", "/files", Upload_Concat="final;" + " ".join(paths), **token)
        self.assertEqual(final.status, 201, final.body)
        self.assertTrue(ask(server, "GET", final.fields["location"], **token).body == SOURCE)

    @on_both_backends
    def test_before_the_last_bytes_of_a_patch(self, server):
        token = self.token()
        path = create(server, len(SOURCE), **token)
        answer = self.patch_revoked_on_its_way(server, path, SOURCE, token)
        self.assertEqual((answer.status, answer.offset), (401, len(SOURCE)))
        server.kill()
        server.start()
        self.expect_shut(server, path, len(SOURCE), token)
        self.expect_rest_taken(server, path, len(SOURCE))


if __name__ == "__main__":
    unittest.main()
