#include <streamforge/base/clock.hpp>

#include <streamforge/base/bytes.hpp>

#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>

namespace sf {

namespace {

namespace chrono = std::chrono;

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::uint64_t read_ns(::clockid_t clock) noexcept {
  ::timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

/// A point in time taken apart, UTC.
struct Civil {
  chrono::year_month_day date;
  chrono::hh_mm_ss<chrono::milliseconds> time;
  unsigned weekday = 0;  ///< 0 is Sunday.
};

Civil to_civil(std::int64_t wall_time_ms) {
  const chrono::sys_time<chrono::milliseconds> point{chrono::milliseconds(wall_time_ms)};
  const auto day = chrono::floor<chrono::days>(point);
  return {chrono::year_month_day(day), chrono::hh_mm_ss<chrono::milliseconds>(point - day),
          chrono::weekday(day).c_encoding()};
}

template <class Number>
void append_padded(std::string& out, Number value, std::size_t width) {
  const std::string digits = concat(static_cast<std::int64_t>(value));
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

void append_time(std::string& out, const Civil& civil) {
  append_padded(out, civil.time.hours().count(), 2);
  out += ':';
  append_padded(out, civil.time.minutes().count(), 2);
  out += ':';
  append_padded(out, civil.time.seconds().count(), 2);
}

/// Takes a date apart from the left; the first step that does not fit fails all that follow.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  void literal(std::string_view text) {
    ok_ = ok_ && rest_.starts_with(text);
    if (ok_) rest_.remove_prefix(text.size());
  }
  /// Exactly `width` digits, a space allowed for the first of two when `spaced` (asctime).
  unsigned number(std::size_t width, bool spaced = false) {
    if (!ok_ || rest_.size() < width) return refuse();
    std::string_view digits = rest_.substr(0, width);
    rest_.remove_prefix(width);
    if (spaced && digits.front() == ' ') digits.remove_prefix(1);
    const auto value = parse_decimal(digits);
    return value ? static_cast<unsigned>(*value) : refuse();
  }
  /// The index of the name that comes next.
  template <std::size_t N>
  unsigned one_of(const std::array<std::string_view, N>& names) {
    const auto it = std::ranges::find_if(names, [&](auto name) { return rest_.starts_with(name); });
    if (!ok_ || it == names.end()) return refuse();
    rest_.remove_prefix(it->size());
    return static_cast<unsigned>(it - names.begin());
  }
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  unsigned refuse() {
    ok_ = false;
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

struct HttpDate {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

void read_time(Reader& in, HttpDate& out) {
  out.hour = in.number(2);
  in.literal(":");
  out.minute = in.number(2);
  in.literal(":");
  out.second = in.number(2);
}

std::optional<HttpDate> read_imf_fixdate(std::string_view text) {
  Reader in(text);
  HttpDate out;
  (void)in.one_of(kDays);
  in.literal(", ");
  out.day = in.number(2);
  in.literal(" ");
  out.month = in.one_of(kMonths) + 1;
  in.literal(" ");
  out.year = in.number(4);
  in.literal(" ");
  read_time(in, out);
  in.literal(" GMT");
  return in.done() ? std::optional(out) : std::nullopt;
}

std::optional<HttpDate> read_rfc850(std::string_view text) {
  Reader in(text);
  HttpDate out;
  (void)in.one_of(kLongDays);
  in.literal(", ");
  out.day = in.number(2);
  in.literal("-");
  out.month = in.one_of(kMonths) + 1;
  in.literal("-");
  out.year = in.number(2);
  in.literal(" ");
  read_time(in, out);
  in.literal(" GMT");
  if (!in.done()) return std::nullopt;
  // RFC 9110 section 5.6.7: more than 50 years ahead means the century before.
  const auto this_year = static_cast<unsigned>(static_cast<int>(to_civil(wall_ms()).date.year()));
  out.year += this_year / 100 * 100;
  if (out.year > this_year + 50) out.year -= 100;
  return out;
}

std::optional<HttpDate> read_asctime(std::string_view text) {
  Reader in(text);
  HttpDate out;
  (void)in.one_of(kDays);
  in.literal(" ");
  out.month = in.one_of(kMonths) + 1;
  in.literal(" ");
  out.day = in.number(2, true);
  in.literal(" ");
  read_time(in, out);
  in.literal(" ");
  out.year = in.number(4);
  return in.done() ? std::optional(out) : std::nullopt;
}

}  // namespace

std::int64_t wall_ms() noexcept {
  return chrono::duration_cast<chrono::milliseconds>(chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t wall_tick_ms() noexcept {
  return static_cast<std::int64_t>(read_ns(CLOCK_REALTIME_COARSE) / 1'000'000);
}

std::uint64_t mono_ns() noexcept {
  return static_cast<std::uint64_t>(
      chrono::duration_cast<chrono::nanoseconds>(chrono::steady_clock::now().time_since_epoch())
          .count());
}

std::uint64_t thread_cpu_ns() noexcept { return read_ns(CLOCK_THREAD_CPUTIME_ID); }
std::uint64_t process_cpu_ns() noexcept { return read_ns(CLOCK_PROCESS_CPUTIME_ID); }

std::string to_rfc3339(std::int64_t wall_time_ms) {
  const Civil civil = to_civil(wall_time_ms);
  std::string out;
  append_padded(out, static_cast<int>(civil.date.year()), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(civil.date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(civil.date.day()), 2);
  out += 'T';
  append_time(out, civil);
  out += '.';
  append_padded(out, civil.time.subseconds().count(), 3);
  out += 'Z';
  return out;
}

std::string to_http_date(std::int64_t wall_time_ms) {
  const Civil civil = to_civil(wall_time_ms);
  std::string out = concat(kDays[civil.weekday], ", ");
  append_padded(out, static_cast<unsigned>(civil.date.day()), 2);
  out += ' ';
  out += kMonths[static_cast<unsigned>(civil.date.month()) - 1];
  out += ' ';
  append_padded(out, static_cast<int>(civil.date.year()), 4);
  out += ' ';
  append_time(out, civil);
  out += " GMT";
  return out;
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  std::optional<HttpDate> read = read_imf_fixdate(text);
  if (!read) read = read_rfc850(text);
  if (!read) read = read_asctime(text);
  if (!read) return std::nullopt;
  const chrono::year_month_day date{chrono::year(static_cast<int>(read->year)),
                                    chrono::month(read->month), chrono::day(read->day)};
  // Second 60 is a leap second (RFC 5322 section 3.3); it counts as the one after.
  if (!date.ok() || read->hour > 23 || read->minute > 59 || read->second > 60) return std::nullopt;
  const auto seconds = chrono::sys_seconds(chrono::sys_days(date)) + chrono::hours(read->hour) +
                       chrono::minutes(read->minute) + chrono::seconds(read->second);
  return chrono::duration_cast<chrono::milliseconds>(seconds.time_since_epoch()).count();
}

}  // namespace sf
