/// An open-loop client of HTTP/1.1, for the tails of latencies.
///
///   open_loop PORT RATE SECONDS CONNECTIONS SEED PATH...
///
/// Requests become due at moments drawn beforehand (exponential gaps, by seed: every server that is
/// compared gets the same ones), whatever the server does meanwhile. A latency counts from when a
/// request was due to the last byte of its answer, so who waits for a connection because the server
/// is slow is counted too: no coordinated omission. The first tenth of the time is not counted. A
/// request that failed, or has no answer 10 s after the last was due, is a failure. Never rests
/// while anything is open or due soon, so that no wake-up of its own is measured: give it a core.
///
/// Writes one line of JSON: counts, percentiles in microseconds, and `late_us`, the 99th percentile
/// of how much later than due the client itself sent what had a connection: its own share.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::uint64_t kPatienceNs = 10 * kNsPerSecond;
constexpr std::uint64_t kSpinNs = 300'000;  // Due sooner than that: not worth a sleep.
constexpr double kNotCounted = 0.1;         // Of the time: connections and caches warm up.
constexpr std::size_t kHeadBytesMax = 16 * 1024;

std::uint64_t now_ns() {
  ::timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(now.tv_nsec);
}

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "open_loop: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

struct Plan {
  std::uint16_t port = 0;
  double rate = 0;
  double seconds = 0;
  std::size_t connections = 0;
  unsigned seed = 0;
  std::vector<std::string> requests;
};

struct Connection {
  int socket = -1;
  std::size_t request = 0;  ///< Which is being answered.
  std::string head;
  std::uint64_t body_left = 0;
  bool in_body = false;
  bool busy = false;
};

/// Reads until the answer is complete, the socket is empty, or it is no good answer.
enum class Progress { kMore, kComplete, kFailed };

Progress take_head(Connection& connection) {
  char bytes[kHeadBytesMax];
  const ::ssize_t got = ::recv(connection.socket, bytes, sizeof bytes, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return Progress::kMore;
  if (got <= 0) return Progress::kFailed;
  connection.head.append(bytes, static_cast<std::size_t>(got));
  const std::string_view text = connection.head;
  const auto end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    return text.size() < kHeadBytesMax ? Progress::kMore : Progress::kFailed;
  }
  constexpr std::string_view kField = "\r\nContent-Length: ";
  const auto field = text.find(kField);
  if (!text.starts_with("HTTP/1.1 2") || field >= end) return Progress::kFailed;
  std::uint64_t length = 0;
  std::from_chars(text.data() + field + kField.size(), text.data() + end, length);
  const std::uint64_t have = text.size() - end - 4;
  if (have > length) return Progress::kFailed;
  connection.body_left = length - have;
  connection.in_body = true;
  return connection.body_left == 0 ? Progress::kComplete : Progress::kMore;
}

Progress take(Connection& connection) {
  if (!connection.in_body) {
    const Progress progress = take_head(connection);
    if (progress != Progress::kMore || !connection.in_body) return progress;
  }
  for (;;) {
    // MSG_TRUNC: TCP drops them, without a copy that would be the client's own time.
    const ::ssize_t got =
        ::recv(connection.socket, nullptr, connection.body_left, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && errno == EAGAIN) return Progress::kMore;
    if (got <= 0) return Progress::kFailed;
    connection.body_left -= static_cast<std::uint64_t>(got);
    if (connection.body_left == 0) return Progress::kComplete;
  }
}

class Client {
 public:
  explicit Client(Plan plan) : plan_(std::move(plan)), connections_(plan_.connections) {
    std::mt19937_64 random(plan_.seed);
    std::exponential_distribution<double> gap(plan_.rate);
    for (double at = gap(random); at < plan_.seconds; at += gap(random)) {
      due_.push_back(static_cast<std::uint64_t>(at * static_cast<double>(kNsPerSecond)));
      path_.push_back(random() % plan_.requests.size());
    }
    for (std::size_t n = 0; n < connections_.size(); ++n) {
      connect(n);
      idle_.push_back(n);
    }
  }

  void run() {
    begun_ns_ = now_ns() + kNsPerSecond / 100;
    const std::uint64_t end_ns = due_.empty() ? 0 : due_.back() + kPatienceNs;
    while (done_ < due_.size()) {
      const std::uint64_t now = elapsed();
      if (now > end_ns) break;
      while (next_ < due_.size() && due_[next_] <= now && !idle_.empty()) send_next();
      wait(now);
    }
    failed_ += due_.size() - done_;
  }

