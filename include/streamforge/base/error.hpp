#pragma once

/// Errors of the world: what a call returns when the peer, the disk or the media is at fault.
/// Faults of our own are SF_ASSERT's (assert.hpp). Errors are values, owned by whoever holds them.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace sf {

/// What kind of thing went wrong. `http` maps each to a status in one table.
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,   ///< The caller's input breaks a rule that is written down.
  kUnauthenticated,   ///< Nobody is logged in, or the credential is unknown or expired.
  kPermissionDenied,  ///< Known who it is; not allowed.
  kNotFound,          ///< There is no such thing, or the caller may not know that there is.
  kConflict,          ///< The thing is in another state than the caller believed.
  kTooLarge,          ///< Over a limit that is a number.
  kUnsupported,       ///< Well-formed, but nothing here can do it.
  kNoSpace,           ///< The disk or a quota is full.
  kTimedOut,          ///< Took longer than its bound.
  kCancelled,         ///< Ended on request: shutdown, takeover, a client that left.
  kClosed,            ///< The peer closed or reset the connection.
  kUnavailable,       ///< Cannot now; the same call may work later.
  kCorrupt,           ///< Stored or received bytes do not read as what they claim to be.
  kIo,                ///< The kernel refused; `sys` holds errno.
  kInternal,          ///< A library failed in a way we have no better word for.
};

/// The stable word of a code, as logs and problem documents show it: "not_found".
[[nodiscard]] std::string_view name_of(ErrorCode code) noexcept;

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::kInternal;
  /// One line for a person: what failed, on what, and what to do when that is known.
  std::string message;
  /// errno where the kernel said it, else 0.
  int sys = 0;
};

template <class T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message), 0});
}

/// Passes an error on: `if (!r) return fail(std::move(r.error()));`
[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

/// An errno as an Error: ENOSPC/EDQUOT, ENOENT, ECANCELED, ETIME, ECONNRESET… get codes of their
/// own, the rest, EACCES too, kIo. `context` says what was tried, "open /x/y".
[[nodiscard]] Error error_from_errno(int sys, std::string_view context);
[[nodiscard]] inline std::unexpected<Error> fail_errno(int sys, std::string_view context) {
  return std::unexpected(error_from_errno(sys, context));
}

}  // namespace sf
