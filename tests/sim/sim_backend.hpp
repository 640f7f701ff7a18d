#pragma once

/// An I/O backend whose files lie on a SimDisk: sockets are epoll's, file operations end in an
/// order and after a delay that come from the disk's seed, and a sync takes as long as the disk
/// says.

#include <streamforge/base/clock.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "epoll_backend.hpp"
#include "sim_disk.hpp"

namespace sf::test {

class SimBackend final : public io::EpollBackend {
 public:
  SimBackend(io::RecvBuffers buffers, int eventfd, std::shared_ptr<SimDisk> disk)
      : EpollBackend(std::move(buffers), eventfd), disk_(std::move(disk)) {}

  bool start(io::Op& op) noexcept override {
    if (op.kind > io::OpKind::kOpen) return EpollBackend::start(op);
    op.result = 0;
    Pending pending{&op, disk_->pick(kTurnsMax), 0, nullptr};
    if (op.kind == io::OpKind::kSyncData || op.kind == io::OpKind::kSyncFile) {
      pending.sync = disk_->begin_sync(op.fd);
      pending.until_ns = mono_ns() + std::uint64_t{disk_->sync_ms()} * 1'000'000;
    }
    pending_.push_back(pending);
    return false;
  }
  using EpollBackend::start;

 protected:
  void wait_for_events(std::uint32_t timeout_ms) override {
    if (!pending_.empty()) timeout_ms = std::min(timeout_ms, any_ready() ? 0u : 1u);
    EpollBackend::wait_for_events(timeout_ms);
  }
  unsigned complete_events() override {
    const unsigned count = EpollBackend::complete_events();
    std::vector<Pending> now;
    std::swap(now, pending_);
    for (Pending& each : now) {
      if (each.turns > 0 || mono_ns() < each.until_ns) {
        if (each.turns > 0) --each.turns;
        pending_.push_back(each);
        continue;
      }
      complete_later(*each.op,
                     each.sync ? disk_->end_sync(*each.op, each.sync) : disk_->perform(*each.op));
    }
    return count;
  }

 private:
  static constexpr std::uint64_t kTurnsMax = 4;
  struct Pending {
    io::Op* op;
    std::uint64_t turns;
    std::uint64_t until_ns;
    std::shared_ptr<SimDisk::Sync> sync;
  };
  [[nodiscard]] bool any_ready() const {
    for (const Pending& each : pending_) {
      if (each.until_ns == 0 || mono_ns() >= each.until_ns) return true;
    }
    return false;
  }

  const std::shared_ptr<SimDisk> disk_;
  std::vector<Pending> pending_;
};

/// For ReactorConfig::make_backend.
inline std::function<Result<std::unique_ptr<io::Backend>>(int)> sim_backend(
    std::shared_ptr<SimDisk> disk) {
  return [disk](int eventfd) -> Result<std::unique_ptr<io::Backend>> {
    auto buffers = io::RecvBuffers::allocate();
    if (!buffers) return fail(std::move(buffers.error()));
    auto backend = std::make_unique<SimBackend>(std::move(*buffers), eventfd, disk);
    if (auto set_up = backend->set_up(); !set_up) return fail(std::move(set_up.error()));
    return backend;
  };
}

}  // namespace sf::test
