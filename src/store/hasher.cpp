#include <streamforge/store/hasher.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <streamforge/base/digest.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/base/log.hpp>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

namespace sf::store {
namespace {

/// Of a master between two looks at whether to stop: some milliseconds.
constexpr std::size_t kStepBytes = 8 * limits::kMiB;
constexpr std::size_t kReadBytes = limits::kMiB;

bool lacks_digest(const Video& video) {
  return video.source.sha256.empty() && video.status != VideoStatus::kUploading &&
         video.deleted_at_ms == 0;
}

/// Runs when nobody else wants the core or the disk. Refused, it is merely polite no longer.
void become_idle() {
  const ::sched_param none{};
  ::sched_setscheduler(0, SCHED_IDLE, &none);
  constexpr int kOfThisThread = 1;
  constexpr int kIdleClass = 3 << 13;  // ioprio_set(2)
  ::syscall(SYS_ioprio_set, kOfThisThread, 0, kIdleClass);
}

/// A digest under way. Used by the thread, step by step.
class Reading {
 public:
  explicit Reading(int file) : file_(file), digest_(DigestAlgorithm::kSha256) {
    become_idle();
    // What viewers need stays in the page cache: a master is read here once.
    direct_ = ::fcntl(file_, F_SETFL, ::fcntl(file_, F_GETFL) | O_DIRECT) == 0;
  }

  /// Reads on; true at the end of the file.
  Result<bool> step() {
    for (const std::uint64_t until = offset_ + kStepBytes; offset_ < until;) {
      const auto got = ::pread(file_, buffer_.get(), kReadBytes, static_cast<off_t>(offset_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EINVAL && std::exchange(direct_, false)) {
        ::fcntl(file_, F_SETFL, ::fcntl(file_, F_GETFL) & ~O_DIRECT);
        continue;
      }
      if (got < 0) return fail_errno(errno, "read a master");
      if (got == 0) return true;
      digest_.update({buffer_.get(), static_cast<std::size_t>(got)});
      offset_ += static_cast<std::uint64_t>(got);
      // With O_DIRECT a piece that ends within a block is the last one.
      if (direct_ && offset_ % limits::kDirectIoAlignment != 0) return true;
    }
    return false;
  }
  [[nodiscard]] std::string finish() { return to_hex(digest_.finish()); }

 private:
  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  const int file_;
  Digest digest_;
  const std::unique_ptr<std::byte, Free> buffer_{
      static_cast<std::byte*>(std::aligned_alloc(limits::kDirectIoAlignment, kReadBytes))};
  std::uint64_t offset_ = 0;
  bool direct_ = false;
};

}  // namespace

Hasher::Hasher(io::Reactor& home, Catalogue& catalogue, BlobStore& blobs, EventBus& events)
    : home_(home), catalogue_(catalogue), blobs_(blobs), events_(events), thread_(1, "sf-hasher") {}

Hasher::~Hasher() = default;

void Hasher::start() {
  changes_.emplace(events_.subscribe());
  home_.spawn(run());
}

io::Task<void> Hasher::stop() {
  stopping_ = true;
  if (changes_) changes_->end();
  co_await running_.close();
  changes_.reset();
}

io::Task<void> Hasher::run() {
  const auto pass = running_.enter();
  co_await catch_up();
  co_await follow();
}

/// All records, a page at a time: what was finished while nobody took digests.
io::Task<void> Hasher::catch_up() {
  VideoQuery query;
  query.limit = limits::kPageItemsMax;
  do {
    auto page = co_await catalogue_.videos(query);
    if (!page) {
      log::warn("store", "cannot look for masters without a digest",
                {{"error", page.error().message}});
      co_return;
    }
    for (const Video& video : page->items) {
      if (lacks_digest(video)) co_await take(video.id);
    }
    query.cursor = page->next_cursor;
  } while (!query.cursor.empty() && !stopping_);
}

io::Task<void> Hasher::follow() {
  std::string last;  // A record changes often while it is transcoded; one try is enough.
  while (!stopping_) {
    const auto events = co_await changes_->next(UINT32_MAX);
    if (stopping_ || changes_->ended()) co_return;
    if (changes_->take_overflow()) {
      co_await catch_up();
      continue;
    }
    for (const Event& event : events) {
      if (event.kind == EventKind::kDeleted || !lacks_digest(*event.video)) continue;
      if (std::exchange(last, event.video->id) != event.video->id) co_await take(event.video->id);
    }
  }
}

io::Task<void> Hasher::take(std::string id) {
  if (stopping_) co_return;
  // An event may be old by now.
  const auto video = co_await catalogue_.video(id);
  if (!video || !lacks_digest(*video)) co_return;
  const auto file = co_await blobs_.open_source(id);
  if (!file) co_return;  // Its master is gone, or it is being removed.
  auto taken = co_await digest(file->get());
  if (!taken) {
    if (taken.error().code == ErrorCode::kCancelled) co_return;
    log::warn("store", "cannot take the digest of a master",
              {{"video", id}, {"error", taken.error().message}});
    co_return;
  }
  std::function<Result<>(Video&)> note = [&taken](Video& record) -> Result<> {
    record.source.sha256 = *taken;
    return {};
  };
  auto noted = co_await catalogue_.update_video(id, std::move(note));
  if (!noted && noted.error().code != ErrorCode::kNotFound) {
    log::warn("store", "cannot note the digest of a master",
              {{"video", id}, {"error", noted.error().message}});
  }
}

io::Task<Result<std::string>> Hasher::digest(int file) {
  auto begin = io::offload(thread_, [file] { return std::make_unique<Reading>(file); });
  const auto reading = co_await std::move(begin);
  for (;;) {
    if (stopping_) co_return fail(ErrorCode::kCancelled, "stopping");
    auto step = io::offload(thread_, [&reading] { return reading->step(); });
    const auto ended = co_await std::move(step);
    if (!ended) co_return fail(ended.error());
    if (*ended) co_return reading->finish();
  }
}

}  // namespace sf::store
