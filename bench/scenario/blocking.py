"""Which system calls of our reactors take long? By strace, which slows what it watches down."""

import pathlib
import re
import subprocess
import tempfile
import time

OVER_SECONDS = 0.005
WAITS = {"io_uring_enter", "epoll_wait", "epoll_pwait", "epoll_pwait2"}


def reactors(pid: int) -> list[str]:
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return [task.name for task in tasks if (task / "comm").read_text().startswith("sf-reactor")]


class Trace:
    """Watches the reactors of a server while the context lasts."""

    def __init__(self, pid: int):
        self.threads = reactors(pid)
        self.said = ""

    def __enter__(self):
        self.out = tempfile.NamedTemporaryFile(mode="r", suffix=".strace")
        attach = [word for thread in self.threads for word in ("--attach", thread)]
        self.process = subprocess.Popen(
            ["strace", *attach, "--syscall-times=us", "--decode-fds=path", "--output",
             self.out.name],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.process.stderr.readline()  # "attached"
        time.sleep(0.2)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=30)
        self.said = self.out.read()
        self.out.close()

    def long_calls(self) -> list[str]:
        """Lines of those that took over OVER_SECONDS and are no waits of the reactor's."""
        found = []
        for line in self.said.splitlines():
            took = re.search(r"<([\d.]+)>$", line)
            call = re.search(r"(\w+)\(", line)
            if took and float(took.group(1)) > OVER_SECONDS and call.group(1) not in WAITS:
                found.append(line)
        return found
