#include "tls_session.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/io/reactor.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "tls_context.hpp"

namespace sf::net {

namespace {

/// What has been encrypted since the last send or hold. Never across a suspension, so one serves
/// all of a thread's sessions.
std::vector<std::byte>& sealed() {
  thread_local std::vector<std::byte> bytes;
  if (bytes.capacity() == 0) bytes.reserve(TlsSession::kStepBytes + 32 * limits::kKiB);
  return bytes;
}

/// In small pieces: the C library copies large ones by `rep movsb`, which some processors do
/// slowly when the two places lie alike within their pages.
void append(std::vector<std::byte>& to, ByteSpan piece) {
  constexpr std::size_t kPieceBytes = limits::kKiB;
  while (!piece.empty()) {
    const ByteSpan part = piece.first(std::min(piece.size(), kPieceBytes));
    to.insert(to.end(), part.begin(), part.end());
    piece = piece.subspan(part.size());
  }
}

// Of OpenSSL's BIO_ctrl, without a name in its headers for those outside: <openssl/bio.h> tells
// their numbers in a comment.
constexpr int kControlSetKeys = 72;
constexpr int kControlSetRecordType = 74;

/// Of an alert (RFC 8446 section 6).
constexpr std::byte kFatal{SSL3_AL_FATAL};
constexpr std::byte kInternalError{SSL_AD_INTERNAL_ERROR};

TlsSession& session_of(::BIO* bio) { return *static_cast<TlsSession*>(::BIO_get_data(bio)); }

}  // namespace

::BIO_METHOD* TlsSession::bio_method() {
  static ::BIO_METHOD* const method = [] {
    ::BIO_METHOD* made =
        ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "streamforge socket");
    SF_ASSERT(made != nullptr);
    ::BIO_meth_set_read_ex(made, &TlsSession::bio_read);
    ::BIO_meth_set_write_ex(made, &TlsSession::bio_write);
    ::BIO_meth_set_ctrl(made, &TlsSession::bio_control);
    return made;
  }();
  return method;
}

int TlsSession::bio_read(::BIO* bio, char* into, std::size_t bytes, std::size_t* got) {
  TlsSession& session = session_of(bio);
  ::BIO_clear_retry_flags(bio);
  *got = 0;
  // A handshake has a size beyond which it is none.
  if (!session.established_ && session.received_bytes_ > limits::kTlsHandshakeBytesMax) return 0;
  if (session.drained_) {
    ::BIO_set_retry_read(bio);
    return 0;
  }
  ::ssize_t count = 0;
  do {
    count = ::recv(session.socket_, into, bytes, MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EAGAIN) {
    ::BIO_set_retry_read(bio);
    return 0;
  }
  if (count < 0) session.socket_error_ = errno;
  if (count <= 0) return 0;
  session.drained_ = static_cast<std::size_t>(count) < bytes;
  if (session.received_bytes_ == 0) {
    // A record's first byte is 22 in a handshake; a method's is a letter.
    session.looks_like_http_ = into[0] >= 'A' && into[0] <= 'Z';
  }
  session.received_bytes_ += static_cast<std::size_t>(count);
  *got = static_cast<std::size_t>(count);
  return 1;
}

int TlsSession::bio_write(::BIO* bio, const char* from, std::size_t bytes, std::size_t* written) {
  ::BIO_clear_retry_flags(bio);
  TlsSession& session = session_of(bio);
  if (session.in_kernel_) {
    // Never data, which its owner sends.
    const ByteSpan plain = as_bytes({from, bytes});
    session.records_.push_back({session.record_type_, {plain.begin(), plain.end()}});
    *written = bytes;
    return 1;
  }
  append(sealed(), as_bytes({from, bytes}));
  *written = bytes;
  return 1;
}

long TlsSession::bio_control(::BIO* bio, int command, long number, void* pointer) {
  TlsSession& session = session_of(bio);
  switch (command) {
    case BIO_CTRL_EOF:
      return session.socket_error_ == 0 && !::BIO_should_retry(bio) ? 1 : 0;
    case BIO_CTRL_FLUSH:
      return 1;
    case kControlSetKeys: {
      const bool of_what_we_send = number != 0;
      return of_what_we_send && session.give_to_kernel(pointer) ? 1 : 0;
    }
    case BIO_CTRL_GET_KTLS_SEND:
      return session.in_kernel_ ? 1 : 0;
    case kControlSetRecordType:
      session.record_type_ = static_cast<std::uint8_t>(number);
      return 1;
    default:
      return 0;
  }
}

/// False leaves all to us, and OpenSSL goes on as if nobody had been asked.
bool TlsSession::give_to_kernel(const void* crypto_info) {
  const ByteSpan keys = kernel_keys(crypto_info);
  if (keys.empty()) return false;
  // What was made here has to be before what the kernel makes.
  if (!send() || unsent() > 0) return false;
  in_kernel_ = kernel_.begin(socket_, keys);
  return in_kernel_;
}

TlsSession::TlsSession(std::shared_ptr<TlsContext> context, int socket, const KernelRecords& kernel)
    : context_(std::move(context)),
      socket_(socket),
      ssl_(::SSL_new(context_->material_->contexts.front().get())),
      kernel_(kernel) {
  ::BIO* bio = ::BIO_new(bio_method());
  SF_ASSERT(ssl_ && bio);  // Only memory that has run out.
  ::BIO_set_data(bio, this);
  ::BIO_set_init(bio, 1);
  ::SSL_set_bio(ssl_.get(), bio, bio);
  ::SSL_set_accept_state(ssl_.get());
}

/// RFC 8446 section 4.6.3: who is asked for new keys must use some before it sends more data. This
/// OpenSSL would with its next write, and cannot tell the kernel. Clients hardly ever ask.
bool TlsSession::wants_new_keys() const noexcept {
  return in_kernel_ && ::SSL_get_key_update_type(ssl_.get()) != SSL_KEY_UPDATE_NONE;
}

/// What a call that gave nothing means.
TlsSession::State TlsSession::ended(int outcome, std::string_view what) {
  switch (::SSL_get_error(ssl_.get(), outcome)) {
    case SSL_ERROR_WANT_READ:
      if (!wants_new_keys()) return State::kWait;
      failed_ = true;
      failure_ = {ErrorCode::kClosed, concat(what, ": the peer wants new keys of the kernel"), 0};
      records_.push_back({SSL3_RT_ALERT, {kFatal, kInternalError}});
      return State::kFailed;
    case SSL_ERROR_ZERO_RETURN:
      return State::kEnd;
    default:
      break;
  }
  failed_ = true;
  const int reason = ERR_GET_REASON(::ERR_peek_error());
  if (socket_error_ != 0) {
    failure_ = error_from_errno(socket_error_, what);
  } else if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING || ::ERR_peek_error() == 0) {
    // Not an end that the peer has signed: whoever cut it may have cut bytes too.
    failure_ = {ErrorCode::kClosed, concat(what, ": the peer left without a word"), 0};
  } else {
    failure_ = {ErrorCode::kClosed, concat(what, ": ", openssl_words()), 0};
  }
  ::ERR_clear_error();
  return State::kFailed;
}

