#include "kernel_tls.hpp"

#include "support/socket_pair.hpp"
#include "support/temp_dir.hpp"

#include <streamforge/base/assert.hpp>

#include <gtest/gtest.h>
#include <linux/tls.h>
#include <poll.h>

#include <array>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "tls_session.hpp"

namespace sf::net {
namespace {

constexpr int kPatienceMs = 10'000;
constexpr std::uint8_t kHandshakeType = 22;
constexpr std::uint8_t kDataType = 23;

std::string big_endian(std::uint64_t number, unsigned bytes) {
  std::string text;
  while (bytes > 0) text.push_back(static_cast<char>(number >> (8 * --bytes)));
  return text;
}

std::string added(std::string_view a, std::string_view b) {
  std::string sum(a);
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = static_cast<char>(sum[i] ^ b[i]);
  return sum;
}

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// Records as the specifications have them (RFC 5246 section 6.2.3.3, RFC 7905, RFC 8446 section
/// 5.2), from nothing but what the kernel would be given.
class Records {
 public:
  explicit Records(ByteSpan keys) {
    ::tls_crypto_info info{};
    std::memcpy(&info, keys.data(), sizeof info);
    in_1_3_ = info.version == TLS_1_3_VERSION;
    explicit_nonce_ = !in_1_3_ && info.cipher_type != TLS_CIPHER_CHACHA20_POLY1305;
    switch (info.cipher_type) {
      case TLS_CIPHER_AES_GCM_128:
        take<::tls12_crypto_info_aes_gcm_128>(keys, ::EVP_aes_128_gcm());
        break;
      case TLS_CIPHER_AES_GCM_256:
        take<::tls12_crypto_info_aes_gcm_256>(keys, ::EVP_aes_256_gcm());
        break;
      case TLS_CIPHER_CHACHA20_POLY1305:
        take<::tls12_crypto_info_chacha20_poly1305>(keys, ::EVP_chacha20_poly1305());
        break;
      default:
        ADD_FAILURE() << "cipher " << info.cipher_type;
    }
  }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }

  std::string seal(std::uint8_t type, std::string_view plain) {
    const std::string nonce =
        explicit_nonce_ ? salt_ + big_endian(explicit_, 8)
                        : added(salt_ + iv_, std::string(4, '\0') + big_endian(sequence_, 8));
    std::string inner(plain);
    if (in_1_3_) inner.push_back(static_cast<char>(type));
    const std::string written = explicit_nonce_ ? big_endian(explicit_, 8) : "";
    std::string head{static_cast<char>(in_1_3_ ? kDataType : type), 3, 3};
    std::string known = big_endian(sequence_, 8) + head + big_endian(plain.size(), 2);
    head += big_endian(written.size() + inner.size() + 16, 2);
    if (in_1_3_) known = head;
    ++sequence_;
    ++explicit_;
    return head + written + encrypt(nonce, known, inner);
  }

 private:
  template <class Keys>
  void take(ByteSpan from, const ::EVP_CIPHER* cipher) {
    ASSERT_EQ(from.size(), sizeof(Keys));
    Keys keys;
    std::memcpy(&keys, from.data(), sizeof keys);
    const auto text = [](const unsigned char* bytes, std::size_t count) {
      return std::string(reinterpret_cast<const char*>(bytes), count);
    };
    iv_ = text(keys.iv, sizeof keys.iv);
    key_ = text(keys.key, sizeof keys.key);
    salt_ = text(keys.salt, sizeof keys.salt);
    for (const unsigned char byte : keys.rec_seq) sequence_ = sequence_ << 8 | byte;
    for (const unsigned char byte : keys.iv) explicit_ = explicit_ << 8 | byte;
    cipher_ = cipher;
  }

  std::string encrypt(std::string_view nonce, std::string_view known, std::string_view plain) {
    const std::unique_ptr<::EVP_CIPHER_CTX, Freed<::EVP_CIPHER_CTX_free>> context(
        ::EVP_CIPHER_CTX_new());
    std::string out(plain.size() + 16, '\0');
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    int count = 0;
    ::EVP_EncryptInit_ex(context.get(), cipher_, nullptr, raw(key_), raw(nonce));
    ::EVP_EncryptUpdate(context.get(), nullptr, &count, raw(known), static_cast<int>(known.size()));
    ::EVP_EncryptUpdate(context.get(), to, &count, raw(plain), static_cast<int>(plain.size()));
    ::EVP_EncryptFinal_ex(context.get(), to + count, &count);
    ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, 16, to + plain.size());
    return out;
  }

