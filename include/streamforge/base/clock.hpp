#pragma once

/// Time. Wall time for people and records, monotonic for durations; both plain integers with the
/// unit in the name. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sf {

/// Milliseconds since 1970-01-01T00:00:00Z. May step back.
[[nodiscard]] std::int64_t wall_ms() noexcept;
/// The same as of the kernel's last tick, some ms ago: for a fifth of the price.
[[nodiscard]] std::int64_t wall_tick_ms() noexcept;
/// Nanoseconds from an arbitrary start; never goes back.
[[nodiscard]] std::uint64_t mono_ns() noexcept;

/// CPU time that the calling thread has used, in the kernel too. A system call: not for every turn.
[[nodiscard]] std::uint64_t thread_cpu_ns() noexcept;
/// Likewise of all threads of this process, those that have ended included.
[[nodiscard]] std::uint64_t process_cpu_ns() noexcept;

/// RFC 3339 in UTC with milliseconds: 2026-01-02T03:04:05.678Z.
[[nodiscard]] std::string to_rfc3339(std::int64_t wall_time_ms);
/// RFC 9110 section 5.6.7 IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT.
[[nodiscard]] std::string to_http_date(std::int64_t wall_time_ms);
/// All three date forms of RFC 9110 section 5.6.7; milliseconds, nullopt when it is none of them.
[[nodiscard]] std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace sf
