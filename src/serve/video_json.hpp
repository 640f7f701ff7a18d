#pragma once

#include <streamforge/base/json.hpp>
#include <streamforge/store/records.hpp>

#include <string>

namespace sf::serve {

/// A video as the API shows it (docs/protocols/api.md). `queue_position` 0 is written as null.
void write_video(json::Writer& writer, const store::Video& video, unsigned queue_position);
[[nodiscard]] std::string video_json(const store::Video& video, unsigned queue_position);
/// The strong ETag of that body: `"r17"`, the revision that If-Match names.
[[nodiscard]] std::string video_etag(const store::Video& video);

}  // namespace sf::serve
