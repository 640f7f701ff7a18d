#include <streamforge/base/error.hpp>

#include <streamforge/base/bytes.hpp>

#include <cerrno>
#include <system_error>

namespace sf {

namespace {

ErrorCode code_of(int sys) noexcept {
  switch (sys) {
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kNoSpace;
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case EEXIST:
    case ENOTEMPTY:
      return ErrorCode::kConflict;
    case EFBIG:
    case EMSGSIZE:
    case ENAMETOOLONG:
      return ErrorCode::kTooLarge;
    case ECANCELED:
      return ErrorCode::kCancelled;
    case ETIME:
    case ETIMEDOUT:
      return ErrorCode::kTimedOut;
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case EPIPE:
    case ESHUTDOWN:
      return ErrorCode::kClosed;
    case EAGAIN:
    case EBUSY:
    case EADDRINUSE:
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case EMFILE:
    case ENETUNREACH:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return ErrorCode::kUnavailable;
    case ENOSYS:
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
      return ErrorCode::kUnsupported;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

std::string_view name_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kUnauthenticated:
      return "unauthenticated";
    case ErrorCode::kPermissionDenied:
      return "permission_denied";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kTooLarge:
      return "too_large";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kNoSpace:
      return "no_space";
    case ErrorCode::kTimedOut:
      return "timed_out";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kClosed:
      return "closed";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

Error error_from_errno(int sys, std::string_view context) {
  return Error{code_of(sys), concat(context, ": ", std::generic_category().message(sys)), sys};
}

}  // namespace sf
