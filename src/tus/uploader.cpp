#include <streamforge/tus/uploader.hpp>

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/json.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/http/client.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

#include "protocol.hpp"
#include "resume_state.hpp"

namespace sf::tus {
namespace {

using http::ClientResponse;
using http::Headers;
using http::Method;

constexpr std::uint64_t kGiveUpAfterMs = 10 * 60 * 1000;
constexpr std::uint64_t kFirstPauseMs = 250;
constexpr std::uint64_t kLongestPauseMs = 15'000;
constexpr unsigned kConnectMs = 10'000;
/// Long enough for a server that syncs a large file before it answers.
constexpr unsigned kStallMs = 90'000;

std::uint64_t now_ms() { return mono_ns() / 1'000'000; }

bool may_pass(int status) {
  return status == 409 || status == 423 || status == 429 || status == 460 || status >= 500;
}
bool is_gone(int status) { return status == 404 || status == 410; }

bool may_pass(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimedOut:
    case ErrorCode::kClosed:
    case ErrorCode::kIo:
      return true;
    default:
      return false;
  }
}

/// A refusal in the server's own words when it gave any.
Error error_of(const ClientResponse& answer, std::string_view what) {
  ErrorCode code = ErrorCode::kInvalidArgument;
  if (answer.status == 401) code = ErrorCode::kUnauthenticated;
  if (answer.status == 403) code = ErrorCode::kPermissionDenied;
  if (answer.status == 413) code = ErrorCode::kTooLarge;
  if (answer.status == 507) code = ErrorCode::kNoSpace;
  if (is_gone(answer.status)) code = ErrorCode::kNotFound;
  if (may_pass(answer.status) && answer.status != 507) code = ErrorCode::kUnavailable;
  std::string said;
  if (const auto problem = json::parse(answer.body); problem && problem->is_object()) {
    said = problem->string_at("detail");
    if (const auto hint = problem->string_at("hint"); !hint.empty())
      said += concat(" (", hint, ')');
  }
  if (said.empty()) said = http::reason_phrase(answer.status);
  return {code, concat(what, ": the server answered ", answer.status, ": ", said), 0};
}

/// "/path" of a Location, which may be absolute.
std::string path_of(std::string_view location) {
  const auto scheme_end = location.find("://");
  if (scheme_end == std::string_view::npos) return std::string(location);
  const auto slash = location.find('/', scheme_end + 3);
  return slash == std::string_view::npos ? "/" : std::string(location.substr(slash));
}

std::string base_name(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string metadata_of(const UploadOrder& order) {
  std::string field = concat("filename ", to_base64(as_bytes(base_name(order.file))));
  const auto add = [&field](std::string_view key, std::string_view value) {
    if (!value.empty()) field += concat(',', key, ' ', to_base64(as_bytes(value)));
  };
  add("title", order.title);
  add("visibility", order.visibility);
  return field;
}

/// One file on its way. Each step either moves it on or says what went wrong; `run` decides whether
/// that is worth another try.
class Upload {
 public:
  using OnProgress = std::function<bool(std::uint64_t, std::uint64_t)>;

  Upload(const UploadOrder& order, UniqueFd file, const struct stat& info,
         const OnProgress& on_progress)
      : order_(order),
        file_(std::move(file)),
        total_(static_cast<std::uint64_t>(info.st_size)),
        on_progress_(on_progress),
        state_(order.state_dir, order.base_url, order.file, info),
        client_(order.base_url),
        location_(state_.location()) {
    client_.set_timeouts(kConnectMs, kStallMs);
    client_.set_watch([this](std::uint64_t body_bytes) {
      return report(sending_from_ ? *sending_from_ + body_bytes : shown_);
    });
  }

  Result<UploadOutcome> run() {
    std::uint64_t progress_at_ms = now_ms();
    std::uint64_t best = 0;
    std::uint64_t pause_ms = kFirstPauseMs;
    while (!done_) {
      auto stepped = step();
      if (stepped) continue;
      if (offset_.value_or(0) > best) {
        best = *offset_;
        progress_at_ms = now_ms();
        pause_ms = kFirstPauseMs;
      }
      offset_.reset();
      Error error = std::move(stepped.error());
      const bool given_up = now_ms() - progress_at_ms > kGiveUpAfterMs;
      if (!may_pass(error) || given_up) return fail(std::move(error));
      if (!pause(pause_ms)) return cancelled();
      pause_ms = std::min(pause_ms * 2, kLongestPauseMs);
    }
    state_.forget();
    const std::string id = base_name(path_of(*location_));
    return UploadOutcome{id, concat(order_.base_url, "/watch/", id), total_};
  }

 private:
  Result<> step() {
    if (!location_) return create();
    if (!offset_) return ask();
    if (*offset_ == total_) {
      done_ = true;
      return {};
    }
    return send_rest();
  }

  Result<> create() {
    Headers headers = common();
    headers.add("Upload-Length", concat(total_));
    headers.add("Upload-Metadata", metadata_of(order_));
    auto answer = client_.send(Method::kPost, "/files", headers);
    if (!answer) return fail(std::move(answer.error()));
    const auto location = answer->headers.get("Location");
    if (answer->status != 201 || !location) return fail(error_of(*answer, "creating the upload"));
    location_ = *location;
    state_.remember(*location_);
    offset_ = 0;
    return {};
  }

  /// Where the server stands. An upload that it no longer has is begun anew.
  Result<> ask() {
    auto answer = client_.send(Method::kHead, path_of(*location_), common());
    if (!answer) return fail(std::move(answer.error()));
    const auto offset = parse_decimal(answer->headers.get("Upload-Offset").value_or(""));
    const auto length = parse_decimal(answer->headers.get("Upload-Length").value_or(""));
    const bool answered = answer->status == 200 || answer->status == 204;
    if (is_gone(answer->status) || (answered && length != total_)) {
      state_.forget();
      location_.reset();
      return {};
    }
    if (!answered) return fail(error_of(*answer, "asking for the offset"));
    if (!offset || *offset > total_) {
      return fail(ErrorCode::kCorrupt, "the server gave an offset that cannot be");
    }
    offset_ = *offset;
    return report(*offset) ? Result<>() : cancelled();
  }

  Result<> send_rest() {
    const std::uint64_t from = *offset_;
    Headers headers = common();
    headers.add("Content-Type", "application/offset+octet-stream");
    headers.add("Upload-Offset", concat(from));
    sending_from_ = from;
    auto answer = client_.send_file(Method::kPatch, path_of(*location_), headers, file_.get(), from,
                                    total_ - from);
    sending_from_.reset();
    if (!answer) return fail(std::move(answer.error()));
    if (answer->status != 204 && answer->status != 200) {
      return fail(error_of(*answer, "sending the file"));
    }
    offset_ = parse_decimal(answer->headers.get("Upload-Offset").value_or(""));
    if (!offset_ || *offset_ > total_ || *offset_ <= from) {
      return fail(ErrorCode::kCorrupt, "the server gave an offset that cannot be");
    }
    return report(*offset_) ? Result<>() : cancelled();
  }

  [[nodiscard]] Headers common() const {
    Headers headers;
    headers.add("Tus-Resumable", std::string(kVersion));
    if (!order_.token.empty()) headers.add("Authorization", concat("Bearer ", order_.token));
    return headers;
  }

  bool report(std::uint64_t sent) {
    shown_ = sent;
    return !on_progress_ || on_progress_(sent, total_);
  }

  /// False when it was broken off.
  bool pause(std::uint64_t ms) {
    const std::uint64_t until_ms = now_ms() + ms;
    while (now_ms() < until_ms) {
      if (!report(shown_)) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return true;
  }

  static std::unexpected<Error> cancelled() {
    return fail(ErrorCode::kCancelled, "interrupted; run it again to continue");
  }

  const UploadOrder& order_;
  const UniqueFd file_;
  const std::uint64_t total_;
  const OnProgress& on_progress_;
  const ResumeState state_;
  http::Client client_;
  std::optional<std::string> location_;
  std::optional<std::uint64_t> offset_;        ///< The server's; unknown after an error.
  std::optional<std::uint64_t> sending_from_;  ///< While a body is under way.
  std::uint64_t shown_ = 0;
  bool done_ = false;
};

}  // namespace

Result<UploadOutcome> upload(
    const UploadOrder& order,
    const std::function<bool(std::uint64_t sent, std::uint64_t total)>& on_progress) {
  UniqueFd file(::open(order.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(errno, concat("open ", order.file));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return fail_errno(errno, concat("stat ", order.file));
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kInvalidArgument, concat(order.file, " is not a regular file"));
  }
  return Upload(order, std::move(file), info, on_progress).run();
}

}  // namespace sf::tus
