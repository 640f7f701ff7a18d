#include "video_list.hpp"

#include <rocksdb/snapshot.h>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <algorithm>
#include <memory>

#include "codec.hpp"

namespace sf::store {
namespace {

using Sort = VideoQuery::Sort;

char letter_of(Sort sort) {
  switch (sort) {
    case Sort::kNewest:
      return 'n';
    case Sort::kOldest:
      return 'o';
    case Sort::kTitle:
      return 't';
  }
  return 'n';
}

std::string make_cursor(Sort sort, std::string_view key) {
  return to_hex(as_bytes(concat(letter_of(sort), key)));
}

/// The key a cursor stands on; empty for the first page.
Result<std::string> parse_cursor(Sort sort, std::string_view cursor) {
  if (cursor.empty()) return std::string();
  const auto bytes = from_hex(cursor);
  if (!bytes || bytes->size() < 2 || as_text(*bytes).front() != letter_of(sort)) {
    return fail(ErrorCode::kInvalidArgument, "the cursor is not one of this list");
  }
  return std::string(as_text(*bytes).substr(1));
}

bool contains_ignoring_case(std::string_view text, std::string_view folded_word) {
  return to_lower(text).find(folded_word) != std::string::npos;
}

/// The words of a search, folded; all must be found.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (const auto word : split(text, ' ')) {
    if (const auto trimmed = trim(word); !trimmed.empty()) words.push_back(to_lower(trimmed));
  }
  return words;
}

bool matches(const VideoQuery& query, const std::vector<std::string>& words, const Video& video) {
  if (query.trash != (video.deleted_at_ms != 0)) return false;
  if (query.status && *query.status != video.status) return false;
  if (query.visibility && *query.visibility != video.visibility) return false;
  if (query.owner && *query.owner != video.owner) return false;
  return std::ranges::all_of(words, [&](const std::string& word) {
    return contains_ignoring_case(video.title, word) ||
           contains_ignoring_case(video.description, word);
  });
}

/// Walks the family that holds the order asked for, of one moment.
class Walk {
 public:
  Walk(const Database& database, Sort sort, const std::string& after, bool keep_in_cache)
      : database_(database), sort_(sort), snapshot_(&database.db()) {
    options_.snapshot = snapshot_.snapshot();
    options_.fill_cache = keep_in_cache;
    const auto family = sort == Sort::kTitle ? Family::kTitles : Family::kVideos;
    at_.reset(database.db().NewIterator(options_, database.handle(family)));
    if (sort == Sort::kNewest) {
      after.empty() ? at_->SeekToLast() : at_->SeekForPrev(after);
    } else {
      at_->Seek(after);
    }
    if (at_->Valid() && !after.empty() && text(at_->key()) == after) next();
  }

  [[nodiscard]] bool valid() const { return at_->Valid(); }
  void next() { sort_ == Sort::kNewest ? at_->Prev() : at_->Next(); }
  [[nodiscard]] std::string_view key() const { return text(at_->key()); }
  /// The stored video; borrowed until the next call.
  Result<std::string_view> value() {
    if (sort_ != Sort::kTitle) return text(at_->value());
    const auto id = id_of_title_key(key());
    const auto status =
        database_.db().Get(options_, database_.handle(Family::kVideos), slice(id), &looked_up_);
    if (!status.ok()) return fail(error_of(status, "read a video by its title"));
    return std::string_view(looked_up_);
  }
  [[nodiscard]] Result<> status() const {
    if (!at_->status().ok()) return fail(error_of(at_->status(), "list videos"));
    return {};
  }

 private:
  const Database& database_;
  Sort sort_;
  rocksdb::ManagedSnapshot snapshot_;
  rocksdb::ReadOptions options_;
  std::unique_ptr<rocksdb::Iterator> at_;
  std::string looked_up_;
};

}  // namespace

bool may_match(const VideoQuery& query, std::string_view stored) {
  // Inside a JSON string a quote is escaped, so `"name":"word"` can only be a member.
  if (!stored.starts_with(concat("{\"v\":", kSchema, ','))) return true;
  const auto has = [&](std::string_view member) {
    return stored.find(member) != std::string_view::npos;
  };
  if (has("\"deleted_at_ms\":0,") == query.trash) return false;
  if (query.status && !has(concat("\"status\":\"", name_of(*query.status), '"'))) return false;
  if (query.visibility && !has(concat("\"visibility\":\"", name_of(*query.visibility), '"'))) {
    return false;
  }
  return !query.owner || !is_id(*query.owner) || has(concat("\"owner\":\"", *query.owner, '"'));
}

Result<VideoPage> list_videos(const Database& database, const VideoQuery& query,
                              std::size_t scan_records_max) {
  auto after = parse_cursor(query.sort, query.cursor);
  if (!after) return fail(std::move(after.error()));
  const std::size_t limit = std::clamp(query.limit, 1u, limits::kPageItemsMax);
  const auto words = words_of(query.text);

  VideoPage page;
  std::string last_key;
  std::size_t scanned = 0;
  const auto held = database.hold();
  if (!database.is_open()) return fail(ErrorCode::kUnavailable, "the catalogue is being opened");
  // A search reads all there is; pages that are turned should stay in memory instead.
  Walk walk(database, query.sort, *after, /*keep_in_cache=*/words.empty());
  for (; walk.valid(); walk.next()) {
    if (scanned++ == scan_records_max) {
      page.next_cursor = make_cursor(query.sort, last_key);
      return page;
    }
    auto stored = walk.value();
    if (!stored) return fail(std::move(stored.error()));
    if (may_match(query, *stored)) {
      auto video = decode<Video>(*stored);
      if (!video) {
        // One bad record must not hide the others.
        log::error("store", "a video record is not read",
                   {{"key", walk.key()}, {"error", video.error().message}});
      } else if (matches(query, words, *video)) {
        if (page.items.size() == limit) {
          page.next_cursor = make_cursor(query.sort, last_key);
          return page;
        }
        page.items.push_back(std::move(*video));
      }
    }
    last_key = walk.key();
  }
  if (auto status = walk.status(); !status) return fail(std::move(status.error()));
  return page;
}

}  // namespace sf::store
