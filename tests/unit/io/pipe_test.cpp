#include "support/on_reactor.hpp"
#include "support/socket_pair.hpp"
#include "support/temp_dir.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/io/pipe.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace sf::io {
namespace {

class PipeTest : public test::OnReactor {
 protected:
  test::TempDir dir_;
};
SF_ON_BOTH_BACKENDS(PipeTest);

std::string pattern(std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t n = 0; n < bytes; ++n) out[n] = static_cast<char>(n * 131 + n / 251);
  return out;
}

Task<void> splicing(Reactor& reactor, test::SocketPair& pair, int file) {
  Result<Pipe> pipe = Pipe::make();
  EXPECT_EQ(test::outcome(pipe), "ok");
  if (!pipe) co_return;
  EXPECT_EQ(Reactor::try_splice(pair.near.get(), *pipe, 100), -EAGAIN);
  const std::string sent = pattern(60'001);
  EXPECT_EQ(::send(pair.far.get(), sent.data(), sent.size(), 0), 60'001);
  std::size_t moved = 0;
  while (moved < sent.size()) {
    EXPECT_TRUE(co_await reactor.poll(pair.near.get(), POLLIN));
    const std::ptrdiff_t count = Reactor::try_splice(pair.near.get(), *pipe, sent.size() - moved);
    if (count <= 0) break;
    moved += static_cast<std::size_t>(count);
  }
  EXPECT_EQ(moved, sent.size());
  // The first of it only, then what is left.
  EXPECT_TRUE(co_await reactor.splice_all_at(file, *pipe, 10'000, 5));
  EXPECT_TRUE(co_await reactor.splice_all_at(file, *pipe, moved - 10'000, 10'005));
  pair.far.reset();
  EXPECT_TRUE(co_await reactor.poll(pair.near.get(), POLLIN));
  EXPECT_EQ(Reactor::try_splice(pair.near.get(), *pipe, 100), 0);
}

TEST_P(PipeTest, BringsBytesFromASocketToTheirPlaceInAFile) {
  test::SocketPair pair = test::tcp_pair();
  const UniqueFd file(::open(dir_.file("x").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  run([&](Reactor& reactor) { return splicing(reactor, pair, file.get()); });
  EXPECT_EQ(test::read_file(dir_.path() / "x"), std::string(5, '\0') + pattern(60'001));
}

Task<void> splicing_to_a_reader(Reactor& reactor, int file) {
  Result<Pipe> pipe = Pipe::make();
  EXPECT_EQ(::write(pipe->write_end(), "x", 1), 1);
  EXPECT_FALSE(co_await reactor.splice_all_at(file, *pipe, 1, 0));
}

TEST_P(PipeTest, AnErrorOfTheFileIsTold) {
  const UniqueFd file(::open(dir_.file("x").c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
  run([&](Reactor& reactor) { return splicing_to_a_reader(reactor, file.get()); });
}

TEST(Pipe, HoldsAStagingBuffersWorthAndIsFullThen) {
  Result<Pipe> pipe = Pipe::make();
  ASSERT_TRUE(pipe) << pipe.error().message;
  const std::string bytes = pattern(limits::kStagingBufferBytes - 1);
  ASSERT_EQ(::write(pipe->write_end(), bytes.data(), bytes.size()),
            static_cast<::ssize_t>(bytes.size()));
  EXPECT_TRUE(pipe->full()) << "places are pages";
  char byte = 0;
  for (std::size_t page = 0; page < 4096; ++page) {
    ASSERT_EQ(::read(pipe->read_end(), &byte, 1), 1);
  }
  EXPECT_FALSE(pipe->full());
}

}  // namespace
}  // namespace sf::io
