#include "changes.hpp"

#include <streamforge/base/clock.hpp>

#include <algorithm>
#include <iterator>

namespace sf::store {

Result<std::optional<std::string>> Group::get(Family family, std::string_view key) const {
  const Written& written = written_[static_cast<std::size_t>(family)];
  const auto found = written.find(key);
  return found != written.end() ? found->second : database_.get(family, key);
}

Result<std::shared_ptr<const Video>> Group::video(const std::string& id) const {
  if (const auto found = videos_.find(id); found != videos_.end()) return found->second;
  if (auto cached = cache_.find(id)) return cached;
  auto stored = database_.get(Family::kVideos, id);
  if (!stored) return fail(std::move(stored.error()));
  if (!*stored) return nullptr;
  auto video = decode<Video>(**stored);
  if (!video) return fail(std::move(video.error()));
  return std::make_shared<const Video>(std::move(*video));
}

void Group::apply_to_cache() const {
  for (const auto& [id, video] : videos_) {
    if (video) {
      cache_.committed(video);
    } else {
      cache_.removed(id);
    }
  }
}

std::shared_ptr<const Video> Changes::put_video(const std::shared_ptr<const Video>& before,
                                                Video after, EventKind event) {
  after.revision = before ? before->revision + 1 : 1;
  after.updated_at_ms = wall_ms();
  if (!before || before->title != after.title) {
    if (before) erase(Family::kTitles, title_key(before->title, before->id));
    writes_.push_back({Family::kTitles, title_key(after.title, after.id), {}, std::string()});
  }
  put(Family::kVideos, after.id, after);
  auto video = std::make_shared<const Video>(std::move(after));
  videos_.emplace_back(video->id, video);
  then(Published{event, video});
  return video;
}

void Changes::erase_video(const std::shared_ptr<const Video>& video) {
  erase(Family::kTitles, title_key(video->title, video->id));
  erase(Family::kVideos, video->id);
  videos_.emplace_back(video->id, nullptr);
  then(Published{EventKind::kDeleted, video});
}

Result<> Changes::join() && {
  for (auto& write : writes_) {
    auto* const handle = group_.database_.handle(write.family);
    rocksdb::Status added;
    if (!write.end.empty()) {
      added = group_.batch_.DeleteRange(handle, write.key, write.end);
    } else if (write.value) {
      added = group_.batch_.Put(handle, write.key, *write.value);
    } else {
      added = group_.batch_.Delete(handle, write.key);
    }
    if (!added.ok()) return fail(error_of(added, "gather a commit"));
    if (write.end.empty()) {
      group_.written_[static_cast<std::size_t>(write.family)].insert_or_assign(
          std::move(write.key), std::move(write.value));
    }
  }
  for (auto& [id, video] : videos_) group_.videos_.insert_or_assign(id, std::move(video));
  std::ranges::move(notices_, std::back_inserter(group_.notices_));
  return {};
}

}  // namespace sf::store
