#include <streamforge/base/metrics.hpp>

#include <streamforge/base/assert.hpp>
#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <mutex>
#include <variant>

namespace sf::metrics {

namespace {

using Metric = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>,
                            std::unique_ptr<Histogram>, std::unique_ptr<TimeCounter>>;

/// All metrics of one name: the same type and help, told apart by their labels.
struct Family {
  std::string help;
  std::map<std::string, Metric> by_labels;  ///< Key: the labels as they are printed.
};

struct Registry {
  std::mutex mutex;  ///< Held while registering and printing, never while counting.
  std::map<std::string, Family, std::less<>> families;
};

/// Never destroyed: threads may count until the last moment.
Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || (c == '"' && quotes)) {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
}

std::string to_text(Labels labels) {
  std::string out;
  for (const auto& [key, value] : labels) {
    if (!out.empty()) out += ',';
    out += concat(key, "=\"");
    append_escaped(out, value, true);
    out += '"';
  }
  return out;
}

template <class Kind>
Kind& find_or_make(std::string_view name, std::string_view help, Labels labels) {
  SF_ASSERT(name.starts_with("streamforge_"));
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const auto [family, is_new] = all.families.try_emplace(std::string(name));
  if (is_new) family->second.help = help;
  SF_ASSERT(family->second.help == help);
  auto& metrics = family->second.by_labels;
  SF_ASSERT(metrics.empty() ||
            std::holds_alternative<std::unique_ptr<Kind>>(metrics.begin()->second));
  auto& metric = metrics.try_emplace(to_text(labels), std::unique_ptr<Kind>()).first->second;
  auto& owner = std::get<std::unique_ptr<Kind>>(metric);
  if (!owner) owner = std::make_unique<Kind>();
  return *owner;
}

void append_line(std::string& out, std::string_view name, std::string_view labels,
                 std::string_view value) {
  out += labels.empty() ? concat(name, ' ', value, '\n')
                        : concat(name, '{', labels, "} ", value, '\n');
}

void print(std::string& out, std::string_view name, std::string_view labels,
           const Histogram& histogram) {
  const std::string before = labels.empty() ? "" : concat(labels, ',');
  const std::string bucket = concat(name, "_bucket");
  std::uint64_t total = 0;
  for (unsigned i = 0; i <= Histogram::kBuckets; ++i) {
    total += histogram.bucket(i);
    const std::string bound =
        i == Histogram::kBuckets ? "+Inf" : concat(1e-6 * static_cast<double>(1ull << i));
    append_line(out, bucket, concat(before, "le=\"", bound, '"'), concat(total));
  }
  append_line(out, concat(name, "_sum"), labels,
              concat(static_cast<double>(histogram.sum_ns()) / 1e9));
  append_line(out, concat(name, "_count"), labels, concat(total));
}

template <class Number>
void print(std::string& out, std::string_view name, std::string_view labels, const Number& number) {
  append_line(out, name, labels, concat(number.value()));
}

constexpr std::string_view kTypeNames[] = {"counter", "gauge", "histogram", "counter"};

}  // namespace

void Histogram::observe_ns(std::uint64_t ns) noexcept {
  const std::uint64_t us = ns / 1000 + (ns % 1000 != 0);
  const unsigned index = us <= 1 ? 0 : static_cast<unsigned>(std::bit_width(us - 1));
  buckets_[std::min(index, kBuckets)].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(ns, std::memory_order_relaxed);
}

Counter& counter(std::string_view name, std::string_view help, Labels labels) {
  return find_or_make<Counter>(name, help, labels);
}

TimeCounter& time_counter(std::string_view name, std::string_view help, Labels labels) {
  return find_or_make<TimeCounter>(name, help, labels);
}

Gauge& gauge(std::string_view name, std::string_view help, Labels labels) {
  return find_or_make<Gauge>(name, help, labels);
}

Histogram& histogram(std::string_view name, std::string_view help, Labels labels) {
  return find_or_make<Histogram>(name, help, labels);
}

std::string to_prometheus_text() {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  std::string out;
  for (const auto& [name, family] : all.families) {
    out += concat("# HELP ", name, ' ');
    append_escaped(out, family.help, false);
    out +=
        concat("\n# TYPE ", name, ' ', kTypeNames[family.by_labels.begin()->second.index()], '\n');
    for (const auto& [labels, metric] : family.by_labels) {
      std::visit([&](const auto& owner) { print(out, name, labels, *owner); }, metric);
    }
  }
  return out;
}

}  // namespace sf::metrics
