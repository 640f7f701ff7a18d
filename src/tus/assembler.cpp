#include "assembler.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <utility>

#include "handlers.hpp"

namespace sf::tus {

void Assembler::submit(std::string id) {
  io::Reactor* const home = home_;
  if (!home) return;
  home->post([this, home, id = std::move(id)] {
    waiting_.push_back(id);
    if (!std::exchange(running_, true)) home->spawn(run());
  });
}

io::Task<void> Assembler::run() {
  while (!waiting_.empty() && !context_.ownership.closed()) {
    std::string id = std::move(waiting_.front());
    waiting_.pop_front();
    co_await assemble(std::move(id));
  }
  running_ = false;
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
