#!/usr/bin/env python3
"""tools/count_results: every runner's report adds up, and silence is a failure.

    python3 tests/tools/count_results_test.py
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "count_results"


def count(kind: str, report: str | None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "report"
        if report is not None:
            path.write_text(report, encoding="utf-8")
        ran = subprocess.run([sys.executable, TOOL, f"--{kind}", path], capture_output=True,
                             text=True, check=True)
        return ran.stdout.strip()


class CountResults(unittest.TestCase):
    def test_ctest(self):
        self.assertEqual(count("ctest", """<testsuite>
            <testcase name="a" status="run"/>
            <testcase name="b" status="fail"><failure message=""/></testcase>
            <testcase name="c" status="notrun"><skipped message="said so"/></testcase>
            </testsuite>"""), "1 1 1")

    def test_vitest(self):
        tests = [{"fullName": name, "status": name} for name in ("passed", "failed", "pending")]
        self.assertEqual(count("vitest", json.dumps({"testResults": [
            {"name": "a", "status": "failed", "assertionResults": tests},
            {"name": "does not load", "status": "failed", "assertionResults": []}]})), "1 2 1")

    def test_playwright(self):
        specs = [{"title": status, "tests": [{"status": status}]}
                 for status in ("expected", "unexpected", "flaky", "skipped")]
        report = {"suites": [{"suites": [{"specs": specs[:2]}], "specs": specs[2:]}], "errors": []}
        self.assertEqual(count("playwright", json.dumps(report)), "1 2 1")

    def test_unittest(self):
        self.assertEqual(count("unittest", "Ran 3 tests in 0.1s\n\nOK (skipped=1)\n"), "2 0 1")
        self.assertEqual(count("unittest", "ERROR: setUp (A)\nFAIL: test_b (A)\n"
                                           "Ran 4 tests in 1s\n\nFAILED (failures=1, errors=1)\n"),
                         "2 2 0")
        self.assertEqual(count("unittest", "Traceback (most recent call last):\n"), "0 1 0")

    def test_tap(self):
        self.assertEqual(count("tap", """TAP version 13
# Subtest: suite
    # Subtest: a
    ok 1 - a
    not ok 2 - b
    ok 3 - c # SKIP
not ok 1 - suite
ok 2 - alone
"""), "2 1 1")

    def test_silence_is_a_failure(self):
        for kind, report in (("ctest", None), ("ctest", "<testsuite/>"), ("ctest", "<broken"),
                             ("vitest", "{}"), ("playwright", '{"suites": []}'),
                             ("unittest", ""), ("tap", "")):
            with self.subTest(kind=kind, report=report):
                self.assertEqual(count(kind, report), "0 1 0")


if __name__ == "__main__":
    unittest.main()
