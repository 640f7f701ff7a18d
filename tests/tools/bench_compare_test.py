#!/usr/bin/env python3
"""tools/bench_compare: says what got slower, and nothing about noise.

    python3 tests/tools/bench_compare_test.py
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "bench_compare"


def compare(before: dict, after: dict) -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder) / name for name in ("before.json", "after.json")]
        for path, report in zip(paths, (before, after)):
            path.write_text(json.dumps(report), encoding="utf-8")
        ran = subprocess.run([sys.executable, TOOL, *paths], capture_output=True, text=True,
                             check=False)
        return ran.returncode, ran.stdout + ran.stderr


def scenario(*runs: float) -> dict:
    return {"benchmarks": [{"name": "serve", "better": "more", "runs": runs}]}


def micro(*times: float) -> dict:
    rows = [{"name": "parse", "run_type": "iteration", "cpu_time": time} for time in times]
    return {"context": {}, "benchmarks": rows + [{"name": "parse_median", "run_type": "aggregate",
                                                  "cpu_time": 1}]}


class BenchCompare(unittest.TestCase):
    def test_a_loss_beyond_noise_is_slower(self):
        self.assertEqual(compare(scenario(100, 101, 99), scenario(80, 81, 79))[0], 1)
        self.assertEqual(compare(micro(10, 10, 11), micro(12, 13, 12))[0], 1)

    def test_a_gain_or_noise_is_not(self):
        self.assertEqual(compare(scenario(100, 101, 99), scenario(120, 121, 119))[0], 0)
        self.assertEqual(compare(scenario(100, 140, 60), scenario(80, 110, 50))[0], 0)
        self.assertEqual(compare(micro(10, 10, 11), micro(10.5, 10.5, 10.5))[0], 0)

    def test_says_what_is_only_in_one(self):
        self.assertIn("only in before", compare(scenario(1), {"benchmarks": []})[1])


if __name__ == "__main__":
    unittest.main()
