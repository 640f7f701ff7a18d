"""Videos to be delivered, made by the server that is measured."""

import json
import os
import pathlib
import subprocess
import time

from servers import ROOT, get, ours

SEGMENT_BYTES = 1_500_000
READY_SECONDS = 300


def make_video(binary: str, data: pathlib.Path, clip: pathlib.Path) -> dict:
    """Uploads a clip and waits until it is ready; the video."""
    with ours(binary, data) as (_, url):
        subprocess.run([binary, "upload", clip, "--data", data], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return wait_until_ready(url)


def make_clip(work: pathlib.Path, size: str, seconds: int) -> pathlib.Path:
    clip = work / "clip.mp4"
    subprocess.run([ROOT / "tools/make_clip", "--kind", "mp4", "--size", size, "--seconds",
                    str(seconds), "--out", clip], check=True, stdout=subprocess.DEVNULL)
    return clip


def make_segment(binary: str, work: pathlib.Path, data: pathlib.Path, size: str) -> str:
    """The path of the segment that is closest to SEGMENT_BYTES."""
    video = make_video(binary, data, make_clip(work, size, 8))
    folder = data / "processed" / video["id"]
    segments = list(folder.glob("*p/*.ts"))
    best = min(segments, key=lambda file: abs(file.stat().st_size - SEGMENT_BYTES))
    return f"/v/{video['id']}/{best.relative_to(folder)}"


def make_library(binary: str, work: pathlib.Path, data: pathlib.Path, objects: int) -> list[str]:
    """A video of so many segments, each overwritten by SEGMENT_BYTES of noise; their paths."""
    clip = work / "clip.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                    f"testsrc=size=64x64:rate=1:duration={objects * 4}", "-c:v", "libx264",
                    "-preset", "ultrafast", "-pix_fmt", "yuv420p", clip], check=True)
    video = make_video(binary, data, clip)
    return fill_library(data / "processed" / video["id"], objects)


def fill_library(folder: pathlib.Path, objects: int) -> list[str]:
    files = sorted(folder.glob("*p/*.ts"), key=lambda file: int(file.stem))[:objects]
    for file in files:
        file.write_bytes(os.urandom(SEGMENT_BYTES))
    os.sync()
    return [f"/v/{folder.name}/{file.relative_to(folder)}" for file in files]


def files_of(data: pathlib.Path, paths: list[str]) -> list[pathlib.Path]:
    return [data / "processed" / path.removeprefix("/v/") for path in paths]


def wait_until_ready(url: str) -> dict:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        items = json.loads(get(f"{url}/api/v1/videos"))["items"]
        if items and items[0]["status"] == "ready":
            return items[0]
        if items and items[0]["status"] == "failed":
            raise RuntimeError(f"the clip failed: {items[0]['error']}")
        time.sleep(0.2)
    raise RuntimeError(f"the clip was not ready after {READY_SECONDS} s")


def drop_from_memory(files: list[pathlib.Path]) -> None:
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
