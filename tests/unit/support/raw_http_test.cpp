#include "support/raw_http.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>
#include <thread>

namespace sf::test {
namespace {

/// A peer that sends one text to whoever connects and closes.
class Speaker {
 public:
  explicit Speaker(std::string text) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&at), length);
    ::listen(listener_.get(), 1);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &length);
    port_ = ntohs(at.sin_port);
    thread_ = std::jthread([fd = listener_.get(), text = std::move(text)] {
      const UniqueFd peer(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
      EXPECT_EQ(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(text.size()));
    });
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

TEST(RawHttp, ReadsPipelinedResponsesOneByOne) {
  const Speaker peer(
      "HTTP/1.1 100 Continue\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: a\r\nx:  b \r\n\r\nabc"
      "HTTP/1.1 204 No Content\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nT: "
      "1\r\n\r\n"
      "HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\n"
      "HTTP/1.1 200 OK\r\n\r\nto the end");
  RawHttp http(peer.port());
  EXPECT_EQ(http.read_response().status, 100);
  const auto sized = http.read_response();
  EXPECT_EQ(sized.body, "abc");
  EXPECT_EQ(sized["x"], "a");
  EXPECT_EQ(sized.count("X"), 2u);
  EXPECT_EQ(http.read_response().status, 204);
  EXPECT_EQ(http.read_response().body, "abcd");
  EXPECT_EQ(http.read_response(true)["content-length"], "5");
  const auto last = http.read_response();
  EXPECT_TRUE(last.ended_by_close);
  EXPECT_EQ(last.body, "to the end");
  EXPECT_TRUE(http.closed_within(1000));
}

TEST(RawHttp, ForgivesNothing) {
  for (const char* bad :
       {"", "HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"}) {
    const Speaker peer(bad);
    RawHttp http(peer.port());
    EXPECT_THROW((void)http.read_response(), std::runtime_error) << bad;
  }
}

}  // namespace
}  // namespace sf::test
