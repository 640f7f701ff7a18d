#pragma once

/// One event as one line of text or JSON. Pure, so that tests need no stream.

#include <streamforge/base/log.hpp>

namespace sf::log {

struct Line {
  std::int64_t wall_time_ms = 0;
  Level level = Level::kInfo;
  std::string_view room;
  std::string_view message;
};

/// Without a newline at the end, and with none inside whatever message and values hold: no peer can
/// forge a line.
[[nodiscard]] std::string format_line(Format format, const Line& line,
                                      std::initializer_list<Field> fields);

}  // namespace sf::log
