"""What others do on the machine while a scenario measures: a tail that is theirs tells nothing."""

import os
import pathlib
import resource
import sys
import time

from servers import cpu_seconds

TICKS = os.sysconf("SC_CLK_TCK")
SHARE_MAX = 0.05  # Of one core.
TRIES_MAX = 6


def descendants(pid: int) -> list[int]:
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += descendants(int(child))
    return found


class Others:
    """CPU time of everybody but this process and what it has started, since the object was made."""

    def __init__(self):
        self.begun, self.busy, self.own = self._now()

    @staticmethod
    def _now() -> tuple[float, float, float]:
        fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        ticks = [int(field) for field in fields]
        busy = (sum(ticks) - ticks[3] - ticks[4]) / TICKS  # Not idle or iowait.
        own = 0.0
        for pid in descendants(os.getpid()):
            try:
                own += cpu_seconds(pid)
            except OSError:
                pass  # It has just ended; its time comes with the next line, or is another's.
        reaped = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.monotonic(), busy, own + reaped.ru_utime + reaped.ru_stime

    def share(self) -> float:
        """Of one core."""
        now, busy, own = self._now()
        return max(0.0, (busy - self.busy) - (own - self.own)) / (now - self.begun)


def undisturbed(measure, tries: int = TRIES_MAX):
    """What `measure` gives, once others left the machine to it; after some tries, as it is."""
    for _ in range(tries):
        others = Others()
        found = measure()
        share = others.share()
        if share <= SHARE_MAX:
            break
        print(f"others used {share:.0%} of a core meanwhile", file=sys.stderr, flush=True)
    return {**found, "others": share}
