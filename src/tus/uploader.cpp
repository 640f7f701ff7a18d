#include <streamforge/tus/uploader.hpp>

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/unique_fd.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "part_plan.hpp"
#include "remote.hpp"
#include "resume_state.hpp"
#include "upload_monitor.hpp"

namespace sf::tus {
namespace {

constexpr std::uint64_t kFirstPauseMs = 250;
constexpr std::uint64_t kLongestPauseMs = 15'000;
/// Nothing is under way and nothing answers: more likely a wrong address than a bad line.
constexpr std::uint64_t kNobodyThereMs = 5'000;
/// For another connection, while no part is done.
constexpr std::chrono::seconds kWidenAfter{3};

std::unexpected<Error> cancelled() { return fail(ErrorCode::kCancelled, "interrupted"); }

/// One file on its way.
class Upload {
 public:
  Upload(const UploadOrder& order, UniqueFd file, const struct stat& info,
         const UploadObserver& observer)
      : order_(order),
        file_(std::move(file)),
        info_(info),
        total_(static_cast<std::uint64_t>(info.st_size)),
        started_ms_(now_ms()),
        state_(order.state_dir, order.base_url, order.file, info),
        monitor_(observer, total_) {}

  Result<UploadOutcome> run();

 private:
  /// One thread's, but for the location, which others save.
  struct Part {
    UploadState::Part kept;
    std::size_t number = 0;    ///< In the order in which they leave.
    std::uint64_t offset = 0;  ///< The server's,
    bool is_known = false;     ///< unless it may have moved since.
    bool made_again = false;
  };
  /// A connection; one thread's.
  struct Link {
    explicit Link(Upload& upload)
        : line(upload.monitor_),
          remote(upload.order_, [this](std::uint64_t sent) { return line.report_body(sent); }) {}

    UploadMonitor::Line line;
    Remote remote;
    unsigned failures = 0;  ///< Since the server last had more than before.
  };
  using Task = Result<> (Upload::*)(Link&, Part&);
  enum class Pace {
    kAtOnce,
    /// Two connections, then one more for each part that is done, or after a while: all at once on
    /// a slow line would bring the head of the file last, and nobody could play it before that.
    kWidening,
  };

  Result<bool> resume();
  Result<> begin();
  void add_part(UploadState::Part part);
  Result<> each_part(Task task, Pace pace);
  Result<> ask_part(Link& link, Part& part);
  Result<> send_part(Link& link, Part& part);
  Result<> move_on(Link& link, Part& part);
  Result<> forget_gone(Link& link, Part& part);
  Result<> create(Link& link, Part& part);
  Result<> ask(Link& link, Part& part);
  Result<> send(Link& link, Part& part);
  Result<std::string> join();
  [[nodiscard]] Result<> check_unchanged() const;

  /// Tries until it succeeds or fails with what will not pass.
  template <class Step>
  auto persist(Link& link, Step step) -> decltype(step());
  Result<> pause(Link& link, Error why);
  void save();

  const UploadOrder& order_;
  const UniqueFd file_;
  const struct stat info_;
  const std::uint64_t total_;
  const std::uint64_t started_ms_;
  const ResumeState state_;
  // Constant while there are threads, but for the parts' insides.
  std::string group_;  ///< Empty: one plain upload.
  std::vector<Part> parts_;
  bool resumed_ = false;

