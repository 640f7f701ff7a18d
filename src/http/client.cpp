#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/http/client.hpp>
#include <streamforge/net/tls_client.hpp>

#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "response_reader.hpp"
#include "target.hpp"

namespace sf::http {

namespace {

constexpr std::uint64_t kSendFileStepBytes = limits::kMiB;
constexpr std::size_t kSealBytes = 256 * limits::kKiB;
constexpr std::size_t kReceiveBytes = 64 * limits::kKiB;
constexpr unsigned kWatchMs = 200;
/// A line on which nothing was acknowledged for so long is dead: a new connection may take another
/// way (a phone that left its Wi-Fi), and the kernel alone would try the old one for 15 minutes.
constexpr int kDeadLineMs = 30'000;
constexpr int kProbeAfterSeconds = 10;
constexpr int kProbeEverySeconds = 5;

using AddressList = std::unique_ptr<::addrinfo, decltype(&::freeaddrinfo)>;

bool expects_body(Method method) {
  return method == Method::kPost || method == Method::kPut || method == Method::kPatch;
}

}  // namespace

struct Client::Impl {
  std::string base_url;
  std::string host;  ///< The Host field; empty: the URL is none of ours.
  std::string node;
  std::string service = "80";
  std::string socket_path;  ///< Of a "unix:" URL.
  unsigned connect_timeout_ms = 10'000;
  unsigned stall_timeout_ms = limits::kSendStallTimeoutMs;
  std::function<bool(std::uint64_t)> watch;
  UniqueFd socket;
  std::unique_ptr<net::TlsClient> tls;  ///< Of an "https:" URL, while there is a socket.
  bool secure = false;
  bool insecure = false;
  std::uint64_t body_bytes_handed = 0;  ///< Of this request's file, to our kernel.

  explicit Impl(std::string url);
  Result<> connect();
  Result<> connect_unix();
  Result<> connect_to(const ::addrinfo& address);
  bool go_on();
  Result<> finish_connecting(const ::sockaddr* address, ::socklen_t bytes);
  Result<short> wait(short events, unsigned timeout_ms);
  Result<> begin_tls();
  /// All bytes, over TLS.
  Result<> write_sealed(ByteSpan bytes);
  Result<> ready_connection();
  void drop() noexcept {
    tls.reset();
    socket.reset();
  }
  std::string head(Method method, std::string_view target, const Headers& headers,
                   std::uint64_t body_bytes) const;
  Result<> write(std::string_view head, std::string_view body);
  /// True when all was sent, false when an answer came first.
  Result<bool> write_file(int file, std::uint64_t offset, std::uint64_t bytes,
                          ResponseReader& reader);
  /// A piece of a file, in the clear or over TLS: how many bytes left, which may be none.
  Result<std::uint64_t> send_piece(int file, std::uint64_t at, std::uint64_t left);
  Result<std::uint64_t> seal_piece(int file, std::uint64_t at, std::uint64_t left,
                                   std::span<std::byte> buffer);
  Result<bool> receive(ResponseReader& reader);
  Result<bool> receive_sealed(ResponseReader& reader);
  Result<ClientResponse> read(ResponseReader& reader, bool whole);
};

Client::Impl::Impl(std::string url) : base_url(std::move(url)) {
  std::string_view rest = base_url;
  if (rest.starts_with("unix:")) {
    socket_path = rest.substr(5);
    host = "localhost";
    return;
  }
  secure = rest.starts_with("https://");
  if (!secure && !rest.starts_with("http://")) return;
  rest.remove_prefix(secure ? 8 : 7);
  if (secure) service = "443";
  rest = rest.substr(0, rest.find('/'));
  if (!is_authority(rest)) return;
  host = rest;
  const auto colon = rest.rfind(':');
  const auto bracket = rest.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    service = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  node = rest.starts_with('[') ? rest.substr(1, rest.size() - 2) : rest;
}

Result<> Client::Impl::connect() {
  if (!socket_path.empty()) return connect_unix();
  if (host.empty()) {
    return fail(
        ErrorCode::kInvalidArgument,
        concat("\"", base_url, "\" is none of http://HOST:PORT, https://HOST:PORT and unix:/path"));
  }
  ::addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  ::addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(node.c_str(), service.c_str(), &hints, &found); code != 0) {
    return fail(ErrorCode::kUnavailable, concat("look up ", host, ": ", ::gai_strerror(code)));
  }
  const AddressList addresses(found, &::freeaddrinfo);
  Result<> outcome = fail(ErrorCode::kUnavailable, concat("no address for ", host));
  for (const ::addrinfo* address = found; address; address = address->ai_next) {
    outcome = connect_to(*address);
    if (outcome && secure) return begin_tls();
    if (outcome) return outcome;
  }
  return outcome;
}