  const ::EVP_CIPHER* cipher_ = nullptr;
  std::string key_, salt_, iv_;
  std::uint64_t sequence_ = 0;
  std::uint64_t explicit_ = 0;
  bool in_1_3_ = false;
  bool explicit_nonce_ = false;
};

/// What stands in for the kernel; one test at a time.
struct Stand {
  std::optional<Records> records;
  bool refuses = false;
  bool full = false;  ///< Takes nothing.
  int asked = 0;
  std::vector<std::uint8_t> types;  ///< Of the records that were no data.
};
Stand* stand = nullptr;

void put(int socket, const std::string& record) {
  ASSERT_EQ(::send(socket, record.data(), record.size(), MSG_NOSIGNAL),
            static_cast<::ssize_t>(record.size()));
}

const KernelRecords kStandIn{
    [](int, ByteSpan keys) noexcept {
      ++stand->asked;
      if (!stand->refuses) stand->records.emplace(keys);
      return !stand->refuses;
    },
    [](int socket, std::uint8_t type, ByteSpan plain) noexcept -> std::ptrdiff_t {
      if (stand->full) return -EAGAIN;
      stand->types.push_back(type);
      put(socket, stand->records->seal(type, as_text(plain)));
      return static_cast<std::ptrdiff_t>(plain.size());
    }};

class KernelKeys : public testing::Test {
 protected:
  void SetUp() override { stand = &kernel_; }
  void TearDown() override {
    sockets_.near.reset();
    if (peer_.joinable()) peer_.join();
    stand = nullptr;
  }

  /// The session on the near end; on the far one `peer` after its handshake, blocking.
  void begin(int version, const char* suites, std::function<void(::SSL*)> peer, int chain = 0,
             int buffer_bytes = 0) {
    sockets_ = test::tcp_pair(buffer_bytes);
    auto files = self_signed_certificate(folder_.path()).value();
    if (chain > 0) repeat(files.certificate, chain);
    auto made = TlsContext::make({.certificates = {files}, .kernel = true}, 1);
    session_.emplace(made.value().front(), sockets_.near.get(), kStandIn);
    client_context_.reset(::SSL_CTX_new(::TLS_client_method()));
    SSL_CTX_set_min_proto_version(client_context_.get(), version);
    SSL_CTX_set_max_proto_version(client_context_.get(), version);
    SSL_CTX_set_max_cert_list(client_context_.get(), 1 << 20);
    const bool known = version == TLS1_3_VERSION
                           ? ::SSL_CTX_set_ciphersuites(client_context_.get(), suites) == 1
                           : ::SSL_CTX_set_cipher_list(client_context_.get(), suites) == 1;
    ASSERT_TRUE(known) << suites;
    client_.reset(::SSL_new(client_context_.get()));
    ::SSL_set_fd(client_.get(), sockets_.far.get());
    peer_ = std::thread([this, peer = std::move(peer)] {
      EXPECT_EQ(::SSL_connect(client_.get()), 1);
      peer(client_.get());
    });
  }

  void wait(short events) {
    ::pollfd polled{sockets_.near.get(), events, 0};
    ASSERT_EQ(::poll(&polled, 1, kPatienceMs), 1);
    session_->readable();
  }

  TlsSession::State shake() {
    for (;;) {
      const TlsSession::State state = session_->handshake();
      EXPECT_TRUE(session_->send());
      while (!kernel_.full && session_->unsent() > 0) {
        wait(POLLOUT);
        EXPECT_TRUE(session_->send());
      }
      if (state != TlsSession::State::kWait) return state;
      wait(POLLIN);
    }
  }

