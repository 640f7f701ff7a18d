#pragma once

#include <rocksdb/write_batch.h>
#include <streamforge/store/events.hpp>
#include <streamforge/store/records.hpp>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "codec.hpp"
#include "database.hpp"
#include "video_cache.hpp"

namespace sf::store {

/// What is told after a commit, in this order.
struct Published {
  EventKind kind;
  std::shared_ptr<const Video> video;
};
using Notice = std::variant<Published, Job, Upload, std::function<void()>>;

/// The state changes that one log sync makes durable. The committer's alone.
class Group {
 public:
  Group(const Database& database, VideoCache& cache) : database_(database), cache_(cache) {}

  [[nodiscard]] Result<std::optional<std::string>> get(Family family, std::string_view key) const;
  /// The latest state of a video, this group's changes included; null when there is none.
  [[nodiscard]] Result<std::shared_ptr<const Video>> video(const std::string& id) const;

  [[nodiscard]] rocksdb::WriteBatch& batch() noexcept { return batch_; }
  [[nodiscard]] bool empty() const noexcept { return batch_.Count() == 0; }
  [[nodiscard]] const std::vector<Notice>& notices() const noexcept { return notices_; }
  /// Brings the cache to the state that was just committed.
  void apply_to_cache() const;

 private:
  friend class Changes;
  const Database& database_;
  VideoCache& cache_;
  rocksdb::WriteBatch batch_;
  std::vector<Notice> notices_;
  /// What this group has written so far, by family; nullopt and null: removed.
  using Written = std::map<std::string, std::optional<std::string>, std::less<>>;
  std::array<Written, kFamilyNames.size()> written_;
  std::unordered_map<std::string, std::shared_ptr<const Video>> videos_;
};

/// One state change: reads through its group, collects what it writes, and joins the group only as
/// a whole (`join`), so a change that fails half-way leaves nothing. The committer's thread.
class Changes {
 public:
  explicit Changes(Group& group) : group_(group) {}

  /// The record, or nullopt.
  template <class Record>
  [[nodiscard]] Result<std::optional<Record>> read(Family family, std::string_view key) const {
    auto stored = group_.get(family, key);
    if (!stored) return fail(std::move(stored.error()));
    if (!*stored) return std::nullopt;
    auto record = decode<Record>(**stored);
    if (!record) return fail(std::move(record.error()));
    return std::move(*record);
  }
  [[nodiscard]] Result<std::shared_ptr<const Video>> video(const std::string& id) const {
    return group_.video(id);
  }

  template <class Record>
  void put(Family family, std::string_view key, const Record& record) {
    writes_.push_back({family, std::string(key), {}, encode(record)});
  }
  [[nodiscard]] Result<std::optional<std::string>> read_text(Family family,
                                                             std::string_view key) const {
    return group_.get(family, key);
  }
  void put_text(Family family, std::string_view key, std::string text) {
    writes_.push_back({family, std::string(key), {}, std::move(text)});
  }
  void erase(Family family, std::string_view key) {
    writes_.push_back({family, std::string(key), {}, std::nullopt});
  }
  /// begin <= key < end. Only for families that no state change reads (segments).
  void erase_range(Family family, std::string begin, std::string end) {
    writes_.push_back({family, std::move(begin), std::move(end), std::nullopt});
  }

  /// Stores `after` with the next revision, keeps the title index, publishes `event`. `before` is
  /// what `video` gave, null for a new one. At most one per video and change.
  std::shared_ptr<const Video> put_video(const std::shared_ptr<const Video>& before, Video after,
                                         EventKind event);
  void erase_video(const std::shared_ptr<const Video>& video);

  /// Told after the commit: jobs and uploads to their listeners, functions as they are.
  void then(Notice notice) { notices_.push_back(std::move(notice)); }

  Result<> join() &&;

 private:
  struct Write {
    Family family;
    std::string key;
    std::string end;  ///< Of a range; empty for one key.
    std::optional<std::string> value;
  };

  Group& group_;
  std::vector<Write> writes_;
  std::vector<Notice> notices_;
  std::vector<std::pair<std::string, std::shared_ptr<const Video>>> videos_;
};

}  // namespace sf::store
