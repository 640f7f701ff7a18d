#!/usr/bin/env python3
"""tools/tidy against small trees: one that is in order, and for each rule one that breaks it.

    python3 tests/tools/tidy_test.py
"""

import importlib.machinery
import pathlib
import sys
import tempfile
import types
import unittest

sys.dont_write_bytecode = True  # Nothing of ours beside the tool.
TIDY = types.ModuleType("tidy")
importlib.machinery.SourceFileLoader(
    "tidy", str(pathlib.Path(__file__).parents[2] / "tools" / "tidy")).exec_module(TIDY)

# Two rooms in order; each test changes a file or two of it.
GOOD = {
    "CMakeLists.txt": "add_subdirectory(src/base)\n",
    "tools/rooms.txt":
        "base: · spdlog/* · spdlog::*\nio: base · liburing.h · foreign::liburing\n",
    "include/streamforge/base/word.hpp": "#pragma once\n\n/// A word.\n\n#include <string>\n",
    "src/base/CMakeLists.txt":
        "sf_room(base HEADERS word.hpp SOURCES word.cpp FOREIGN spdlog::spdlog)\n",
    "src/base/word.cpp": '#include <streamforge/base/word.hpp>\n\n#include "private.hpp"\n',
    "src/base/private.hpp": "#pragma once\n\n/// Private.\n\n#include <spdlog/spdlog.h>\n",
    "include/streamforge/io/ring.hpp":
        "#pragma once\n\n/// A ring.\n\n#include <streamforge/base/word.hpp>\n",
    "src/io/CMakeLists.txt": "sf_room(io HEADERS ring.hpp SOURCES ring.cpp USES base)\n",
    "src/io/ring.cpp": "#include <streamforge/io/ring.hpp>\n\n#include <liburing.h>\n",
    "tests/unit/io/ring_test.cpp": '#include <gtest/gtest.h>\n\n#include "support/dir.hpp"\n',
    "tests/support/dir.hpp": "#pragma once\n\n/// A folder.\n",
}


def run_tidy(files: dict[str, str]) -> str:
    """What it says about a tree of these files."""
    with tempfile.TemporaryDirectory() as root:
        for name, content in files.items():
            path = pathlib.Path(root) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return "\n".join(map(str, TIDY.findings_of(pathlib.Path(root))[1]))


