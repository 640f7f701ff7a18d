#pragma once

/// The state changes of uploads, videos, jobs and segments: each reads, checks and collects writes
/// in a Changes, which the committer makes durable as a whole. No I/O but through it.

#include <streamforge/store/catalogue.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "changes.hpp"

namespace sf::store {

using ChangeVideo = std::function<Result<>(Video&)>;
using ChangeJob = std::function<Result<>(Job&, Video&)>;

Result<> create_upload(Changes& changes, Upload upload, std::optional<Video> video);
Result<> advance_upload(Changes& changes, const std::string& id, std::uint64_t offset,
                        std::optional<std::uint64_t> length);
Result<> place_part(Changes& changes, Upload part, const std::string& replaces,
                    std::optional<Upload> whole, std::optional<Video> video);
Result<> name_whole(Changes& changes, const std::string& id, const std::string& concat,
                    const std::string& metadata);
Result<> receive_parts(Changes& changes, const std::string& id, std::uint64_t bytes);
Result<> refuse_end(Changes& changes, const std::string& id);
Result<> complete_upload(Changes& changes, const std::string& id);
Result<> remove_upload(Changes& changes, const std::string& id);

/// `after` becomes what was stored.
Result<> update_video(Changes& changes, const std::string& id, const ChangeVideo& change,
                      EventKind event, std::optional<std::uint64_t> expected,
                      std::shared_ptr<const Video>& after);
Result<> remove_video(Changes& changes, const std::string& id);
Result<> update_job(Changes& changes, const std::string& video, const ChangeJob& change,
                    EventKind event, std::shared_ptr<const Video>& after);

Result<> commit_segments(Changes& changes, const std::string& video,
                         const std::vector<Segment>& segments, const ChangeVideo& change,
                         EventKind event, std::shared_ptr<const Video>& after);
Result<> remove_segments(Changes& changes, const std::string& video);

}  // namespace sf::store
