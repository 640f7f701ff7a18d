#pragma once

/// TLS of one connection, as the server, over a non-blocking socket. It receives by itself, into
/// OpenSSL's own buffer, so that nothing is copied before it is decrypted; what it has to send is
/// encrypted into memory of the thread and goes out in one call, up to 16 records of 16 KiB. Only
/// what the socket does not take is kept with the session. It never waits: the owner does, and
/// calls again. One reactor's thread.
///
/// Where the context asks for it and the kernel can, the handshake gives the keys of what we send
/// to the kernel (`in_kernel`). Data then goes to the socket as it is, by its owner; the session
/// receives as before, and says only what is no data: tickets, alerts.

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/net/tls.hpp>

#include <string_view>
#include <vector>

#include "kernel_tls.hpp"
#include "openssl.hpp"

namespace sf::net {

class TlsSession {
 public:
  /// Encrypted for one send: fifteen records. So much that calls cost little, so little that file
  /// and records stay in the core's cache.
  static constexpr std::size_t kStepBytes = 240 * limits::kKiB;
  enum class State : std::uint8_t { kDone, kWait, kEnd, kFailed };
  struct Got {
    State state = State::kWait;
    std::size_t bytes = 0;  ///< With kDone.
  };

  TlsSession(std::shared_ptr<TlsContext> context, int socket,
             const KernelRecords& kernel = kKernelRecords);
  TlsSession(const TlsSession&) = delete;

  /// kDone: what follows is data; kFailed: `failure` says why.
  [[nodiscard]] State handshake();
  [[nodiscard]] bool established() const noexcept { return established_; }
  /// Whether the kernel makes our records. Decided in the handshake.
  [[nodiscard]] bool in_kernel() const noexcept { return in_kernel_; }
  /// Whether the first byte cannot begin TLS but could begin a request of plain HTTP.
  [[nodiscard]] bool looks_like_http() const noexcept { return looks_like_http_; }
  /// A poll has said that there is something to receive. Until then a session that took all there
  /// was does not ask the socket again.
  void readable() noexcept { drained_ = false; }
  /// Decrypted bytes, as many as are there for `into`; kEnd after the peer's close_notify.
  [[nodiscard]] Got read(MutableByteSpan into);
  /// Encrypts all of `plain` behind what is not sent yet. To be followed by `send` or `hold` before
  /// the thread does anything else. Not when the kernel does it.
  void seal(ByteSpan plain);
  /// Sends what the socket takes at once and keeps the rest; false when the socket has failed.
  [[nodiscard]] bool send();
  /// Keeps it for the next `send`.
  void hold();
  /// Encrypts our close_notify.
  void seal_close();

  /// Bytes that are encrypted, or are the protocol's own, and not sent.
  [[nodiscard]] std::size_t unsent() const noexcept;
  /// Nothing more can be read or written.
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  void fail_now() noexcept { failed_ = true; }
  [[nodiscard]] Error failure() const { return failure_; }
  [[nodiscard]] std::string_view protocol() const noexcept;
  [[nodiscard]] bool resumed() const noexcept { return ::SSL_session_reused(ssl_.get()) == 1; }

 private:
  static ::BIO_METHOD* bio_method();
  static int bio_read(::BIO* bio, char* into, std::size_t bytes, std::size_t* got);
  static int bio_write(::BIO* bio, const char* from, std::size_t bytes, std::size_t* written);
  static long bio_control(::BIO* bio, int command, long number, void* pointer);
  bool give_to_kernel(const void* crypto_info);
  bool send_records();
  [[nodiscard]] bool wants_new_keys() const noexcept;
  State ended(int outcome, std::string_view what);

  const std::shared_ptr<TlsContext> context_;  ///< Callbacks use it.
  const int socket_;
  SslPtr ssl_;
  const KernelRecords& kernel_;
  std::vector<std::byte> unsent_;
  std::size_t unsent_at_ = 0;
  struct Record {
    std::uint8_t type;
    std::vector<std::byte> plain;
  };
  std::vector<Record> records_;   ///< Of the protocol's own, for the kernel to encrypt.
  std::uint8_t record_type_ = 0;  ///< Of the next.
  std::size_t received_bytes_ = 0;
  Error failure_;
  int socket_error_ = 0;
  bool established_ = false;
  bool in_kernel_ = false;
  bool failed_ = false;
  bool drained_ = false;  ///< The last receive got less than it had room for.
  bool looks_like_http_ = false;
};

}  // namespace sf::net
