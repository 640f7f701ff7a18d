#pragma once

/// Upload-Metadata (tus 1.0.0, Creation): "key base64,key base64,flag". Strict where the text is:
/// what does not parse is refused, so that nothing is lost in silence (spec rows N7–N10). Pure.

#include <streamforge/base/error.hpp>
#include <streamforge/store/records.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sf::tus {

/// Keys and decoded values in the order sent; a flag has an empty value. Values are bytes as the
/// client chose them: never put one into a header, a path or a page as it is.
class Metadata {
 public:
  /// kInvalidArgument: an empty pair, a key that is not printable ASCII or comes twice, a value
  /// that is not base64, a space too many. kTooLarge: over limits::kMetadataBytesMax.
  static Result<Metadata> parse(std::string_view field);

  [[nodiscard]] std::optional<std::string_view> get(std::string_view key) const noexcept;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const noexcept {
    return pairs_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

/// What a video record takes from metadata, made safe to show.
struct Description {
  std::string title;     ///< `title`, else the file's name without its ending, else "Untitled".
  std::string filename;  ///< `filename` or `name`, last path segment only; may be empty.
  store::Visibility visibility = store::Visibility::kUnlisted;
};
/// kInvalidArgument: `visibility` is a word we do not know (guessing could publish something).
[[nodiscard]] Result<Description> describe(const Metadata& metadata);

/// Where a partial upload stands in the file that it is a part of: its keys `group`, `offset` and
/// `total`.
struct Placement {
  std::string group;
  std::uint64_t at = 0;
  std::uint64_t total = 0;
};
/// nullopt without `group`. kInvalidArgument: the name is empty or too long, or what goes with it
/// is missing or no number.
[[nodiscard]] Result<std::optional<Placement>> placement_of(const Metadata& metadata);

/// One line of UTF-8 for people: control characters become spaces, bytes that are not UTF-8 become
/// '?', outer spaces go, and at most `bytes_max` bytes remain, cut between characters.
[[nodiscard]] std::string to_display_text(std::string_view text, std::size_t bytes_max);

}  // namespace sf::tus
