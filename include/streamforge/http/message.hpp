#pragma once

/// Requests and responses as handlers see them. Owned by the connection driver for one exchange;
/// views in a Request live until its handler has returned. One reactor's thread.

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/io/task.hpp>
#include <streamforge/net/connection.hpp>

#include <cstdint>
#include <forward_list>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sf::http {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions };
[[nodiscard]] std::string_view name_of(Method method) noexcept;
[[nodiscard]] std::optional<Method> method_named(std::string_view name) noexcept;

enum class Version : std::uint8_t { kHttp10, kHttp11, kHttp2 };
/// "HTTP/1.1".
[[nodiscard]] std::string_view name_of(Version version) noexcept;

/// Header fields in order of arrival; names compare without case.
class Headers {
 public:
  void add(std::string name, std::string value);
  /// Replaces every field of that name.
  void set(std::string name, std::string value);
  void remove(std::string_view name);
  /// The value of the only field of that name; nullopt when there is none. Several fields of one
  /// name are given joined by ", " (RFC 9110 section 5.3). The view lives until the next change.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const noexcept;
  [[nodiscard]] unsigned count(std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const noexcept {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
  mutable std::forward_list<std::string> joined_;  ///< Grows without moving what was given out.
};

/// The request's body: read by the handler, at its pace; what it leaves is drained (when short) or
/// ends the connection. `100 Continue` is sent by the first read when the client expects it.
class Body {
 public:
  virtual ~Body() = default;
  /// The length a sized body announces; nullopt for chunked; 0 for none.
  [[nodiscard]] virtual std::optional<std::uint64_t> length() const noexcept = 0;
  /// At least one byte into `into`, 0 at the end. Decoded (no chunk framing). For sized bodies the
  /// bytes go straight from the socket into `into`. kClosed: the client left before the end;
  /// kTimedOut: it stalled; kInvalidArgument: broken chunk framing; kCancelled: aborted.
  virtual io::Task<Result<std::size_t>> read_into(MutableByteSpan into) = 0;
  /// Likewise, but takes as much as it can get for `into` before it returns: all of it, the rest of
  /// the body, or what had come when the read was interrupted. For owners who interrupt in time.
  virtual io::Task<Result<std::size_t>> fill(MutableByteSpan into) { return read_into(into); }
  /// Like `fill`, but `bytes` into a pipe, and less when that is full. Only while `can_splice`: the
  /// body is sized, and what comes next of it is still in the socket.
  virtual io::Task<Result<std::size_t>> splice(const io::Pipe& into, std::size_t bytes);
  [[nodiscard]] virtual bool can_splice() const noexcept { return false; }
  /// Ends the read that waits, if one does, with kCancelled. Nothing is lost by it: the next read
  /// gives what arrived meanwhile or waits again. For owners who must look up from a silent peer.
  virtual void interrupt_read() noexcept = 0;
  /// All of it as text, kTooLarge over `bytes_max`.
  io::Task<Result<std::string>> read_all(std::size_t bytes_max);
  /// Trailer fields, after read_into has given 0.
  [[nodiscard]] virtual const Headers& trailers() const noexcept = 0;
  [[nodiscard]] virtual bool finished() const noexcept = 0;
};

/// What carries one request and its answer. A connection may carry several at a time; nothing that
/// is done here touches the others. Owned by the driver, for as long as the request lives.
class Exchange {
 public:
  [[nodiscard]] virtual const net::Address& peer() const noexcept = 0;
  /// Whether a small message would be taken by the kernel at once.
  [[nodiscard]] virtual bool takes_now() const noexcept = 0;
  [[nodiscard]] virtual bool peer_gone() const noexcept = 0;
  virtual io::Task<Result<>> send_informational(int status, Headers fields) = 0;

 protected:
  ~Exchange() = default;
};

class Request {
 public:
  Method method = Method::kGet;
  std::string target;  ///< As received.
  /// Decoded path with dot segments refused (400 before a handler runs): always begins with '/',
  /// is UTF-8 without control characters, holds no empty, "." or ".." segment (but may end in '/').
  std::string path;
  std::string query;      ///< Raw, without '?'.
  std::string authority;  ///< Host field, or the absolute-form's authority, which wins.
  Version version = Version::kHttp11;
  bool secure = false;            ///< Came over TLS, to us or to a trusted proxy.
  bool forwarded_secure = false;  ///< `secure` is what a trusted proxy says.
  Headers headers;
  std::string request_id;  ///< Given to every exchange; in problem documents and logs.
  std::optional<net::Address> forwarded_client;  ///< As `client` says.

  [[nodiscard]] Body& body() const noexcept { return *body_; }
  /// Who asked: the connection's peer, or whom a trusted proxy names; port 0 is one not told.
  [[nodiscard]] const net::Address& client() const noexcept {
    return forwarded_client ? *forwarded_client : exchange_->peer();
  }
  /// Sends an informational response now: 104 with its fields. A peer of HTTP/1.0 is sent nothing,
  /// which is no error (RFC 9110 section 15.2).
  io::Task<Result<>> send_informational(int status, Headers fields) const;
  /// Whether the peer would be told at once: for news that is better not sent than waited for.
  [[nodiscard]] bool takes_now() const noexcept { return exchange_->takes_now(); }
  /// Whether nobody waits for the answer any more, as far as one can tell: the stream was reset, or
  /// the connection closed. One that is half-closed looks the same; it is to be answered.
  [[nodiscard]] bool peer_gone() const noexcept { return exchange_->peer_gone(); }
  /// A query parameter, decoded; the first of that name.
  [[nodiscard]] std::optional<std::string> query_parameter(std::string_view name) const;
  /// A value of the Cookie field.
  [[nodiscard]] std::optional<std::string_view> cookie(std::string_view name) const;
  /// Route parameters by name, "/v/{id}/{file}": set by the router.
  [[nodiscard]] std::string_view parameter(std::string_view name) const noexcept;

  Body* body_ = nullptr;                                         ///< Set by the driver.
  Exchange* exchange_ = nullptr;                                 ///< Set by the driver.
  std::vector<std::pair<std::string, std::string>> parameters_;  ///< Set by the router.
};

/// Bytes in memory that several responses may share (a cached segment, an embedded web file).
struct SharedBytes {
  std::shared_ptr<const void> owner;  ///< Null for static storage.
  ByteSpan bytes;
};
/// Part of an open file. The descriptor may be shared by several responses.
struct FileSlice {
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};
/// Writes a body of unknown length piece by piece, chunked (or until close for HTTP/1.0).
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  /// Sent at once. kClosed when the client has gone.
  virtual io::Task<Result<>> write(std::string_view bytes) = 0;
  /// True when the peer has gone or the server drains: long streams end themselves.
  [[nodiscard]] virtual bool should_end() const noexcept = 0;
};
using BodyProducer = std::function<io::Task<Result<>>(BodyWriter&)>;

struct Reuse;

struct Response {
  int status = 200;
  Headers headers;
  std::variant<std::monostate, std::string, SharedBytes, FileSlice, std::vector<FileSlice>,
               BodyProducer>
      body;
  /// Text to be sent before each FileSlice of the vector form (multipart/byteranges), then a tail.
  std::vector<std::string> part_heads;
  /// Close the connection after this response.
  bool close = false;
  /// Set by handlers of GET whose answer others may be given too: the driver then answers the same
  /// target itself, ranges and conditions included, for as long as this is valid.
  std::shared_ptr<const Reuse> reuse;

  /// The bytes of the body; nullopt when a BodyProducer makes it.
  [[nodiscard]] std::optional<std::uint64_t> body_bytes() const noexcept;

  [[nodiscard]] static Response text(int status, std::string body,
                                     std::string content_type = "text/plain; charset=utf-8");
  [[nodiscard]] static Response json(int status, std::string body);
  [[nodiscard]] static Response empty(int status = 204);
};

/// RFC 9457. `code` is stable and for programs; `detail` says what happened, `hint` what to do.
struct Problem {
  int status = 500;
  std::string code;
  std::string title;
  std::string detail;
  std::string hint;
  std::string type;  ///< A registered problem type's URI; empty: about:blank.
  /// Extension members (RFC 9457 section 3.2).
  std::vector<std::pair<std::string, std::variant<std::uint64_t, std::string>>> members;
};
[[nodiscard]] Response problem(const Request& request, const Problem& problem);
/// The one table from errors to statuses. 5xx details are logged, not shown.
[[nodiscard]] Response problem(const Request& request, const Error& error,
                               std::string_view hint = {});
[[nodiscard]] int status_of(ErrorCode code) noexcept;
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

}  // namespace sf::http
