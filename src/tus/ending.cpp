// What follows the last byte of an upload.

#include <streamforge/base/digest.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <utility>
#include <vector>

#include "assembler.hpp"
#include "digest_fields.hpp"
#include "handlers.hpp"

namespace sf::tus {
namespace {

/// Read and hashed at once: less than a millisecond, as in ingest.
constexpr std::size_t kHashStepBytes = 256 * limits::kKiB;

/// The digest of the first `bytes` of an upload's file; kCancelled when somebody wants the upload.
io::Task<Result<Checksum>> digest_whole(Context& context, const Ownership::Hold& hold,
                                        std::string id, std::uint64_t bytes,
                                        DigestAlgorithm algorithm) {
  auto& reactor = io::Reactor::current();
  auto file = co_await context.blobs.open_source(std::move(id));
  if (!file) co_return fail(std::move(file.error()));
  Digest digest(algorithm);
  std::vector<std::byte> step(kHashStepBytes);
  for (std::uint64_t at = 0; at < bytes;) {
    if (hold.let_go() != LetGo::kNo) co_return fail(ErrorCode::kCancelled, "taken over");
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(step.size(), bytes - at));
    const MutableByteSpan into(step.data(), want);
    const auto got = co_await reactor.read_at(file->get(), into, at);
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(ErrorCode::kCorrupt, "the file is shorter than its upload");
    digest.update(into.first(*got));
    at += *got;
  }
  co_return Checksum{algorithm, digest.finish()};
}

/// What the record asks of the whole: that it hashes to Repr-Digest, or just what it hashes to.
struct WholeDigest {
  std::optional<Checksum> expected;
  DigestAlgorithm algorithm = DigestAlgorithm::kSha256;
};
std::optional<WholeDigest> digest_asked(const store::Upload& upload) {
  WholeDigest out;
  if (auto expected = parse_digest_field(upload.repr_digest); expected && *expected) {
    out.algorithm = (*expected)->algorithm;
    out.expected = std::move(*expected);
    return out;
  }
  const auto wanted = http_digest_algorithm(upload.want_digest);
  if (!wanted) return std::nullopt;
  out.algorithm = *wanted;
  return out;
}

/// The Repr-Digest to answer with; empty when nobody asked.
io::Task<Decision<std::string>> check_whole(Context& context, const Ownership::Hold& hold,
                                            const store::Upload& upload) {
  const auto asked = digest_asked(upload);
  if (!asked) co_return std::string();
  auto found = co_await digest_whole(context, hold, upload.id, upload.offset, asked->algorithm);
  if (!found && found.error().code == ErrorCode::kCancelled) {
    const bool stops = hold.let_go() == LetGo::kStopping;
    co_return std::unexpected(refusal_of(stops ? BodyEnd::kStopping : BodyEnd::kTakenOver));
  }
  if (!found) {
    log::error("tus", "cannot hash an upload",
               {{"upload", upload.id}, {"error", found.error().message}});
    co_return std::unexpected(refusal_of(BodyEnd::kDiskFailed));
  }
  if (asked->expected && *asked->expected != *found) {
    Refusal refusal;
    name_wrong_digest(refusal, ChecksumOrder{asked->expected, false});
    refusal.detail = "the upload is not what Repr-Digest announced; it was removed";
    refusal.voids_upload = true;
    co_return std::unexpected(std::move(refusal));
  }
  co_return to_digest_field(*found);
}

}  // namespace

io::Task<Result<>> finish(Context& context, store::Upload upload) {
  if (!upload.into.empty()) co_return co_await finish_whole(context, upload.into);
  if (concat_kind(upload.concat) == ConcatKind::kPartial) {
    context.assembler->part_ended(upload.id);
    co_return {};
  }
  auto promoted = co_await context.blobs.promote_upload(upload.id, upload.offset);
  if (!promoted) co_return promoted;
  co_return co_await context.catalogue.complete_upload(upload.id);
}

io::Task<Decision<Stored>> end_upload(Context& context, const http::Request& request,
                                      const Ownership::Hold& hold, store::Upload whole) {
  // A long body may outlive the right to send it (R30).
  const auto who = context.accounts.identify(credentials_of(request));
  const bool may = who && store::may(*who, store::Action::kContinueUpload, whole.owner);
  if (!may) {
    std::string id = whole.into.empty() ? whole.id : whole.into;
    auto noted = co_await context.catalogue.refuse_end(std::move(id));
    if (!noted) {
      co_return std::unexpected(refusal_of_disk("cannot write an upload", whole.id, noted.error()));
    }
    co_return std::unexpected(Refusal{.status = 401,
                                      .code = "no_longer_allowed",
                                      .detail = "the right to upload ended meanwhile",
                                      .hint = "log in again and continue"});
  }
  auto digest = co_await check_whole(context, hold, whole);
  if (!digest) co_return std::unexpected(std::move(digest.error()));
  Stored out{.offset = whole.offset, .complete = true, .repr_digest = std::move(*digest)};
  const std::string id = whole.id;
  auto finished = co_await finish(context, std::move(whole));
  if (!finished)
    co_return std::unexpected(refusal_of_disk("cannot finish an upload", id, finished.error()));
  co_return out;
}

}  // namespace sf::tus
