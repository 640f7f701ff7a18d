#pragma once

/// Counters, gauges and histograms in the Prometheus text format. A metric is registered once,
/// lives for the program's life and is then a plain relaxed atomic: any thread may bump it, and a
/// reactor that has one of its own (label `reactor`) shares its cache line with nobody.

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace sf::metrics {

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class alignas(64) Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept {
    value_.fetch_add(amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Time that was spent, in nanoseconds; printed in seconds. Set by one thread at a time to what a
/// clock shows.
class alignas(64) TimeCounter {
 public:
  void set_ns(std::uint64_t ns) noexcept { ns_.store(ns, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t ns() const noexcept { return ns_.load(std::memory_order_relaxed); }
  [[nodiscard]] double value() const noexcept { return static_cast<double>(ns()) / 1e9; }

 private:
  std::atomic<std::uint64_t> ns_{0};
};

class alignas(64) Gauge {
 public:
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t amount) noexcept { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Durations in nanoseconds, in powers of two from 1 µs to 64 s; printed in seconds.
class Histogram {
 public:
  static constexpr unsigned kBuckets = 27;
  void observe_ns(std::uint64_t ns) noexcept;
  [[nodiscard]] std::uint64_t bucket(unsigned index) const noexcept {
    return buckets_[index].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t sum_ns() const noexcept {
    return sum_ns_.load(std::memory_order_relaxed);
  }

 private:
  alignas(64) std::atomic<std::uint64_t> buckets_[kBuckets + 1]{};
  std::atomic<std::uint64_t> sum_ns_{0};
};

/// The metric of this name and these labels, made on first use. Names are Prometheus names with
/// the prefix `streamforge_`; a name has one type and one help text, asserted.
[[nodiscard]] Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
[[nodiscard]] TimeCounter& time_counter(std::string_view name, std::string_view help,
                                        Labels labels = {});
[[nodiscard]] Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
[[nodiscard]] Histogram& histogram(std::string_view name, std::string_view help,
                                   Labels labels = {});

/// Everything registered, as `text/plain; version=0.0.4`.
[[nodiscard]] std::string to_prometheus_text();

}  // namespace sf::metrics
