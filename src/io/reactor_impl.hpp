#pragma once

#include "backend.hpp"
#include "file_buffers.hpp"
#include "mailbox.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/base/metrics.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/io/staging.hpp>
#include <streamforge/io/timer.hpp>

#include <atomic>
#include <memory>

namespace sf::io {

/// What one reactor counts; the label is its index.
struct ReactorMetrics {
  ReactorMetrics(unsigned index, BackendKind backend);
  metrics::Counter& turns;
  metrics::Counter& completions;
  metrics::Counter& messages;
  metrics::Counter& long_turns;
  metrics::Counter& stalls;
  metrics::TimeCounter& cpu;
  metrics::Counter& from_memory;
  metrics::Counter& from_disk;
  metrics::Counter& zero_copy;
  metrics::Gauge& staging_in_use;
};

/// A send_file between its first step and its last; lives in its coroutine's frame. Listed so that
/// cancelling the socket reaches it while it reads the file.
struct FileSend {
  explicit FileSend(FileSend*& list_head, int to) noexcept
      : socket(to), head(list_head), next(list_head) {
    if (next) next->previous = this;
    head = this;
  }
  FileSend(const FileSend&) = delete;
  ~FileSend() {
    (previous ? previous->next : head) = next;
    if (next) next->previous = previous;
  }
  const int socket;
  bool cancelled = false;
  FileSend*& head;
  FileSend* previous = nullptr;
  FileSend* next;
};

struct Reactor::Impl {
  Impl(const ReactorConfig& configuration, std::shared_ptr<Mailbox> messages,
       std::unique_ptr<Backend> carrier);

  // Constant after construction.
  const ReactorConfig config;
  ReactorMetrics metrics;

  // Any thread's.
  const std::shared_ptr<Mailbox> mailbox;
  std::atomic<bool> stopping{false};

  // The reactor's thread's.
  std::unique_ptr<Backend> backend;
  StagingPool staging;
  FileBuffers file_buffers;
  FileSend* file_sends = nullptr;
  std::size_t sendable_bytes = limits::kTurnSendBytes;  ///< Of files, in what is left of this turn.
  TimerWheel timers;
  std::uint64_t turn_began_ns = 0;
  std::uint64_t cpu_read_at_ns = 0;  ///< When `metrics.cpu` was set last.
  unsigned spawned = 0;

  void run_messages();
  void wait_and_complete();
  void read_cpu() noexcept;
  void note_long_turn() noexcept;
};

}  // namespace sf::io
