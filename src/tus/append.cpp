// PATCH, and what a creation's body shares with it.

#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <cerrno>
#include <utility>

#include "handlers.hpp"
#include "interim.hpp"

namespace sf::tus {
namespace {

std::unexpected<Refusal> failed(const store::Upload& upload, std::string_view what,
                                const Error& error) {
  return std::unexpected(refusal_of_disk(what, upload.id, error));
}

struct OpenFile {
  UniqueFd fd;
  bool direct = false;
};

/// Whether whole blocks may be written: not where a block is shared with the next part, whose bytes
/// the padding would wipe out.
bool may_pad(const store::Upload& upload) {
  if (upload.into.empty()) return true;
  const std::uint64_t end = upload.at + upload.length.value_or(0);
  return upload.at % limits::kDirectIoAlignment == 0 && end % limits::kDirectIoAlignment == 0;
}

/// A filesystem may take O_DIRECT in general and refuse it for this file.
io::Task<Result<OpenFile>> open_file(Context& context, const store::Upload& upload) {
  std::string id = upload.into.empty() ? upload.id : upload.into;
  if (context.upload_io == UploadIo::kDirect && may_pad(upload)) {
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

/// After a body that was taken whole, up to `upload.offset`: ends the upload when that is due.
io::Task<Decision<Stored>> end_if_due(Context& context, const http::Request& request,
                                      const Ownership::Hold& hold, store::Upload upload,
                                      Append::End end) {
  const bool now = end == Append::End::kNow;
  if (now && !upload.length) {
    auto told = co_await context.catalogue.advance_upload(upload.id, upload.offset, upload.offset);
    if (!told) co_return failed(upload, "cannot write an upload", told.error());
    upload.length = upload.offset;
  }
  if (now && upload.length != upload.offset) {
    co_return std::unexpected(inconsistent_length(*upload.length, upload.offset));
  }
  const bool due = now || (end == Append::End::kAtLength && upload.length == upload.offset);
  if (!due) co_return Stored{.offset = upload.offset};
  co_return co_await end_upload(context, request, hold, std::move(upload));
}

}  // namespace

io::Task<Decision<Stored>> store_body(Context& context, http::Request& request,
                                      Ownership::Hold& hold, const store::Upload& upload,
                                      Append append, Interim& interim) {
  auto& reactor = io::Reactor::current();
  auto file = co_await open_file(context, upload);
  if (!file) co_return failed(upload, "cannot open the file of an upload", file.error());
  auto reserved = co_await reserve(reactor, file->fd.get(), append);
  if (!reserved) co_return failed(upload, "cannot reserve space", reserved.error());

  IngestOrder order{.id = upload.id,
                    .append = append,
                    .direct = file->direct,
                    .splice = context.upload_io == UploadIo::kSplice,
                    .stall_timeout_ms = context.options.stall_timeout_ms,
                    .at = upload.at};
  if (interim.wanted()) {
    order.on_checkpoint = [&interim](std::uint64_t offset) { interim.tell(offset); };
  }
  Ingest ingest(reactor, context.catalogue, hold, file->fd.get(), std::move(order));
  const BodyEnd end = co_await ingest.take(request);
  auto verdict = ChecksumVerdict::kMatches;
  if (end == BodyEnd::kWhole) verdict = ingest.judge(request.body());
  if (verdict != ChecksumVerdict::kMatches || !keeps_bytes(end, append.checksum.any())) {
    co_await ingest.abandon();
    co_return std::unexpected(end == BodyEnd::kWhole ? refusal_of(verdict, append)
                                                     : refusal_of(end, append));
  }
  auto settled = co_await ingest.settle();
  if (!settled) co_return failed(upload, "cannot write an upload", settled.error());
  if (end != BodyEnd::kWhole) co_return std::unexpected(refusal_of(end, append));
  store::Upload now = upload;
  now.offset = ingest.durable();
  if (append.declares_length) now.length = append.declares_length;
  co_return co_await end_if_due(context, request, hold, std::move(now), append.end);
}

io::Task<http::Response> append(Context& context, http::Request& request, store::Principal who,
                                Speaker speaker, std::string id) {
  auto wish =
      speaker.is_ietf() ? read_ietf_append(speaker, request.headers) : read_append(request.headers);
  if (!wish) co_return refuse(request, wish.error());
  // Asking for the hold would break off the joining of a final, which takes no bytes anyway.
  const auto known = co_await find_upload(context, who, id);
  if (!known) co_return refuse(request, known.error());
  if (concat_kind(known->concat) == ConcatKind::kFinal) {
    const auto refusal = decide_append(*wish, *known, request.body().length(), context.policy);
    co_return refuse(request, refusal.error());
  }
  Interim interim(request, speaker);
  http::Response answer;
  {
    // What is left of a transfer that was cut may be read only when its successor sends already.
    std::function<bool()> gone = [&request] { return request.peer_gone(); };
    auto held = co_await take_upload(context, std::move(who), std::move(id),
                                     limits::kTakeoverWaitMs, std::move(gone));
    if (!held) co_return refuse(request, held.error());
    answer = co_await append_held(context, request, speaker, *held, std::move(*wish), interim);
  }
  co_await interim.landed();
  co_return answer;
}

io::Task<http::Response> append_held(Context& context, http::Request& request, Speaker speaker,
                                     Held& held, AppendWish wish, Interim& interim) {
  store::Upload& upload = held.upload;
  auto plan = decide_append(wish, upload, request.body().length(), context.policy);
  if (!plan) {
    if (!plan.error().voids_upload) {
      co_return answer_refused(context, request, speaker, plan.error(), upload);
    }
    co_await unmake(context, upload.id);
    co_return refuse(request, plan.error());
  }
  Decision<Stored> stored = Stored{.offset = upload.offset, .complete = upload.complete};
  if (plan->kind == Append::Kind::kStore) {
    stored = co_await store_body(context, request, held.hold, upload, std::move(*plan), interim);
  } else if (!upload.complete && creator_of(upload) == Dialect::kTus) {
    // What a crash left between the last byte and the queue.
    stored = co_await end_upload(context, request, held.hold, upload);
  }
  if (!stored && stored.error().voids_upload) {
    co_await unmake(context, upload.id);
    auto answer = refuse(request, stored.error());
    answer.close = !request.body().finished();
    co_return answer;
  }
  auto now = co_await context.catalogue.upload(upload.id);
  if (now) upload = std::move(*now);
  if (!stored) {
    auto answer = answer_refused(context, request, speaker, stored.error(), upload);
    if (plan->kind == Append::Kind::kStore) answer.close = !request.body().finished();
    co_return answer;
  }
  co_return answer_stored(context, speaker, upload, *stored);
}

}  // namespace sf::tus