  /// Not from the kernel; for a peer that runs `hear_world`.
  void expect_world_from_us() {
    EXPECT_FALSE(session_->in_kernel());
    session_->seal(as_bytes("world"));
    session_->seal_close();
    EXPECT_TRUE(session_->send());
    peer_.join();
  }

  TlsSession::Got read(MutableByteSpan into) {
    for (;;) {
      const TlsSession::Got got = session_->read(into);
      if (got.state != TlsSession::State::kWait) return got;
      wait(POLLIN);
    }
  }

  void put_data(const std::string& plain) {
    put(sockets_.near.get(), kernel_.records->seal(kDataType, plain));
  }

  static void repeat(const std::string& certificate, int times) {
    std::string text;
    std::getline(std::ifstream(certificate), text, '\0');
    std::ofstream more(certificate, std::ios::app);
    for (int i = 0; i < times; ++i) more << text;
  }

  Stand kernel_;
  test::TempDir folder_;
  test::SocketPair sockets_;
  std::optional<TlsSession> session_;
  SslContextPtr client_context_;
  SslPtr client_;
  std::thread peer_;
};

std::string hear(::SSL* ssl, std::size_t bytes) {
  std::string text(bytes, '\0');
  std::size_t total = 0;
  std::size_t got = 0;
  while (total < bytes && ::SSL_read_ex(ssl, text.data() + total, bytes - total, &got) == 1) {
    total += got;
  }
  text.resize(total);
  return text;
}

void say(::SSL* ssl, std::string_view text) {
  std::size_t written = 0;
  EXPECT_EQ(::SSL_write_ex(ssl, text.data(), text.size(), &written), 1);
}

void hear_the_end(::SSL* ssl) {
  EXPECT_EQ(hear(ssl, 1), "");
  EXPECT_TRUE(::SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN);
}

void hear_world(::SSL* ssl) {
  EXPECT_EQ(hear(ssl, 5), "world");
  hear_the_end(ssl);
}

