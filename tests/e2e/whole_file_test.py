"""A rung as one file on a disk that is full, and of a film that takes several feeds."""

import contextlib
import json
import os
import subprocess
import unittest
import urllib.error
import urllib.request

from harness import Story, make_clip, run


class WholeFile(Story):
    @contextlib.contextmanager
    def small_disk(self):
        """A filesystem of its own. Mounting takes root, or sudo."""
        root = [] if os.geteuid() == 0 else ["sudo"]
        folder = self.dir / "disk"
        folder.mkdir()
        subprocess.run([*root, "mount", "-t", "tmpfs", "-o", "size=160m,mode=0777", "tmpfs",
                        folder], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*root, "umount", "--lazy", folder], check=True)

    def ready(self, server, clip):
        video = server.upload(clip)
        server.wait(video, "ready")
        return video

    def test_a_full_disk_is_507_and_nothing_stays_behind(self):
        clip = make_clip(self.dir / "clip.mp4", "--kind", "mp4", "--seconds", "5")
        with self.small_disk() as folder:
            server = self.server("disk/data")
            video = self.ready(server, clip)
            path = f"{server.url}/v/{video}/360p.mp4"
            with open(folder / "filler", "wb") as filler:
                free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
                os.posix_fallocate(filler.fileno(), 0, free - (1 << 20))
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(path)
            self.assertEqual(refused.exception.code, 507)
            self.assertEqual(json.load(refused.exception)["code"], "no_space")
            self.assertFalse((folder / "data/processed" / video / "360p.mp4").exists())
            (folder / "filler").unlink()
            with urllib.request.urlopen(path) as answer:
                self.assertEqual(answer.status, 200)
            self.assertEqual(server.stop(), 0)

    def test_a_film_of_many_segments_is_whole(self):
        clip = make_clip(self.dir / "film.mp4", "--kind", "mp4", "--seconds", "95", "--gop", "60",
                         "--size", "160x90")
        server = self.server()
        video = self.ready(server, clip)
        self.assertGreater(server.video(video)["renditions"][0]["segments_total"], 16)
        film = self.dir / "film-again.mp4"
        urllib.request.urlretrieve(f"{server.url}/v/{video}/360p.mp4", film)
        said = run("ffmpeg", "-nostdin", "-v", "warning", "-i", film, "-f", "null", "-")
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        about = json.loads(run("ffprobe", "-v", "error", "-show_streams", "-show_format",
                               "-of", "json", film).stdout)
        picture, sound = about["streams"]
        self.assertEqual(picture["nb_frames"], str(95 * 30))
        self.assertEqual(float(picture["duration"]), 95)
        self.assertAlmostEqual(float(sound["duration"]), 95, delta=0.03)
        self.assertEqual(float(picture["start_time"]), 0)
        self.assertAlmostEqual(float(sound["start_time"]), 0, delta=0.025)


if __name__ == "__main__":
    unittest.main()
