#include "failure.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>

namespace sf::transcode {
namespace {

constexpr std::string_view kPartial = "partial: ";
constexpr std::string_view kKinds =
    "Upload a video or audio file: MP4, MOV, MKV, WebM, AVI, TS, FLV, OGV, MPG and others.";
constexpr std::string_view kConvert =
    "The file may be damaged. Playing it through another program and saving it anew often helps.";

// A sentence: capital first, full stop last.
std::string sentence(std::string text) {
  if (text.empty()) return text;
  if (text.front() >= 'a' && text.front() <= 'z') {
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  }
  if (!std::string_view(".!?").contains(text.back())) text += '.';
  return text;
}

std::string place(std::string_view part) {
  return part.empty() ? std::string() : concat(" (", part, ')');
}

std::string times(unsigned tries) {
  return tries > 1 ? concat(" It was tried ", tries, " times.") : std::string();
}

}  // namespace

bool is_final(const TaskReport& report, TaskKind kind) noexcept {
  if (report.end != TaskEnd::kReported) return false;
  switch (report.error.code) {
    case ErrorCode::kUnsupported:
    case ErrorCode::kInvalidArgument:
      return true;
    case ErrorCode::kCorrupt:
      return kind == TaskKind::kIndex;
    default:
      return false;
  }
}

store::Failure failure_of(const TaskReport& report, std::string_view part, unsigned tries) {
  switch (report.end) {
    case TaskEnd::kCrashed:
      return {"decoder_crashed",
              concat("The transcoder crashed on this file", place(part), ": ", report.error.message,
                     '.', times(tries)),
              std::string(kConvert), true};
    case TaskEnd::kHung:
      return {"decoder_hung",
              concat("The transcoder got stuck on this file", place(part), ": ",
                     report.error.message, '.', times(tries)),
              std::string(kConvert), true};
    case TaskEnd::kLimit:
      return {"limit_exceeded",
              concat("The transcoder ran out of what it may use", place(part), ": ",
                     report.error.message, '.', times(tries)),
              "A smaller picture size may work. The administrator can raise the limit.", true};
    case TaskEnd::kReported:
    case TaskEnd::kCancelled:
    case TaskEnd::kDone:
      break;
  }
  store::Failure failure = failure_of(report.error);
  if (report.error.code != ErrorCode::kUnsupported && !part.empty()) {
    failure.message += concat(" (", part, ')');
  }
  return failure;
}

store::Failure failure_of(const Error& error) {
  const std::string message = sentence(error.message);
  switch (error.code) {
    case ErrorCode::kUnsupported:
    case ErrorCode::kInvalidArgument:
      return {"not_a_video", message, std::string(kKinds), false};
    case ErrorCode::kCorrupt:
      return {"damaged", message, "The file may be cut short: upload it again from the original.",
              true};
    case ErrorCode::kTooLarge:
      return {"too_large", message, "A smaller picture size or fewer tracks may work.", false};
    case ErrorCode::kNoSpace:
      return {"no_space", "The server's disk is full.", "Free space on the server, then try again.",
              true};
    case ErrorCode::kNotFound:
      return {"source_missing", "The uploaded file is no longer there.", "Upload it again.", false};
    default:
      return {"internal", message, "Try again; the log of this video says more.", true};
  }
}

std::string partial_warning(const Losses& losses) {
  std::string lost;
  if (losses.pictures > 0) {
    lost = concat(losses.pictures, losses.pictures == 1 ? " picture" : " pictures");
  }
  if (losses.sounds > 0) {
    lost += concat(lost.empty() ? "" : " and ", losses.sounds,
                   losses.sounds == 1 ? " packet of sound" : " packets of sound");
  }
  return lost.empty() ? lost : concat(kPartial, lost, " could not be decoded");
}

void set_partial_warning(std::vector<std::string>& warnings, const Losses& losses) {
  std::string warning = partial_warning(losses);
  if (warning.empty()) return;
  const auto found = std::ranges::find_if(
      warnings, [](std::string_view one) { return one.starts_with(kPartial); });
  if (found == warnings.end()) {
    warnings.push_back(std::move(warning));
  } else {
    *found = std::move(warning);
  }
}

}  // namespace sf::transcode