struct Suite {
  const char* title;
  int version;
  const char* name;
};
class KernelKeysOf : public KernelKeys, public testing::WithParamInterface<Suite> {};
INSTANTIATE_TEST_SUITE_P(
    Suites, KernelKeysOf,
    testing::Values(Suite{"Aes128In13", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"},
                    Suite{"Aes256In13", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384"},
                    Suite{"ChaCha20In13", TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256"},
                    Suite{"Aes128In12", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"},
                    Suite{"Aes256In12", TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384"},
                    Suite{"ChaCha20In12", TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305"}),
    [](const auto& of) { return of.param.title; });

// The handshake's own last words (Finished in 1.2, tickets in 1.3) are the first records that are
// made with them, data follows, and our close_notify ends it.
TEST_P(KernelKeysOf, GoOnWhereTheHandshakeEnded) {
  const std::string large(16'384, 'x');
  begin(GetParam().version, GetParam().name, [&](::SSL* ssl) {
    say(ssl, "hello");
    EXPECT_EQ(hear(ssl, 5), "world");
    EXPECT_TRUE(hear(ssl, 3 * large.size()) == large + large + large);
    hear_the_end(ssl);
  });
  ASSERT_EQ(shake(), TlsSession::State::kDone);
  ASSERT_TRUE(session_->in_kernel());
  EXPECT_EQ(kernel_.asked, 1);
  EXPECT_FALSE(kernel_.types.empty());
  for (const std::uint8_t type : kernel_.types) EXPECT_EQ(type, kHandshakeType);
  std::array<std::byte, 100> heard;
  const TlsSession::Got got = read(std::span(heard).first(5));
  EXPECT_EQ(as_text(std::span(heard).first(got.bytes)), "hello");
  put_data("world");
  for (int i = 0; i < 3; ++i) put_data(large);
  session_->seal_close();
  EXPECT_TRUE(session_->send());
  EXPECT_EQ(kernel_.types.back(), SSL3_RT_ALERT);
  EXPECT_GE(kernel_.records->sequence(), 6u);
  peer_.join();
}

TEST_F(KernelKeys, ARefusalLeavesTheConnectionToUs) {
  kernel_.refuses = true;
  begin(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", hear_world);
  ASSERT_EQ(shake(), TlsSession::State::kDone);
  EXPECT_EQ(kernel_.asked, 1);
  expect_world_from_us();
}

// A flight of 200 KB into a socket that takes a few: keys must not come before what they follow.
TEST_F(KernelKeys, AreNotGivenAwayWhileAnythingOlderWaits) {
  begin(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", hear_world, 400, 4096);
  ASSERT_EQ(shake(), TlsSession::State::kDone);
  EXPECT_EQ(kernel_.asked, 0);
  expect_world_from_us();
}

TEST_F(KernelKeys, ARecordThatIsNotTakenLeavesLater) {
  kernel_.full = true;
  begin(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", [](::SSL* ssl) {
    EXPECT_EQ(hear(ssl, 4), "late");
    hear_the_end(ssl);
  });
  ASSERT_EQ(shake(), TlsSession::State::kDone);
  ASSERT_TRUE(session_->in_kernel());
  EXPECT_GT(session_->unsent(), 0u);  // Our Finished, which the peer waits for.
  kernel_.full = false;
  EXPECT_TRUE(session_->send());
  EXPECT_EQ(session_->unsent(), 0u);
  put_data("late");
  kernel_.full = true;
  session_->seal_close();
  EXPECT_TRUE(session_->send());
  EXPECT_EQ(session_->unsent(), 2u);
  kernel_.full = false;
  EXPECT_TRUE(session_->send());
  EXPECT_EQ(session_->unsent(), 0u);
  peer_.join();
}

// RFC 8446 section 4.6.3: who only tells of its own new keys does not concern what we send.
TEST_F(KernelKeys, ThePeerMayChangeItsOwn) {
  begin(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", [](::SSL* ssl) {
    EXPECT_EQ(::SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    say(ssl, "with new keys");
    EXPECT_EQ(hear(ssl, 8), "with old");
    hear_the_end(ssl);
  });
  ASSERT_EQ(shake(), TlsSession::State::kDone);
  std::array<std::byte, 13> heard;
  EXPECT_EQ(read(heard).bytes, heard.size());
  EXPECT_EQ(as_text(heard), "with new keys");
  put_data("with old");
  session_->seal_close();
  EXPECT_TRUE(session_->send());
  peer_.join();
}

TEST_F(KernelKeys, APeerThatWantsOursChangedIsLeft) {
  begin(TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", [](::SSL* ssl) {
    EXPECT_EQ(::SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    say(ssl, "?");
    EXPECT_EQ(hear(ssl, 1), "");
    EXPECT_EQ(ERR_GET_REASON(::ERR_peek_error()), SSL_R_TLSV1_ALERT_INTERNAL_ERROR);
  });
  ASSERT_EQ(shake(), TlsSession::State::kDone);
  std::array<std::byte, 2> heard;
  TlsSession::Got got = read(heard);
  if (got.bytes > 0) got = read(heard);  // What came beside it.
  EXPECT_EQ(got.state, TlsSession::State::kFailed);
  EXPECT_FALSE(session_->send());  // The alert; and then no more.
  EXPECT_NE(session_->failure().message.find("new keys"), std::string::npos)
      << session_->failure().message;
  EXPECT_TRUE(session_->failed());
  ::shutdown(sockets_.near.get(), SHUT_RDWR);
  peer_.join();
}

// The real call, on this kernel or any: what cannot be begun leaves the socket as it was.
TEST(KernelRecordsTest, ASocketThatCannotBegin) {
  const test::SocketPair pair = test::tcp_pair();
  ::tls12_crypto_info_aes_gcm_128 keys{};
  keys.info = {TLS_1_3_VERSION, 0xffff};
  EXPECT_TRUE(kernel_keys(&keys).empty());
  const ByteSpan wrong(reinterpret_cast<const std::byte*>(&keys), sizeof keys);
  EXPECT_FALSE(kKernelRecords.begin(pair.near.get(), wrong));
  EXPECT_EQ(::send(pair.near.get(), "as is", 5, 0), 5);
  std::array<char, 8> text{};
  EXPECT_EQ(::recv(pair.far.get(), text.data(), text.size(), 0), 5);
  EXPECT_STREQ(text.data(), "as is");
}

}  // namespace
}  // namespace sf::net
