#include <streamforge/store/records.hpp>

#include <algorithm>

#include "names.hpp"

namespace sf::store {

std::string_view name_of(VideoStatus status) noexcept { return kVideoStatusNames.name_of(status); }
std::string_view name_of(Visibility visibility) noexcept {
  return kVisibilityNames.name_of(visibility);
}
std::string_view name_of(JobState state) noexcept { return kJobStateNames.name_of(state); }
std::string_view name_of(Role role) noexcept { return kRoleNames.name_of(role); }

std::optional<VideoStatus> video_status(std::string_view name) noexcept {
  return kVideoStatusNames.find(name);
}
std::optional<Visibility> visibility(std::string_view name) noexcept {
  return kVisibilityNames.find(name);
}
std::optional<JobState> job_state(std::string_view name) noexcept {
  return kJobStateNames.find(name);
}
std::optional<Role> role(std::string_view name) noexcept { return kRoleNames.find(name); }

double Video::progress() const noexcept {
  if (status == VideoStatus::kReady) return 1;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  const auto add = [&](const auto& track) {
    // A total may shrink when the last boundaries become known; a track never counts over 1.
    done += std::min(track.segments_done, track.segments_total);
    total += track.segments_total;
  };
  std::ranges::for_each(renditions, add);
  std::ranges::for_each(audio, add);
  return total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
}

}  // namespace sf::store
