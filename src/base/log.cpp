#include <streamforge/base/log.hpp>

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/metrics.hpp>

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <unistd.h>

#include <atomic>
#include <memory>
#include <vector>

#include "log_line.hpp"

namespace sf::log {

namespace {

constexpr std::size_t kQueueLines = 2048;  // Or batches of them, so that it is 16 MiB at most.
constexpr std::size_t kFileBytesMax = 16 * 1024 * 1024;
constexpr std::size_t kFilesKept = 5;
constexpr std::uint64_t kDroppedReportEveryNs = 1'000'000'000;

/// spdlog's half. It outlives stop() (the logger only holds the pool weakly), so that a thread that
/// is still writing then touches nothing freed.
struct Engine {
  std::shared_ptr<spdlog::details::thread_pool> pool;  ///< Touched by start() and stop() only.
  std::weak_ptr<spdlog::details::thread_pool> pool_of_writers;
  std::shared_ptr<spdlog::async_logger> logger;
};

Engine& engine() {
  static auto* const instance = new Engine;
  return *instance;
}

std::atomic<bool> running{false};
std::atomic<Level> level_now{Level::kInfo};
std::atomic<Format> format_now{Format::kText};
std::atomic<std::uint64_t> dropped_said{0};
std::atomic<std::uint64_t> dropped_said_at_ns{0};

void write_now(std::string line) {
  line += '\n';
  // One call, so that lines of several processes on one stderr do not mix. Nowhere to report to.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

/// Says, at most once a second, how many lines the full queue has cost.
void report_dropped() {
  const auto pool = engine().pool_of_writers.lock();
  if (!pool) return;
  const std::uint64_t dropped = pool->overrun_counter();
  std::uint64_t said = dropped_said.load(std::memory_order_relaxed);
  if (dropped == said) return;
  const std::uint64_t now_ns = mono_ns();
  if (now_ns - dropped_said_at_ns.load(std::memory_order_relaxed) < kDroppedReportEveryNs) return;
  if (!dropped_said.compare_exchange_strong(said, dropped)) return;
  dropped_said_at_ns.store(now_ns, std::memory_order_relaxed);
  static metrics::Counter& counter = metrics::counter(
      "streamforge_log_dropped_lines_total", "Log lines dropped because the queue was full.");
  counter.add(dropped - said);
  const Line line{wall_ms(), Level::kWarn, "base", "log lines dropped"};
  engine().logger->log(spdlog::level::warn, format_line(format_now.load(std::memory_order_relaxed),
                                                        line, {{"count", dropped - said}}));
}

}  // namespace

Result<> start(const Options& options) {
  if (running.load()) return fail(ErrorCode::kConflict, "the log is started already");
  try {
    std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stderr_sink_mt>()};
    if (!options.file.empty()) {
      sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
          options.file, kFileBytesMax, kFilesKept));
    }
    Engine& made = engine();
    made.pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
    made.pool_of_writers = made.pool;
    made.logger =
        std::make_shared<spdlog::async_logger>("streamforge", sinks.begin(), sinks.end(), made.pool,
                                               spdlog::async_overflow_policy::overrun_oldest);
    made.logger->set_pattern("%v");
    made.logger->set_level(spdlog::level::trace);
    made.logger->flush_on(spdlog::level::info);
    made.logger->set_error_handler([](const std::string&) {});
  } catch (const std::exception& error) {
    return fail(ErrorCode::kIo, concat("cannot open the log ", options.file, ": ", error.what()));
  }
  level_now.store(options.level);
  format_now.store(options.format);
  dropped_said.store(0);
  running.store(true);
  return {};
}

void stop() noexcept {
  if (!running.exchange(false)) return;
  // The pool's thread ends behind the last line that is queued.
  engine().pool.reset();
}

void set_level(Level level) noexcept { level_now.store(level, std::memory_order_relaxed); }

void write(Level level, std::string_view room, std::string_view message,
           std::initializer_list<Field> fields) {
  if (level < level_now.load(std::memory_order_relaxed)) return;
  std::string line = format_line(format_now.load(std::memory_order_relaxed),
                                 Line{wall_ms(), level, room, message}, fields);
  if (!running.load(std::memory_order_acquire)) return write_now(std::move(line));
  engine().logger->log(spdlog::level::info, line);
  report_dropped();
}

void Batch::add(std::string_view room, std::string_view message,
                std::initializer_list<Field> fields) {
  if (Level::kInfo < level_now.load(std::memory_order_relaxed)) return;
  if (!lines_.empty()) lines_ += '\n';
  append_line(lines_, format_now.load(std::memory_order_relaxed),
              Line{wall_ms(), Level::kInfo, room, message}, fields);
}

void Batch::flush() noexcept {
  if (lines_.empty()) return;
  if (running.load(std::memory_order_acquire)) {
    engine().logger->log(spdlog::level::info, lines_);
    report_dropped();
  } else {
    write_now(lines_);
  }
  lines_.clear();
}

}  // namespace sf::log
