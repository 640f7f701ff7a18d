#include "support/on_reactor.hpp"
#include "support/socket_pair.hpp"
#include "support/temp_dir.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/io/file_bytes.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace sf::io {
namespace {

using test::outcome;

class SendFileTest : public test::OnReactor {
 protected:
  void SetUp() override {
    content_.resize(3 * limits::kMiB + 123);
    for (std::size_t n = 0; n < content_.size(); ++n)
      content_[n] = static_cast<char>(n * 7 + n / 999);
    test::write_file(dir_.file("content"), content_);
    file_ = UniqueFd(::open(dir_.file("content").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file_);
  }
  void forget_pages() const {
    ::fsync(file_.get());
    ASSERT_EQ(::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED), 0);
  }

  test::TempDir dir_;
  std::string content_;
  UniqueFd file_;
};
SF_ON_BOTH_BACKENDS(SendFileTest);

Task<void> send_range(Reactor& reactor, int socket, int file, std::uint64_t offset,
                      std::size_t bytes, std::string& ending) {
  while (bytes > 0) {
    Result<std::size_t> sent = co_await reactor.send_file(socket, file, offset, bytes);
    if (!sent || *sent == 0) {
      ending = sent ? "end of file" : outcome(sent);
      co_return;
    }
    offset += *sent;
    bytes -= *sent;
  }
  ending = "ok";
}

std::string read_all(int socket) {
  std::string out;
  std::vector<char> buffer(100'000);
  for (;;) {
    const ::ssize_t count = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (count <= 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

TEST_P(SendFileTest, SendsAColdFileToASlowPeer) {
  forget_pages();
  test::SocketPair pair = test::tcp_pair(32 * 1024);
  std::string got;
  std::thread peer([&] { got = read_all(pair.far.get()); });
  std::string ending;
  run([&](Reactor& reactor) {
    return send_range(reactor, pair.near.get(), file_.get(), 100, content_.size() - 100, ending);
  });
  pair.near.reset();
  peer.join();
  EXPECT_EQ(ending, "ok");
  EXPECT_TRUE(got == content_.substr(100));
}

TEST_P(SendFileTest, SaysWhenTheFileEnds) {
  test::SocketPair pair = test::tcp_pair();
  std::string got;
  std::thread peer([&] { got = read_all(pair.far.get()); });
  std::string ending;
  run([&](Reactor& reactor) {
    return send_range(reactor, pair.near.get(), file_.get(), 0, content_.size() + 1, ending);
  });
  pair.near.reset();
  peer.join();
  EXPECT_EQ(ending, "end of file");
  EXPECT_EQ(got.size(), content_.size());
}

Task<void> send_and_count(Reactor& reactor, int socket, int file, std::size_t bytes, int& right) {
  std::string ending;
  auto sending = send_range(reactor, socket, file, 0, bytes, ending);
  co_await sending;
  right += ending == "ok";
}

Task<void> sending_to_many(Reactor& reactor, std::vector<test::SocketPair>& pairs, int file,
                           std::size_t bytes, int& right) {
  for (test::SocketPair& pair : pairs) {
    reactor.spawn(send_and_count(reactor, pair.near.get(), file, bytes, right));
  }
  const int all = static_cast<int>(pairs.size());
  // The first half never reads; the others must not wait for them.
  for (int waits = 0; right < all / 2 && waits < 10'000; ++waits) co_await reactor.sleep_ms(1);
  EXPECT_EQ(right, all / 2);
  for (test::SocketPair& pair : pairs) reactor.cancel(pair.near.get());
  co_await reactor.sleep_ms(20);
}

TEST_P(SendFileTest, PeersThatDoNotReadHoldUpNobody) {
  constexpr std::size_t kPeers = 4 * limits::kFileBuffers;
  std::vector<test::SocketPair> pairs;
  for (std::size_t n = 0; n < kPeers; ++n) pairs.push_back(test::tcp_pair(16 * 1024));
  std::thread readers([&] {
    std::vector<std::thread> threads;
    for (std::size_t n = kPeers / 2; n < kPeers; ++n) {
      threads.emplace_back([&, n] { test::drain(pairs[n].far.get()); });
    }
    for (std::thread& thread : threads) thread.join();
  });
  int right = 0;
  run([&](Reactor& reactor) {
    return sending_to_many(reactor, pairs, file_.get(), 512 * limits::kKiB, right);
  });
  for (test::SocketPair& pair : pairs) pair.near.reset();
  readers.join();
}

Task<void> reading_pieces(Reactor& reactor, std::vector<FilePiece> pieces, std::string& got,
                          std::string& ending) {
  Result<FileBytes> read = co_await reactor.read_to_send(pieces);
  ending = outcome(read);
  if (!read) co_return;
  std::size_t at = 0;
  for (const FilePiece& piece : pieces) {
    const MutableByteSpan part = read->bytes().subspan(at, piece.bytes);
    if (piece.file < 0) std::fill(part.begin(), part.end(), std::byte{'-'});
    at += piece.bytes;
  }
  got = as_text(read->bytes());
}

TEST_P(SendFileTest, ReadsPiecesWithRoomBetweenThem) {
  // Neighbours in the file, a jump back, and no file at all.
  const int file = file_.get();
  const std::vector<FilePiece> pieces = {
      {-1, 0, 9}, {file, 5'000, 16'000}, {-1, 0, 9},         {file, 21'000, 100'000},
      {-1, 0, 0}, {file, 0, 1000},       {file, 1000, 4097}, {-1, 0, 3}};
  std::string expected;
  for (const FilePiece& piece : pieces) {
    expected +=
        piece.file < 0 ? std::string(piece.bytes, '-') : content_.substr(piece.offset, piece.bytes);
  }
  for (const bool cold : {true, false}) {
    if (cold) forget_pages();
    std::string got;
    std::string ending;
    run([&](Reactor& reactor) { return reading_pieces(reactor, pieces, got, ending); });
    EXPECT_EQ(ending, "ok");
    EXPECT_TRUE(got == expected);
  }
}

TEST_P(SendFileTest, PiecesBeyondTheEndAreCorrupt) {
  std::string got;
  std::string ending;
  const std::vector<FilePiece> pieces = {{-1, 0, 9}, {file_.get(), content_.size() - 10, 11}};
  run([&](Reactor& reactor) { return reading_pieces(reactor, pieces, got, ending); });
  EXPECT_EQ(ending, "corrupt");
}

TEST_P(SendFileTest, APeerThatLeavesIsClosed) {
  test::SocketPair pair = test::tcp_pair();
  test::reset(pair.far);
  std::string ending;
  run([&](Reactor& reactor) {
    return send_range(reactor, pair.near.get(), file_.get(), 0, content_.size(), ending);
  });
  EXPECT_EQ(ending, "closed");
}

}  // namespace
}  // namespace sf::io