  void report() {
    std::sort(latencies_ns_.begin(), latencies_ns_.end());
    std::sort(late_ns_.begin(), late_ns_.end());
    std::printf(
        "{\"due\": %zu, \"answered\": %zu, \"failed\": %zu, \"p50_us\": %.1f, "
        "\"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, "
        "\"late_us\": %.1f}\n",
        due_.size(), due_.size() - failed_, failed_, at(latencies_ns_, 0.5), at(latencies_ns_, 0.9),
        at(latencies_ns_, 0.99), at(latencies_ns_, 0.999), at(latencies_ns_, 1),
        at(late_ns_, 0.99));
  }

 private:
  [[nodiscard]] std::uint64_t elapsed() const {
    const std::uint64_t now = now_ns();
    return now > begun_ns_ ? now - begun_ns_ : 0;
  }

  static double at(const std::vector<std::uint64_t>& sorted, double share) {
    if (sorted.empty()) return 0;
    const auto last = static_cast<double>(sorted.size() - 1);
    return static_cast<double>(sorted[static_cast<std::size_t>(std::ceil(share * last))]) / 1e3;
  }

  void connect(std::size_t number) {
    Connection& connection = connections_[number];
    if (connection.socket >= 0) ::close(connection.socket);
    connection = {};
    connection.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(plan_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(connection.socket, reinterpret_cast<::sockaddr*>(&address), sizeof address) !=
        0) {
      give_up("connect");
    }
    const int one = 1;
    ::setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::epoll_event event{.events = EPOLLIN | EPOLLRDHUP, .data = {.u64 = number}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket, &event) != 0) give_up("epoll_ctl");
  }

  void send_next() {
    const std::size_t number = idle_.front();
    Connection& connection = connections_[number];
    const std::string& request = plan_.requests[path_[next_]];
    const ::ssize_t sent =
        ::send(connection.socket, request.data(), request.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent != static_cast<::ssize_t>(request.size())) return connect(number);
    idle_.pop_front();
    connection.request = next_;
    connection.busy = true;
    // Who waited for a connection is late by the server's doing.
    if (due_[next_] >= last_idle_ns_) late_ns_.push_back(elapsed() - due_[next_]);
    ++next_;
  }

  void wait(std::uint64_t now) {
    const bool resting = next_ == done_ && next_ < due_.size() && due_[next_] > now + kSpinNs;
    const auto timeout_ms =
        resting ? static_cast<int>((due_[next_] - now - kSpinNs) / (kNsPerSecond / 1000)) : 0;
    ::epoll_event events[64];
    const int count = ::epoll_wait(epoll_, events, 64, timeout_ms);
    for (int n = 0; n < count; ++n) read(events[n].data.u64);
  }

  void read(std::size_t number) {
    Connection& connection = connections_[number];
    if (!connection.busy) return connect(number);  // An idle one that the server has closed.
    const Progress progress = take(connection);
    if (progress == Progress::kMore) return;
    const std::uint64_t due = due_[connection.request];
    if (progress == Progress::kFailed) {
      ++failed_;
      connect(number);
    } else if (static_cast<double>(due) >= kNotCounted * plan_.seconds * kNsPerSecond) {
      latencies_ns_.push_back(elapsed() - due);
    }
    ++done_;
    connection.head.clear();
    connection.in_body = connection.busy = false;
    if (idle_.empty()) last_idle_ns_ = elapsed();
    idle_.push_back(number);
  }

  const Plan plan_;
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::uint64_t> due_;  ///< Since the begin; ascending.
  std::vector<std::size_t> path_;
  std::vector<Connection> connections_;
  std::deque<std::size_t> idle_;  ///< Who has rested longest goes first, as with many viewers.
  std::uint64_t begun_ns_ = 0;
  std::uint64_t last_idle_ns_ = 0;  ///< When a connection last came free and none had been.
  std::size_t next_ = 0;            ///< The first that has not been sent.
  std::size_t done_ = 0;
  std::size_t failed_ = 0;
  std::vector<std::uint64_t> latencies_ns_;
  std::vector<std::uint64_t> late_ns_;
};

template <class Number>
Number number(const char* text) {
  Number value{};
  const std::string_view view = text;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc{} || end != view.data() + view.size() || !(value > Number{})) {
    errno = EINVAL;
    give_up(text);
  }
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) {
    std::fputs("usage: open_loop PORT RATE SECONDS CONNECTIONS SEED PATH...\n", stderr);
    return 2;
  }
  Plan plan{number<std::uint16_t>(argv[1]), number<double>(argv[2]),   number<double>(argv[3]),
            number<std::size_t>(argv[4]),   number<unsigned>(argv[5]), {}};
  for (int n = 6; n < argc; ++n) {
    plan.requests.push_back(std::string("GET ") + argv[n] + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  Client client(std::move(plan));
  client.run();
  client.report();
  return 0;
}
