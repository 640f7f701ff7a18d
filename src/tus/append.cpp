// PATCH, and what a creation's body shares with it.

#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <cerrno>
#include <utility>

#include "handlers.hpp"

namespace sf::tus {
namespace {

std::unexpected<Refusal> failed(const store::Upload& upload, std::string_view what,
                                const Error& error) {
  if (error.code == ErrorCode::kNoSpace) return std::unexpected(refusal_of(BodyEnd::kNoSpace));
  if (error.code == ErrorCode::kNotFound) {
    return std::unexpected(Refusal{404, "not_found", "there is no such upload"});
  }
  log::error("tus", what, {{"upload", upload.id}, {"error", error.message}});
  return std::unexpected(refusal_of(BodyEnd::kDiskFailed));
}

struct OpenFile {
  UniqueFd fd;
  bool direct = false;
};

/// A filesystem may take O_DIRECT in general and refuse it for this file.
io::Task<Result<OpenFile>> open_file(Context& context, std::string id) {
  if (context.direct) {
    auto fd = co_await context.blobs.open_upload(id, true);
    if (fd) co_return OpenFile{std::move(*fd), true};
    if (fd.error().sys != EINVAL) co_return fail(std::move(fd.error()));
  }
  auto fd = co_await context.blobs.open_upload(std::move(id), false);
  if (!fd) co_return fail(std::move(fd.error()));
  co_return OpenFile{std::move(*fd), false};
}

/// Space for the rest of an upload whose length has just become known.
io::Task<Result<>> reserve(io::Reactor& reactor, int file, const Append& append) {
  const std::uint64_t bytes = append.declares_length.value_or(0);
  if (bytes <= append.start) co_return {};
  const auto reserved = co_await reactor.allocate(file, 0, bytes);
  if (!reserved && reserved.error().code == ErrorCode::kNoSpace) {
    co_return fail(reserved.error());
  }
  co_return {};
}

}  // namespace

io::Task<Decision<std::uint64_t>> store_body(Context& context, http::Request& request,
                                             Ownership::Hold& hold, const store::Upload& upload,
                                             Append append) {
  auto& reactor = request.connection->reactor();
  auto file = co_await open_file(context, upload.id);
  if (!file) co_return failed(upload, "cannot open the file of an upload", file.error());
  auto reserved = co_await reserve(reactor, file->fd.get(), append);
  if (!reserved) co_return failed(upload, "cannot reserve space", reserved.error());

  const bool checked = append.checksum.any();
  const std::uint64_t length = upload.length.value_or(append.declares_length.value_or(kBytesMax));
  Ingest ingest(
      reactor, context.catalogue, hold, file->fd.get(),
      IngestOrder{upload.id, std::move(append), file->direct, context.options.stall_timeout_ms});
  const BodyEnd end = co_await ingest.take(request);
  auto verdict = ChecksumVerdict::kMatches;
  if (end == BodyEnd::kWhole) verdict = ingest.judge(request.body());
  if (verdict != ChecksumVerdict::kMatches || !keeps_bytes(end, checked)) {
    co_await ingest.abandon();
    co_return std::unexpected(end == BodyEnd::kWhole ? refusal_of(verdict) : refusal_of(end));
  }
  auto settled = co_await ingest.settle();
  if (!settled) co_return failed(upload, "cannot write an upload", settled.error());
  if (end != BodyEnd::kWhole) co_return std::unexpected(refusal_of(end));
  if (ingest.durable() == length) {
    store::Upload whole = upload;
    whole.length = whole.offset = length;
    auto finished = co_await finish(context, std::move(whole));
    if (!finished) co_return failed(upload, "cannot finish an upload", finished.error());
  }
  co_return ingest.durable();
}

io::Task<Result<>> finish(Context& context, store::Upload upload) {
  if (concat_kind(upload.concat) == ConcatKind::kPartial) co_return {};
  auto promoted = co_await context.blobs.promote_upload(upload.id, upload.offset);
  if (!promoted) co_return promoted;
  co_return co_await context.catalogue.complete_upload(upload.id);
}

io::Task<http::Response> append(Context& context, http::Request& request, store::Principal who,
                                std::string id) {
  auto wish = read_append(request.headers);
  if (!wish) co_return refuse(request, wish.error());
  // Asking for the hold would break off the joining of a final, which takes no bytes anyway.
  const auto known = co_await find_upload(context, who, id);
  if (!known) co_return refuse(request, known.error());
  if (concat_kind(known->concat) == ConcatKind::kFinal) {
    const auto refusal = decide_append(*wish, *known, request.body().length(), context.policy);
    co_return refuse(request, refusal.error());
  }
  auto held = co_await take_upload(context, std::move(who), std::move(id), limits::kTakeoverWaitMs);
  if (!held) co_return refuse(request, held.error());
  store::Upload& upload = held->upload;

  http::Response answer = http::Response::empty(204);
  auto plan = decide_append(*wish, upload, request.body().length(), context.policy);
  if (!plan) {
    answer = refuse(request, plan.error());
  } else if (plan->kind == Append::Kind::kNothing) {
    // Also finishes what a crash left between the last byte and the queue.
    if (!upload.complete) {
      auto finished = co_await finish(context, upload);
      if (!finished) {
        answer =
            refuse(request, failed(upload, "cannot finish an upload", finished.error()).error());
      }
    }
  } else {
    auto stored = co_await store_body(context, request, held->hold, upload, std::move(*plan));
    if (!stored) {
      answer = refuse(request, stored.error());
      answer.close = !request.body().finished();
    }
    auto now = co_await context.catalogue.upload(upload.id);
    if (now) upload = std::move(*now);
  }
  add_offset_fields(answer.headers, upload, context.policy);
  co_return answer;
}

}  // namespace sf::tus
