#include "assembler.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <utility>

#include "handlers.hpp"

namespace sf::tus {

void Assembler::submit(std::string id) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(id));
    if (std::exchange(running_, true)) return;
  }
  io::Reactor::current().spawn(run());
}

io::Task<void> Assembler::run() {
  for (;;) {
    std::string id;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty() || context_.ownership.closed()) {
        running_ = false;
        co_return;
      }
      id = std::move(waiting_.front());
      waiting_.pop_front();
    }
    co_await assemble(std::move(id));
  }
}

io::Task<void> Assembler::assemble(std::string id) {
  // The hold is what a DELETE or a shutdown ends this by.
  auto hold = co_await context_.ownership.take(id, limits::kTakeoverWaitMs);
  if (!hold) co_return;
  auto upload = co_await context_.catalogue.upload(id);
  if (!upload || upload->complete) co_return;
  std::function<bool()> go_on = [&hold] { return hold->let_go() == LetGo::kNo; };
  auto joined = co_await context_.blobs.join_parts(id, upload->offset, std::move(go_on));
  if (joined) joined = co_await context_.blobs.unlink_parts(id);
  if (joined) joined = co_await finish(context_, std::move(*upload));
  if (!joined && joined.error().code != ErrorCode::kCancelled) {
    log::error("tus", "cannot join the parts of an upload",
               {{"upload", id}, {"error", joined.error().message}});
  }
}

}  // namespace sf::tus
