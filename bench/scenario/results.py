"""What a scenario says about its runs, as tools/bench_compare reads it."""

import json
import os
import pathlib
import platform
import re
import statistics
import subprocess

from servers import ROOT


def summary(runs: list[float]) -> dict:
    median = statistics.median(runs)
    return {"median": median, "mad": statistics.median(abs(run - median) for run in runs),
            "n": len(runs), "runs": runs}


def machine() -> dict:
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"],
                            capture_output=True, text=True, check=False).stdout.strip()
    return {"cpu": model.group(1) if model else "?", "cores": os.cpu_count(),
            "kernel": platform.release(), "commit": commit or "?"}


def write(file: pathlib.Path | None, benchmarks: list[dict], **facts) -> None:
    if file:
        file.write_text(json.dumps({"machine": machine(), **facts, "benchmarks": benchmarks},
                                   indent=2), encoding="utf-8")
