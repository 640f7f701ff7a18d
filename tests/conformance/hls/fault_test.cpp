/// Rows H24, H25 and H29 on segments: clients that vanish, files that change, servers that stop,
/// each in the middle of a send. Segments are made large enough to have one.

#include <signal.h>

#include <filesystem>
#include <future>

#include "hls_case.hpp"
#include "support/eventually.hpp"

namespace sf::test {
namespace {

namespace fs = std::filesystem;

class HlsFault : public HlsCase {
 protected:
  static constexpr std::size_t kLargeBytes = std::size_t{24} << 20;
  static constexpr int kSmallReceiveBuffer = 16 * 1024;

  /// A segment that no socket buffer holds, in which every place looks different.
  void SetUp() override {
    HlsCase::SetUp();
    content_.resize(kLargeBytes);
    for (std::size_t i = 0; i < content_.size(); ++i) {
      content_[i] = static_cast<char>(i * 131 + (i >> 8) * 17 + (i >> 16) * 7);
    }
    file_ = server_.data() / "processed" / id_ / "360p/0.ts";
    write(file_);
  }
  void write(const fs::path& to) const { std::ofstream(to, std::ios::binary) << content_; }
  [[nodiscard]] std::string request() const {
    return concat("GET ", path("360p/0.ts"), " HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  /// A client that has asked and reads nothing yet; the server's send has begun.
  [[nodiscard]] RawHttp begin_slowly() const {
    auto client = connect();
    client.set_receive_buffer(kSmallReceiveBuffer);
    client.send(request());
    EXPECT_TRUE(client.has_bytes_within(10'000));
    return client;
  }
  /// What came behind the head.
  static std::string body_of(const std::string& all) {
    const auto end = all.find("\r\n\r\n");
    return end == std::string::npos ? std::string() : all.substr(end + 4);
  }
  [[nodiscard]] std::size_t open_descriptors() const {
    const fs::path folder = concat("/proc/", server_.pid(), "/fd");
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
  [[nodiscard]] std::size_t resident_kib() const {
    std::ifstream status(concat("/proc/", server_.pid(), "/status"));
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
    }
    return 0;
  }

  std::string content_;
  fs::path file_;
};

// AddressSanitizer keeps what was freed, to see who still uses it; its own check finds leaks.
#if defined(SF_SANITIZED)
constexpr bool kKeepsFreedMemory = true;
#else
constexpr bool kKeepsFreedMemory = false;
#endif

TEST_P(HlsFault, H24_TenThousandResetsLeakNothing) {
  const auto reset_some = [this](unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      auto client = begin_slowly();
      client.reset();
    }
  };
  reset_some(500);  // What is made once is made now.
  const auto descriptors = open_descriptors();
  const auto resident = resident_kib();
  reset_some(10'000);
  // The last ones may still be noticed.
  ASSERT_TRUE(eventually([&] { return open_descriptors() <= descriptors + 4; }))
      << open_descriptors() << " descriptors, " << descriptors << " before";
  if (!kKeepsFreedMemory) {
    EXPECT_LT(resident_kib(), resident + 16 * 1024);
  }
  EXPECT_EQ(get(path("360p/0.ts")).body, content_);
}

TEST_P(HlsFault, H25_AFileThatShrinksEndsTheConnection) {
  auto client = begin_slowly();
  constexpr std::size_t kLeft = std::size_t{16} << 20;
  fs::resize_file(file_, kLeft);
  const auto body = body_of(client.read_to_end());
  EXPECT_LE(body.size(), kLeft);
  EXPECT_TRUE(content_.starts_with(body)) << "bytes that were never in the file";
  const auto noticed = [this] {
    return server_.log().find("a file ended before its response did") != std::string::npos;
  };
  for (unsigned tries = 0; !noticed() && tries < 500; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(noticed());
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_P(HlsFault, H25_ADeletedOrReplacedFileIsSentAsItWas) {
  for (const bool replaced : {false, true}) {
    auto client = begin_slowly();
    fs::remove(file_);
    if (replaced) std::ofstream(file_, std::ios::binary) << std::string(kLargeBytes, 'x');
    EXPECT_EQ(client.read_response().body, content_);
    fs::remove(file_);
    write(file_);
  }
}

TEST_P(HlsFault, H29_SigtermFinishesWhatIsInFlight) {
  auto idle = connect();
  EXPECT_EQ(idle.exchange("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
  auto client = begin_slowly();
  auto ended = std::async(std::launch::async, [this] { return server_.terminate(); });
  EXPECT_TRUE(idle.closed_within(10'000));
  EXPECT_EQ(client.read_response().body, content_);
  EXPECT_TRUE(client.closed_within(10'000));
  EXPECT_EQ(ended.get(), 0);
}

TEST_P(HlsFault, H29_SighupLosesNothing) {
  auto client = begin_slowly();
  ASSERT_EQ(::kill(server_.pid(), SIGHUP), 0);
  EXPECT_EQ(client.read_response().body, content_);
  EXPECT_EQ(client.exchange(request()).body, content_);
}

SF_ON_BOTH_BACKENDS(HlsFault);

}  // namespace
}  // namespace sf::test
