#pragma once

#include <streamforge/base/error.hpp>
#include <streamforge/store/catalogue.hpp>

#include <string_view>

#include "database.hpp"

namespace sf::store {

/// One page of videos. A cursor is the key of the last record looked at, so pages neither repeat
/// nor skip what stays while other videos come and go between them. One call reads at most
/// limits::kScanRecordsMax records, so a page of a rare filter may be short and still have a
/// cursor.
[[nodiscard]] Result<VideoPage> list_videos(const Database& database, const VideoQuery& query,
                                            std::size_t scan_records_max);

/// False only when the stored record surely does not match: decides from its bytes, a hundred times
/// cheaper than reading it. Exact for records that our encoder wrote.
[[nodiscard]] bool may_match(const VideoQuery& query, std::string_view stored);

}  // namespace sf::store
