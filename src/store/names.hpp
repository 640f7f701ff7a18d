#pragma once

/// The words that stand for enumerators in stored records and in the API. They are never renamed:
/// stored records hold them.

#include <streamforge/store/records.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace sf::store {

/// Names in the order of the enumerators, which count from 0.
template <class Enum, std::size_t kCount>
struct NameTable {
  std::array<std::string_view, kCount> names;

  [[nodiscard]] constexpr std::string_view name_of(Enum value) const noexcept {
    const auto index = static_cast<std::size_t>(value);
    return index < kCount ? names[index] : std::string_view("unknown");
  }
  [[nodiscard]] constexpr std::optional<Enum> find(std::string_view name) const noexcept {
    for (std::size_t index = 0; index < kCount; ++index) {
      if (names[index] == name) return static_cast<Enum>(index);
    }
    return std::nullopt;
  }
};

inline constexpr NameTable<VideoStatus, 6> kVideoStatusNames{
    {"uploading", "queued", "processing", "ready", "failed", "cancelled"}};
inline constexpr NameTable<Visibility, 3> kVisibilityNames{{"public", "unlisted", "private"}};
inline constexpr NameTable<JobState, 6> kJobStateNames{
    {"waiting", "running", "paused", "done", "failed", "cancelled"}};
inline constexpr NameTable<Role, 3> kRoleNames{{"admin", "editor", "viewer"}};

static_assert(kVideoStatusNames.name_of(VideoStatus::kCancelled) == "cancelled");
static_assert(kVisibilityNames.name_of(Visibility::kPrivate) == "private");
static_assert(kJobStateNames.name_of(JobState::kCancelled) == "cancelled");
static_assert(kRoleNames.name_of(Role::kViewer) == "viewer");

}  // namespace sf::store
