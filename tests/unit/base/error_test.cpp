#include <streamforge/base/error.hpp>

#include <streamforge/base/assert.hpp>
#include <streamforge/base/unique_fd.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>

#include <cerrno>

namespace sf {
namespace {

TEST(Error, ErrnoBecomesACodeWithItsContext) {
  const std::pair<int, ErrorCode> rows[] = {
      {ENOSPC, ErrorCode::kNoSpace},     {EDQUOT, ErrorCode::kNoSpace},
      {ENOENT, ErrorCode::kNotFound},    {ECANCELED, ErrorCode::kCancelled},
      {ETIME, ErrorCode::kTimedOut},     {ECONNRESET, ErrorCode::kClosed},
      {EPIPE, ErrorCode::kClosed},       {EADDRINUSE, ErrorCode::kUnavailable},
      {ENOSYS, ErrorCode::kUnsupported}, {EIO, ErrorCode::kIo},
      {EROFS, ErrorCode::kIo},           {EACCES, ErrorCode::kIo}};
  for (const auto& [sys, code] : rows) {
    const Error error = error_from_errno(sys, "open /x");
    EXPECT_EQ(error.code, code) << sys;
    EXPECT_EQ(error.sys, sys);
  }
  EXPECT_EQ(error_from_errno(ENOENT, "open /x").message, "open /x: No such file or directory");
}

TEST(Error, EveryCodeHasANameOfItsOwn) {
  EXPECT_EQ(name_of(ErrorCode::kInvalidArgument), "invalid_argument");
  EXPECT_EQ(name_of(ErrorCode::kInternal), "internal");
}

TEST(AssertDeathTest, SaysWhatAndWhereAndAborts) {
  EXPECT_DEATH(SF_ASSERT(1 + 1 == 3), "assertion failed expression=\"1 \\+ 1 == 3\" file=.*line=");
}

TEST(UniqueFd, ClosesOnceAndMoves) {
  UniqueFd a(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(a);
  const int number = a.get();
  UniqueFd b(std::move(a));
  EXPECT_EQ(b.get(), number);
  b.reset();
  EXPECT_FALSE(b);
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

}  // namespace
}  // namespace sf
