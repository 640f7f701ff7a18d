#include "assembler.hpp"

#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <utility>
#include <vector>

#include "handlers.hpp"

namespace sf::tus {

void Assembler::submit(std::string id) {
  io::Reactor* const home = home_;
  if (!home) return;
  home->post([this, id = std::move(id)] { add(id); });
}

void Assembler::part_ended(std::string id) {
  io::Reactor* const home = home_;
  if (!home) return;
  home->post([this, id = std::move(id)] {
    const auto awaited = awaited_.extract(id);
    if (!awaited) return;
    for (const std::string& upload : awaited.mapped()) add(upload);
  });
}

void Assembler::add(std::string id) {
  waiting_.push_back(std::move(id));
  if (!std::exchange(running_, true)) io::Reactor::current().spawn(run());
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
  if (is_unfinished_final(*upload)) {
    const auto gathered = co_await gather(*upload);
    if (!gathered) {
      log::error("tus", "cannot take the parts of an upload",
                 {{"upload", id}, {"error", gathered.error().message}});
    }
    if (gathered == Gathered::kNever) co_await unmake(context_, id);
    if (gathered != Gathered::kAll) co_return;
  }
  std::function<bool()> go_on = [&hold] { return hold->let_go() == LetGo::kNo; };
  auto joined = co_await context_.blobs.join_parts(id, upload->offset, std::move(go_on));
  if (joined) joined = co_await context_.blobs.unlink_parts(id);
  if (joined) joined = co_await finish(context_, std::move(*upload));
  if (!joined && joined.error().code != ErrorCode::kCancelled) {
    log::error("tus", "cannot join the parts of an upload",
               {{"upload", id}, {"error", joined.error().message}});
  }
}

/// Another final may still wait for the same part: news of its end are yet to come.
void Assembler::await_no_more(const std::string& part, const std::string& upload) {
  const auto awaited = awaited_.find(part);
  if (awaited == awaited_.end()) return;
  awaited->second.erase(upload);
  if (awaited->second.empty()) awaited_.erase(awaited);
}

/// Takes the parts of a final that came before them, if by now they are all there.
io::Task<Result<Assembler::Gathered>> Assembler::gather(store::Upload& upload) {
  const auto list = parse_concat(upload.concat);
  if (!list) co_return fail(list.error());
  std::vector<store::UploadPart> parts;
  std::uint64_t bytes = 0;
  bool all = true;
  for (const std::string& id : list->parts) {
    // Before the look: a part that ends right after it is told of.
    awaited_[id].insert(upload.id);
    auto part = co_await context_.catalogue.upload(id);
    if (!part && part.error().code != ErrorCode::kNotFound) co_return fail(part.error());
    if (!part) {
      await_no_more(id, upload.id);
      log::warn("tus", "upload removed: a part of it is no more",
                {{"upload", upload.id}, {"part", id}});
      co_return Gathered::kNever;
    }
    if (part->length != part->offset) {
      all = false;
      continue;
    }
    await_no_more(id, upload.id);
    bytes += part->offset;
    parts.push_back({id, part->offset});
  }
  if (!all) co_return Gathered::kSomeMissing;
  const std::uint64_t most = context_.policy.upload_bytes_max;
  if (most != 0 && bytes > most) {
    log::warn("tus", "upload removed: its parts are more than an upload may hold",
              {{"upload", upload.id}, {"bytes", bytes}});
    co_return Gathered::kNever;
  }
  // What a crash left between the names and the record.
  auto taken = co_await context_.blobs.unlink_parts(upload.id);
  if (taken) taken = co_await context_.blobs.link_parts(upload.id, std::move(parts));
  if (taken) taken = co_await context_.catalogue.receive_parts(upload.id, bytes);
  if (!taken) co_return fail(std::move(taken.error()));
  upload.length = bytes;
  upload.offset = bytes;
  co_return Gathered::kAll;
}

}  // namespace sf::tus