Result<> Client::Impl::begin_tls() {
  auto begun = net::TlsClient::make(socket.get(), node, insecure);
  if (!begun) return fail(std::move(begun.error()));
  tls = std::move(*begun);
  for (;;) {
    auto shaken = tls->handshake();
    if (shaken && shaken->wait_for == 0) return {};
    Result<short> ready = short{0};
    if (shaken) ready = wait(shaken->wait_for, connect_timeout_ms);
    if (shaken && ready) continue;
    drop();
    return fail(shaken ? std::move(ready.error()) : std::move(shaken.error()));
  }
}

Result<> Client::Impl::write_sealed(ByteSpan bytes) {
  while (!bytes.empty()) {
    auto moved = tls->write(bytes);
    if (!moved) return fail(std::move(moved.error()));
    bytes = bytes.subspan(moved->bytes);
    if (moved->bytes > 0) continue;
    if (moved->wait_for == 0) return fail(ErrorCode::kClosed, "the server has ended TLS");
    if (auto ready = wait(moved->wait_for, stall_timeout_ms); !ready) {
      return fail(std::move(ready.error()));
    }
  }
  return {};
}

Result<> Client::Impl::connect_unix() {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) {
    return fail(ErrorCode::kInvalidArgument, concat("the socket path is too long: ", socket_path));
  }
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  socket = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno(errno, "make a socket");
  return finish_connecting(reinterpret_cast<const ::sockaddr*>(&address), sizeof address);
}

Result<> Client::Impl::connect_to(const ::addrinfo& address) {
  socket = UniqueFd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno(errno, "make a socket");
  const auto set = [this](int level, int name, int value) {
    ::setsockopt(socket.get(), level, name, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kProbeAfterSeconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kProbeEverySeconds);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, kDeadLineMs);
  return finish_connecting(address.ai_addr, address.ai_addrlen);
}

Result<> Client::Impl::finish_connecting(const ::sockaddr* address, ::socklen_t bytes) {
  int error = ::connect(socket.get(), address, bytes) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    const auto ready = wait(POLLOUT, connect_timeout_ms);
    if (!ready) return fail(ready.error());
    ::socklen_t length = sizeof error;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  }
  if (error == 0) return {};
  socket.reset();
  return std::unexpected(Error{ErrorCode::kUnavailable,
                               concat("connect to ", base_url, ": ", std::strerror(error)), error});
}

/// False when the caller wants no more of this request. What our kernel has, the line may not.
bool Client::Impl::go_on() {
  if (!watch) return true;
  int queued = 0;
  if (!socket || ::ioctl(socket.get(), SIOCOUTQ, &queued) != 0) queued = 0;
  return watch(body_bytes_handed - std::min(body_bytes_handed, static_cast<std::uint64_t>(queued)));
}

