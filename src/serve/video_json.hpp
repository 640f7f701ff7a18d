#pragma once

#include <streamforge/base/json.hpp>
#include <streamforge/store/records.hpp>

#include <string>
#include <string_view>

namespace sf::serve {

/// A video as the API shows it (docs/protocols/api.md). `queue_position` 0 is written as null;
/// `base_path` stands before the paths of its URLs.
void write_video(json::Writer& writer, const store::Video& video, unsigned queue_position,
                 std::string_view base_path);
[[nodiscard]] std::string video_json(const store::Video& video, unsigned queue_position,
                                     std::string_view base_path);
/// The strong ETag of that body: `"r17"`, the revision that If-Match names.
[[nodiscard]] std::string video_etag(const store::Video& video);

}  // namespace sf::serve
