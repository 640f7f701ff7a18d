"""A memory cgroup for a server, so that the page cache it fills is small. Versions 1 and 2."""

import contextlib
import os
import pathlib

ROOTS = {1: pathlib.Path("/sys/fs/cgroup/memory"), 2: pathlib.Path("/sys/fs/cgroup")}
FILES = {1: ("memory.limit_in_bytes", "memory.usage_in_bytes"), 2: ("memory.max", "memory.current")}


def version() -> int:
    """Of the hierarchy that has the memory controller; 0 when there is none that we may use."""
    if os.access(ROOTS[1] / "memory.limit_in_bytes", os.R_OK) and os.access(ROOTS[1], os.W_OK):
        return 1
    with contextlib.suppress(OSError):
        if "memory" in (ROOTS[2] / "cgroup.subtree_control").read_text().split():
            return 2 if os.access(ROOTS[2], os.W_OK) else 0
    return 0


class MemoryLimit:
    """One group; what is started by way of `enter` lives in it. Removed once all that has ended."""

    def __init__(self, name: str):
        kind = version()
        if kind == 0:
            raise RuntimeError("cannot be measured here: no memory cgroup that may be made; run it "
                               "as root where /sys/fs/cgroup has the memory controller")
        self.folder = ROOTS[kind] / f"streamforge-bench-{os.getpid()}-{name}"
        self.limit, self.usage = (self.folder / file for file in FILES[kind])
        self.enter = ("sh", "-c", f'echo $$ > {self.folder}/cgroup.procs && exec "$@"', "sh")

    def __enter__(self):
        self.folder.mkdir()
        return self

    def __exit__(self, *_):
        self.folder.rmdir()

    def allow_beside(self, cache_bytes: int) -> None:
        """So much for the page cache, beside what is in use now: call it when none is cached."""
        self.limit.write_text(str(int(self.usage.read_text()) + cache_bytes), encoding="ascii")


class NoLimit(contextlib.nullcontext):
    enter: tuple[str, ...] = ()

    def __enter__(self):
        return self

    def allow_beside(self, cache_bytes: int) -> None:
        pass