Result<short> Client::Impl::wait(short events, unsigned timeout_ms) {
  ::pollfd poll{.fd = socket.get(), .events = events, .revents = 0};
  for (unsigned waited_ms = 0;;) {
    const unsigned step_ms = std::min(kWatchMs, timeout_ms - waited_ms);
    const int count = ::poll(&poll, 1, static_cast<int>(step_ms));
    if (count > 0) return poll.revents;
    if (count < 0 && errno != EINTR) return fail_errno(errno, "wait for the server");
    if (!go_on()) return fail(ErrorCode::kCancelled, "the request was interrupted");
    if (count == 0) waited_ms += step_ms;
    if (waited_ms == timeout_ms) {
      return fail(ErrorCode::kTimedOut,
                  concat(base_url, " did not answer in ", timeout_ms / 1'000, " s"));
    }
  }
}

/// A connection to send on. A kept one that has anything to read was ended by the server.
Result<> Client::Impl::ready_connection() {
  if (socket) {
    ::pollfd poll{.fd = socket.get(), .events = POLLIN, .revents = 0};
    if (::poll(&poll, 1, 0) == 0) return {};
    // Over TLS it may be a session ticket.
    std::array<std::byte, 1> byte;
    const auto got = tls ? tls->read(byte) : Result<net::TlsClient::Moved>{};
    if (got && got->wait_for != 0) return {};
    drop();
  }
  return connect();
}

std::string Client::Impl::head(Method method, std::string_view target, const Headers& headers,
                               std::uint64_t body_bytes) const {
  std::string text = concat(name_of(method), ' ', target, " HTTP/1.1\r\nHost: ", host, "\r\n");
  for (const auto& [name, value] : headers.all()) {
    text.append(name).append(": ").append(value).append("\r\n");
  }
  if (body_bytes > 0 || expects_body(method)) {
    text.append(concat("Content-Length: ", body_bytes, "\r\n"));
  }
  return text.append("\r\n");
}

Result<> Client::Impl::write(std::string_view head, std::string_view body) {
  if (tls) {
    const std::string both = concat(head, body);
    return write_sealed(as_bytes(both));
  }
  std::array<::iovec, 2> pieces = {
      ::iovec{const_cast<char*>(head.data()), head.size()},
      ::iovec{const_cast<char*>(body.data()), body.size()},
  };
  ::msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  while (pieces[0].iov_len + pieces[1].iov_len > 0) {
    const ::ssize_t sent = ::sendmsg(socket.get(), &message, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      const auto ready = wait(POLLOUT, stall_timeout_ms);
      if (!ready) return fail(ready.error());
      continue;
    }
    if (sent < 0) return fail_errno(errno, "send the request");
    auto left = static_cast<std::size_t>(sent);
    for (auto& piece : pieces) {
      const std::size_t taken = std::min(left, piece.iov_len);
      piece.iov_base = static_cast<char*>(piece.iov_base) + taken;
      piece.iov_len -= taken;
      left -= taken;
    }
  }
  return {};
}

Result<bool> Client::Impl::write_file(int file, std::uint64_t offset, std::uint64_t bytes,
                                      ResponseReader& reader) {
  std::vector<std::byte> buffer(tls ? kSealBytes : 0);
  while (body_bytes_handed < bytes) {
    const auto ready = wait(POLLIN | POLLOUT, stall_timeout_ms);
    if (!ready) return fail(ready.error());
    if (*ready & POLLIN) {
      // Interim answers (104) may come at any time; a final one ends the sending.
      const auto answered = receive(reader);
      if (!answered) return fail(answered.error());
      if (*answered) return false;
      if (!(*ready & POLLOUT)) continue;
    }
    const std::uint64_t at = offset + body_bytes_handed;
    const std::uint64_t left = bytes - body_bytes_handed;
    const auto sent = tls ? seal_piece(file, at, left, buffer) : send_piece(file, at, left);
    // A server that refuses early closes after its answer.
    if (!sent && sent.error().code == ErrorCode::kClosed) return false;
    if (!sent) return fail(sent.error());
    body_bytes_handed += *sent;
    if (!go_on()) return fail(ErrorCode::kCancelled, "the request was interrupted");
  }
  return true;
}

Result<std::uint64_t> Client::Impl::send_piece(int file, std::uint64_t at, std::uint64_t left) {
  auto position = static_cast<::off_t>(at);
  const ::ssize_t sent = ::sendfile(socket.get(), file, &position,
                                    static_cast<std::size_t>(std::min(left, kSendFileStepBytes)));
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
    return fail(ErrorCode::kClosed, "the server has gone");
  }
  if (sent < 0 && errno == EIO) return fail(ErrorCode::kCorrupt, "the file cannot be read");
  if (sent < 0) return fail_errno(errno, "send the file");
  if (sent == 0) return fail(ErrorCode::kConflict, "the file became shorter while it was sent");
  return static_cast<std::uint64_t>(sent);
}

/// Over TLS bytes pass through our memory.
Result<std::uint64_t> Client::Impl::seal_piece(int file, std::uint64_t at, std::uint64_t left,
                                               std::span<std::byte> buffer) {
  const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
  const ::ssize_t got = ::pread(file, buffer.data(), step, static_cast<::off_t>(at));
  if (got < 0 && errno == EINTR) return 0;
  if (got < 0) return fail(ErrorCode::kCorrupt, "the file cannot be read");
  if (got == 0) return fail(ErrorCode::kConflict, "the file became shorter while it was sent");
  const ByteSpan piece = buffer.first(static_cast<std::size_t>(got));
  if (auto sent = write_sealed(piece); !sent) return fail(std::move(sent.error()));
  return piece.size();
}

Result<bool> Client::Impl::receive_sealed(ResponseReader& reader) {
  std::array<char, kReceiveBytes> buffer;
  for (;;) {
    const auto got = tls->read(std::as_writable_bytes(std::span(buffer)));
    if (!got) return fail(got.error());
    if (got->bytes == 0 && got->wait_for != 0) return false;
    if (got->bytes == 0) {
      if (reader.take_end()) return true;
      return fail(ErrorCode::kClosed, concat(base_url, " closed the connection before its answer"));
    }
    const auto complete = reader.take({buffer.data(), got->bytes});
    if (!complete || *complete) return complete;
  }
}

/// Takes what is there to receive; true when the answer is complete.
Result<bool> Client::Impl::receive(ResponseReader& reader) {
  if (tls) return receive_sealed(reader);
  std::array<char, kReceiveBytes> buffer;
  const ::ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  if (got > 0) return reader.take({buffer.data(), static_cast<std::size_t>(got)});
  if (got == 0) {
    if (reader.take_end()) return true;
    return fail(ErrorCode::kClosed, concat(base_url, " closed the connection before its answer"));
  }
  if (errno == EAGAIN || errno == EINTR) return false;
  return fail_errno(errno, "receive the answer");
}

/// The answer, or the rest of it; `whole` says whether the request was sent to its end.
Result<ClientResponse> Client::Impl::read(ResponseReader& reader, bool whole) {
  while (!reader.complete()) {
    const auto ready = wait(POLLIN, stall_timeout_ms);
    if (!ready) return fail(ready.error());
    if (const auto received = receive(reader); !received) return fail(received.error());
  }
  if (!reader.keep_alive() || !whole) drop();
  return std::move(reader).response();
}

Client::Client(std::string base_url, bool insecure)
    : impl_(std::make_unique<Impl>(std::move(base_url))) {
  impl_->insecure = insecure;
}
Client::~Client() = default;

void Client::set_timeouts(unsigned connect_ms, unsigned stall_ms) noexcept {
  impl_->connect_timeout_ms = connect_ms;
  impl_->stall_timeout_ms = stall_ms;
}

void Client::set_watch(std::function<bool(std::uint64_t)> watch) {
  impl_->watch = std::move(watch);
}

Result<ClientResponse> Client::send(Method method, std::string_view target, const Headers& headers,
                                    std::string_view body) {
  impl_->body_bytes_handed = 0;
  if (auto ready = impl_->ready_connection(); !ready) return fail(std::move(ready.error()));
  const auto sent = impl_->write(impl_->head(method, target, headers, body.size()), body);
  // A server that refuses early closes after its answer: the answer says more than the broken pipe.
  ResponseReader reader(method == Method::kHead);
  auto response = impl_->read(reader, sent.has_value());
  if (!response) impl_->drop();
  if (!response && !sent) return fail(sent.error());
  return response;
}

Result<ClientResponse> Client::send_file(Method method, std::string_view target,
                                         const Headers& headers, int file, std::uint64_t offset,
                                         std::uint64_t bytes) {
  impl_->body_bytes_handed = 0;
  if (auto ready = impl_->ready_connection(); !ready) return fail(std::move(ready.error()));
  if (auto sent = impl_->write(impl_->head(method, target, headers, bytes), {}); !sent) {
    impl_->drop();
    return fail(std::move(sent.error()));
  }
  ResponseReader reader(method == Method::kHead);
  const auto sent = impl_->write_file(file, offset, bytes, reader);
  if (!sent) {
    impl_->drop();
    return fail(sent.error());
  }
  auto response = impl_->read(reader, *sent);
  if (!response) impl_->drop();
  return response;
}

}  // namespace sf::http