TlsSession::State TlsSession::handshake() {
  if (failed_) return State::kFailed;
  ::ERR_clear_error();
  const int outcome = ::SSL_do_handshake(ssl_.get());
  if (outcome == 1) {
    established_ = true;
    return State::kDone;
  }
  return ended(outcome, "TLS handshake");
}

TlsSession::Got TlsSession::read(MutableByteSpan into) {
  if (failed_) return {State::kFailed, 0};
  std::size_t total = 0;
  while (total < into.size()) {
    ::ERR_clear_error();
    std::size_t count = 0;
    const int outcome = ::SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &count);
    if (outcome == 1) {
      total += count;
      continue;
    }
    const State state = ended(outcome, "read");
    // What came before an end is given first; the end is found again.
    if (total > 0) return {State::kDone, total};
    return {state, 0};
  }
  return {State::kDone, total};
}

void TlsSession::seal(ByteSpan plain) {
  SF_ASSERT(!in_kernel_);
  ::ERR_clear_error();
  std::size_t written = 0;
  if (!failed_ && ::SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) != 1) {
    ended(0, "write");
    failed_ = true;
  }
}

void TlsSession::seal_close() {
  ::ERR_clear_error();
  if (!failed_) ::SSL_shutdown(ssl_.get());
  ::ERR_clear_error();
}

std::size_t TlsSession::unsent() const noexcept {
  std::size_t bytes = unsent_.size() - unsent_at_;
  for (const Record& record : records_) bytes += record.plain.size();
  return bytes;
}

bool TlsSession::send_records() {
  while (!records_.empty()) {
    Record& next = records_.front();
    const std::ptrdiff_t sent = kernel_.send(socket_, next.type, next.plain);
    if (sent == -EAGAIN) return true;
    if (sent < 0) {
      records_.clear();
      failed_ = true;
      failure_ = error_from_errno(static_cast<int>(-sent), "write");
      return false;
    }
    next.plain.erase(next.plain.begin(), next.plain.begin() + sent);
    if (next.plain.empty()) records_.erase(records_.begin());
  }
  return !failed_;
}

bool TlsSession::send() {
  if (in_kernel_) return send_records();
  auto& fresh = sealed();
  const ByteSpan old = ByteSpan(unsent_).subspan(unsent_at_);
  std::array<::iovec, 2> pieces;
  std::size_t count = 0;
  for (const ByteSpan piece : {old, ByteSpan(fresh)}) {
    if (piece.empty()) continue;
    pieces[count++] = {const_cast<std::byte*>(piece.data()), piece.size()};
  }
  if (count == 0) return !failed_;
  const std::ptrdiff_t sent = io::Reactor::try_send(socket_, std::span(pieces).first(count));
  if (sent < 0 && sent != -EAGAIN) {
    fresh.clear();
    failed_ = true;
    failure_ = error_from_errno(static_cast<int>(-sent), "write");
    return false;
  }
  const auto taken = static_cast<std::size_t>(std::max<std::ptrdiff_t>(sent, 0));
  const std::size_t of_old = std::min(taken, old.size());
  unsent_at_ += of_old;
  if (unsent() == 0) {
    unsent_ = {};  // Memory is held only while something waits.
    unsent_at_ = 0;
  }
  fresh.erase(fresh.begin(), fresh.begin() + static_cast<std::ptrdiff_t>(taken - of_old));
  hold();
  return true;
}

void TlsSession::hold() {
  auto& fresh = sealed();
  if (!fresh.empty()) unsent_.insert(unsent_.end(), fresh.begin(), fresh.end());
  fresh.clear();
}

std::string_view TlsSession::protocol() const noexcept {
  const unsigned char* name = nullptr;
  unsigned bytes = 0;
  ::SSL_get0_alpn_selected(ssl_.get(), &name, &bytes);
  return {reinterpret_cast<const char*>(name), bytes};
}

}  // namespace sf::net
