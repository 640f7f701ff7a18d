#include <streamforge/base/log.hpp>

#include <streamforge/base/clock.hpp>
#include <streamforge/base/write_whole.hpp>

#include <unistd.h>

#include <atomic>
#include <utility>

#include "log_line.hpp"
#include "log_writer.hpp"

namespace sf::log {

namespace {

/// Never destroyed, so that a thread that is still writing while the program ends touches nothing
/// freed.
Writer& writer() {
  static auto* const instance = new Writer;
  return *instance;
}

std::atomic<Level> level_now{Level::kInfo};
std::atomic<Format> format_now{Format::kText};

void put(Piece piece) {
  // One call, so that lines of several processes on one stderr do not mix. Nowhere to report to.
  if (!writer().put(piece)) (void)write_whole(STDERR_FILENO, as_bytes(lines_of(piece)));
}

}  // namespace

Result<> start(const Options& options) {
  if (auto started = writer().start(options); !started) return started;
  level_now.store(options.level);
  format_now.store(options.format);
  return {};
}

void stop() noexcept { writer().stop(); }

void set_level(Level level) noexcept { level_now.store(level, std::memory_order_relaxed); }

void write(Level level, std::string_view room, std::string_view message,
           std::initializer_list<Field> fields) {
  if (level < level_now.load(std::memory_order_relaxed)) return;
  std::string line = format_line(format(), Line{wall_ms(), level, room, message}, fields);
  line += '\n';
  const std::size_t bytes = line.size();
  put({Stream::kMessages, std::move(line), bytes, 1});
}

Format format() noexcept { return format_now.load(std::memory_order_relaxed); }

void Batch::make_room(std::size_t bytes) {
  flush();
  if (text_.size() >= bytes) return;
  text_ = writer().buffer();
  if (text_.size() < bytes) text_.resize(bytes);
}

void Batch::flush() noexcept {
  if (empty()) return;
  put({Stream::kBatches, std::exchange(text_, {}), std::exchange(used_, 0),
       std::exchange(lines_, 0)});
}

}  // namespace sf::log