class Tidy(unittest.TestCase):
    def assert_finds(self, expected: str, changes: dict[str, str]) -> None:
        self.assertIn(expected, run_tidy(GOOD | changes))

    def assert_clean(self, changes: dict[str, str]) -> None:
        self.assertEqual(run_tidy(GOOD | changes), "")

    def source(self, body: str) -> dict[str, str]:
        """The tree with `body` in io's source file."""
        return {"src/io/ring.cpp": f"#include <streamforge/io/ring.hpp>\n{body}\n"}

    def test_a_tree_in_order_is_clean(self):
        self.assert_clean({})

    def test_rooms_include_only_what_they_may(self):
        self.assert_finds("src/base/word.cpp:1: room base may not include io",
                          {"src/base/word.cpp":
                               '#include <streamforge/io/ring.hpp>\n#include "private.hpp"\n'})
        self.assert_finds("does not exist", self.source("#include <streamforge/base/no.hpp>"))
        self.assert_clean({"tests/unit/base/word_test.cpp": "#include <streamforge/io/ring.hpp>\n"})

    def test_private_headers_stay_private(self):
        self.assert_finds('"private.hpp" is not a header of room io',
                          self.source('#include "private.hpp"'))
        self.assert_finds('"private.hpp" is not a header of room io',
                          {"tests/unit/io/ring_test.cpp": '#include "private.hpp"\n'})
        self.assert_clean({"tests/unit/base/word_test.cpp": '#include "private.hpp"\n'})
        self.assert_finds("never through ..", self.source('#include "../base/private.hpp"'))
        self.assert_finds("front door includes front doors only",
                          {"include/streamforge/base/word.hpp":
                               '#pragma once\n/// A word.\n#include "private.hpp"\n'})

    def test_foreign_headers_have_one_room(self):
        self.assert_finds("<spdlog/spdlog.h> belongs to base",
                          self.source("#include <spdlog/spdlog.h>"))
        self.assert_finds("<curl/curl.h> is foreign", self.source("#include <curl/curl.h>"))
        self.assert_finds("<gtest/gtest.h> is foreign", self.source("#include <gtest/gtest.h>"))
        self.assert_finds("foreign headers stay out of front doors",
                          {"include/streamforge/io/ring.hpp":
                               "#pragma once\n/// A ring.\n#include <liburing.h>\n"})
        self.assert_clean(self.source("#include <sys/socket.h>\n#include <vector>"))

    def test_rooms_link_only_what_they_may(self):
        base = "sf_room(base HEADERS word.hpp SOURCES word.cpp USES io)\n"
        self.assert_finds("room base may not link io", {"src/base/CMakeLists.txt": base})
        io = "sf_room(io HEADERS ring.hpp SOURCES ring.cpp USES base FOREIGN spdlog::spdlog)\n"
        self.assert_finds("room io may not link spdlog::spdlog", {"src/io/CMakeLists.txt": io})

    def test_nothing_goes_in_circles(self):
        self.assert_finds("cycle: base -> io -> base",
                          {"tools/rooms.txt":
                               "base: io · spdlog/* · spdlog::*\nio: base · liburing.h ·\n"})
        self.assert_finds("include cycle", {
            "src/base/private.hpp": '#pragma once\n/// One.\n#include "other.hpp"\n',
            "src/base/other.hpp": '#pragma once\n/// Two.\n#include "private.hpp"\n'})

    def test_files_are_alive(self):
        self.assert_finds("src/io/dead.cpp: listed in no CMakeLists.txt", {"src/io/dead.cpp": ""})
        self.assert_finds("src/io/dead.hpp: no file includes this header",
                          {"src/io/dead.hpp": "#pragma once\n/// Dead.\n"})
        self.assert_finds("include/streamforge/io/dead.hpp: listed in no CMakeLists.txt",
                          {"include/streamforge/io/dead.hpp": "#pragma once\n/// Dead.\n"})

    def test_headers_guard_themselves_and_say_their_contract(self):
        self.assert_finds("#pragma once is missing", {"src/base/private.hpp": "/// Private.\n"})
        bare = "#pragma once\n\nnamespace sf {\nclass A {};\n}\n"
        self.assert_finds("begins with a /// comment", {"src/base/private.hpp": bare})

    def test_results_must_be_looked_at(self):
        header = "#pragma once\n/// A ring.\nclass Ring {\n  {}\n};\n"
        for bad in ("Result<> open();", "static Result<std::vector<int>> open();"):
            with self.subTest(bad):
                self.assert_finds("ring.hpp:4: [[nodiscard]]",
                                  {"include/streamforge/io/ring.hpp": header.replace("{}", bad)})
        for fine in ("[[nodiscard]] static Result<> open();", "Result<int> await_resume();"):
            with self.subTest(fine):
                self.assert_clean({"include/streamforge/io/ring.hpp": header.replace("{}", fine)})

    def test_lines_are_tidy(self):
        self.assert_finds("ring.cpp:2: 101 columns", self.source("// " + "x" * 98))
        self.assert_clean(self.source("// " + "é" * 97))
        self.assert_finds("white space at the end", self.source("int a; "))
        self.assert_finds("a tab", self.source("\tint a;"))
        self.assert_finds("no newline at the end",
                          {"src/io/ring.cpp": "#include <streamforge/io/ring.hpp>"})

    def test_unfinished_work_names_its_issue(self):
        word = "TO" + "DO"
        self.assert_finds("unfinished", self.source(f"// {word}: later"))
        self.assert_clean(self.source(f"// {word}(#12): later"))

    def test_banned_calls(self):
        for call in ("strcpy(a, b);", "std::sprintf(a, b);", "int i = std::rand();", "printf(a);",
                     "std::cerr << 1;", "std::stoi(a);", "::system(a);", "getenv(a);", "assert(a);",
                     "using namespace std;"):
            with self.subTest(call):
                self.assert_finds("src/io/ring.cpp:2: ", self.source(call))
        for fine in ("snprintf(a, 1, b);", "run.system(1);", "// printf(a)", 'say("printf(a)");',
                     "static_assert(true);", "const int n = 10'000; char c = 'x';",
                     "std::this_thread::yield();"):
            with self.subTest(fine):
                self.assert_clean(self.source(fine))

    def test_threads_and_locks_live_in_few_files(self):
        self.assert_clean(self.source("std::mutex m;"))
        self.assert_finds("src/base/word.cpp:2: std::mutex",
                          {"src/base/word.cpp": '#include "private.hpp"\nstd::mutex m;\n'})

    def test_coroutine_forms_that_miscompile(self):
        for form in ("co_await run([id] { return id; });", "co_await send({1, 2});",
                     "co_await send(Head{1});",
                     "auto t = [id](int n) -> io::Task<int> { co_return n; };"):
            with self.subTest(form):
                self.assert_finds("src/io/ring.cpp:2: ", self.source(form))
        for fine in ("if (co_await ready()) { go(); }", "auto x = co_await items[3].read(a[1]);",
                     "while (auto r = co_await next(list[0])) {}", "co_await task; { int a[2]; }"):
            with self.subTest(fine):
                self.assert_clean(self.source(fine))


if __name__ == "__main__":
    unittest.main()
