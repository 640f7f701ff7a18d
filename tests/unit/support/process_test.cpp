#include "support/process.hpp"

#include <gtest/gtest.h>
#include <signal.h>

namespace sf::test {
namespace {

TEST(RunProgram, ReturnsExitAndBothStreams) {
  const auto ran = run_program({"sh", "-c", "cat; echo said >&2; exit 3"}, {.input = "given"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.out, "given");
  EXPECT_EQ(ran.err, "said\n");
}

TEST(RunProgram, EndsWhatTakesTooLong) {
  EXPECT_EQ(run_program({"sleep", "60"}, {.timeout_ms = 50}).exit, -1);
}

TEST(RunProgram, TellsAMissingProgramAndASignal) {
  EXPECT_EQ(run_program({"/no/such/program"}).exit, 127);
  EXPECT_EQ(run_program({"sh", "-c", "kill -TERM $$"}).exit, 128 + SIGTERM);
}

TEST(Process, StopsWithItsOwner) {
  pid_t pid = 0;
  {
    Process process({"sleep", "60"}, {});
    pid = process.pid();
    EXPECT_TRUE(process.running());
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

}  // namespace
}  // namespace sf::test