  UploadMonitor monitor_;
  std::atomic<bool> has_answered_ = false;
  std::mutex mutex_;  ///< Of the parts' locations and what is remembered of them.
  bool is_kept_ = true;
};

Result<UploadOutcome> Upload::run() {
  const auto resumed = resume();
  if (!resumed) return fail(resumed.error());
  if (!*resumed) {
    if (auto begun = begin(); !begun) return fail(std::move(begun.error()));
  }
  auto sent = each_part(&Upload::send_part, Pace::kWidening);
  auto location = sent ? join() : fail(std::move(sent.error()));
  if (sent && !location && location.error().code == ErrorCode::kNotFound && !group_.empty()) {
    // Replaced after it was sent (see forget_gone), or all deleted: asking the parts tells.
    for (Part& part : parts_) part.is_known = false;
    sent = each_part(&Upload::send_part, Pace::kAtOnce);
    location = sent ? join() : fail(std::move(sent.error()));
  }
  if (!location) {
    // Gone, or whole parts that the server will not join: what is remembered leads nowhere.
    const ErrorCode code = location.error().code;
    if (code == ErrorCode::kNotFound || (sent && code == ErrorCode::kInvalidArgument)) {
      state_.forget();
      location.error().message += "; run the same command again to begin anew";
    }
    return fail(std::move(location.error()));
  }
  state_.forget();
  if (auto same = check_unchanged(); !same) return fail(std::move(same.error()));
  const std::string id = id_of(*location);
  return UploadOutcome{id, concat(order_.base_url, "/watch/", id), total_};
}

/// True when there is an upload to go on with; the server knows where each part stands.
Result<bool> Upload::resume() {
  const auto kept = state_.load();
  if (!kept) {
    if (state_.exists())
      monitor_.notice("the file has changed since its upload began; beginning anew");
    return false;
  }
  resumed_ = true;
  group_ = kept->group;
  for (const auto& part : kept->parts) add_part(part);
  monitor_.expect_parts(parts_.size());
  monitor_.set_asking(true);
  auto asked = each_part(&Upload::ask_part, Pace::kAtOnce);
  monitor_.set_asking(false);
  if (asked) return true;
  if (asked.error().code != ErrorCode::kNotFound) return fail(std::move(asked.error()));
  monitor_.notice("the server no longer has what was sent (expired or deleted); beginning anew");
  state_.forget();
  return false;
}

/// Cuts the file, as far as the server can join it again.
Result<> Upload::begin() {
  const ReadAt read = [this](std::uint64_t at, std::size_t bytes) -> Result<std::string> {
    std::string text(bytes, '\0');
    const auto got = ::pread(file_.get(), text.data(), bytes, static_cast<::off_t>(at));
    if (got < 0) return fail_errno(errno, concat("read ", order_.file));
    text.resize(static_cast<std::size_t>(got));
    return text;
  };
  std::vector<ByteRange> plan;
  if (order_.parallel > 1) plan = plan_parts(total_, late_index(read, total_), order_.parallel);
  if (!plan.empty()) {
    Link link(*this);
    const auto can = persist(link, [&] { return link.remote.joins_parts(); });
    if (!can) return fail(can.error());
    if (!*can) plan.clear();
  }
  group_ = plan.empty() ? "" : make_secret(16);
  if (plan.empty()) plan.push_back({0, total_});
  parts_.clear();
  for (const ByteRange& range : plan) add_part({range, ""});
  monitor_.expect_parts(parts_.size());
  // Before the first request: what it makes is then found again, whenever we are killed.
  if (!group_.empty()) save();
  return {};
}

void Upload::add_part(UploadState::Part part) {
  parts_.push_back({.kept = std::move(part), .number = parts_.size()});
}

/// Gives the parts, in order, to as many threads as there are connections.
Result<> Upload::each_part(Task task, Pace pace) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::condition_variable news;
  std::size_t done_count = 0;  // Under the mutex, as `over`.
  bool over = false;           // Some thread found nothing more to do.
  const auto begun = std::chrono::steady_clock::now();
  const auto work = [&](std::size_t place) {
    if (pace == Pace::kWidening && place > 1) {
      std::unique_lock lock(mutex);
      const std::size_t wider = place - 1;
      news.wait_until(lock, begun + wider * kWidenAfter,
                      [&] { return over || done_count >= wider; });
    }
    Link link(*this);
    for (std::size_t i = next++; i < parts_.size(); i = next++) {
      auto done = (this->*task)(link, parts_[i]);
      if (!done) {
        monitor_.fail_with(std::move(done.error()));
        break;
      }
      const std::scoped_lock lock(mutex);
      ++done_count;
      news.notify_all();
    }
    const std::scoped_lock lock(mutex);
    over = true;
    news.notify_all();
  };
  {
    std::vector<std::jthread> others;
    const auto count = std::min<std::size_t>(order_.parallel, parts_.size());
    for (std::size_t i = 1; i < count; ++i) others.emplace_back(work, i);
    work(0);
  }
  auto failure = monitor_.take_failure();
  return failure ? fail(std::move(*failure)) : Result<>();
}

Result<> Upload::ask_part(Link& link, Part& part) {
  if (part.kept.location.empty()) return {};
  return persist(link, [&] { return ask(link, part); });
}

Result<> Upload::send_part(Link& link, Part& part) {
  return persist(link, [&]() -> Result<> {
    auto done = move_on(link, part);
    if (done || done.error().code != ErrorCode::kNotFound || group_.empty()) return done;
    if (std::exchange(part.made_again, true)) return done;
    if (auto gone = forget_gone(link, part); !gone) return gone;
    return move_on(link, part);
  });
}

Result<> Upload::move_on(Link& link, Part& part) {
  if (part.kept.location.empty()) {
    if (auto created = create(link, part); !created) return created;
  }
  if (!part.is_known) {
    if (auto asked = ask(link, part); !asked) return asked;
  }
  while (part.offset < part.kept.range.bytes()) {
    if (auto sent = send(link, part); !sent) return sent;
  }
  return {};
}

/// A creation that an earlier run did not wait for may reach the server after ours of the same
/// range and take its place: then ours is made again. Not when the whole was deleted: that is when
/// what is finished is gone too.
Result<> Upload::forget_gone(Link& link, Part& part) {
  UploadState::Part finished;
  {
    const std::scoped_lock lock(mutex_);
    part.kept.location.clear();
    monitor_.set_sent(part.number, 0);
    for (const Part& other : parts_) {
      if (monitor_.sent(other.number) == other.kept.range.bytes()) finished = other.kept;
    }
  }
  part.offset = 0;
  part.is_known = false;
  if (finished.location.empty()) return {};
  const auto alive = link.remote.offset(finished.location, finished.range.bytes());
  return alive ? Result<>() : fail(alive.error());
}

Result<> Upload::create(Link& link, Part& part) {
  std::optional<Placement> place;
  if (!group_.empty()) place = Placement{group_, part.kept.range.begin, total_};
  auto location = link.remote.create(part.kept.range.bytes(), place);
  if (!location) return fail(std::move(location.error()));
  part.is_known = true;
  const std::scoped_lock lock(mutex_);
  part.kept.location = std::move(*location);
  save();
  return {};
}

Result<> Upload::ask(Link& link, Part& part) {
  const auto offset = link.remote.offset(part.kept.location, part.kept.range.bytes());
  if (!offset) return fail(offset.error());
  if (*offset > part.offset) link.failures = 0;
  part.offset = *offset;
  part.is_known = true;
  monitor_.set_sent(part.number, *offset);
  return {};
}

Result<> Upload::send(Link& link, Part& part) {
  if (auto same = check_unchanged(); !same) return same;
  const std::uint64_t from = part.offset;
  const std::uint64_t file_from = part.kept.range.begin + from;
  const std::uint64_t bytes = part.kept.range.bytes() - from;
  link.line.begin_body(part.number, from);
  const auto now = link.remote.append(part.kept.location, from, file_.get(), file_from, bytes);
  if (now) link.line.report_body(*now - from);
  link.line.end_body();
  part.is_known = now.has_value();
  if (!now) {
    auto same = check_unchanged();
    return same ? fail(now.error()) : same;
  }
  link.failures = 0;
  part.offset = *now;
  monitor_.set_sent(part.number, *now);
  return {};
}

/// The Location of the whole. May be asked for again: the answer may have been lost.
Result<std::string> Upload::join() {
  if (group_.empty()) return parts_.front().kept.location;
  auto in_order = parts_;
  std::ranges::sort(in_order, {}, [](const Part& part) { return part.kept.range.begin; });
  std::vector<std::string> locations;
  for (const Part& part : in_order) locations.push_back(part.kept.location);
  Link link(*this);
  return persist(link, [&] { return link.remote.join(locations); });
}

/// What was sent before a change and what is sent after it would be no file that ever was.
Result<> Upload::check_unchanged() const {
  struct stat now{};
  if (::fstat(file_.get(), &now) != 0) return fail_errno(errno, concat("stat ", order_.file));
  if (now.st_size == info_.st_size && now.st_mtim.tv_sec == info_.st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == info_.st_mtim.tv_nsec) {
    return {};
  }
  return fail(ErrorCode::kConflict,
              "the file was changed while it was sent; run the same command again when it is "
              "finished, to upload it anew");
}

template <class Step>
auto Upload::persist(Link& link, Step step) -> decltype(step()) {
  for (;;) {
    auto done = step();
    if (link.remote.has_answered()) has_answered_ = true;
    if (done) return monitor_.report() ? std::move(done) : cancelled();
    if (!may_pass(done.error())) return done;
    if (auto paused = pause(link, std::move(done.error())); !paused) {
      return fail(std::move(paused.error()));
    }
  }
}

/// The time until the next try, longer after each failure.
Result<> Upload::pause(Link& link, Error why) {
  const unsigned doublings = std::min(link.failures++, 10u);
  std::uint64_t pause_ms = std::min(kFirstPauseMs << doublings, kLongestPauseMs);
  pause_ms = std::max(pause_ms, link.remote.retry_after_ms());
  if (!resumed_ && !has_answered_ && now_ms() + pause_ms > started_ms_ + kNobodyThereMs) {
    why.message += "; is the address right, and does the server run?";
    return fail(std::move(why));
  }
  const bool goes_on = link.line.wait(now_ms() + pause_ms, std::move(why.message));
  return goes_on ? Result<>() : cancelled();
}

/// Under the mutex while there are other threads.
void Upload::save() {
  UploadState upload{.group = group_, .parts = {}};
  for (const Part& part : parts_) upload.parts.push_back(part.kept);
  const auto saved = state_.save(upload);
  if (!saved && std::exchange(is_kept_, false)) {
    monitor_.notice(concat("no later run can continue this upload: ", saved.error().message));
  }
}

}  // namespace

Result<UploadOutcome> upload(const UploadOrder& order, const UploadObserver& observer) {
  UniqueFd file(::open(order.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(errno, concat("open ", order.file));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return fail_errno(errno, concat("stat ", order.file));
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorCode::kInvalidArgument, concat(order.file, " is not a regular file"));
  }
  UploadOrder to = order;
  while (to.base_url.ends_with('/')) to.base_url.pop_back();
  return Upload(to, std::move(file), info, observer).run();
}

}  // namespace sf::tus
