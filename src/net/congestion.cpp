#include <streamforge/base/bytes.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/net/congestion.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>

namespace sf::net {

namespace {

constexpr std::size_t kNameBytesMax = 16;  // TCP_CA_NAME_MAX of the kernel.

bool set(int socket, const std::string& name) noexcept {
  return ::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                      static_cast<::socklen_t>(name.size())) == 0;
}

std::string current(int socket) {
  std::array<char, kNameBytesMax> name{};
  ::socklen_t bytes = name.size() - 1;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(), &bytes) != 0) return {};
  return name.data();
}

/// bbr, bbr2, bbr3: no other in the kernel asks for pacing.
bool paces(std::string_view name) { return name.starts_with("bbr"); }

std::string known_names() {
  std::ifstream file("/proc/sys/net/ipv4/tcp_available_congestion_control");
  std::string names;
  std::getline(file, names);
  return names;
}

}  // namespace

Result<Congestion> Congestion::choose(std::string_view setting) {
  Congestion chosen;
  if (setting == "system") return chosen;
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno(errno, "socket");
  if (setting != "auto") {
    chosen.near = setting;
    if (set(socket.get(), chosen.near)) return chosen;
    return fail(ErrorCode::kInvalidArgument,
                concat("the kernel does not give us the congestion control \"", setting,
                       "\"; it has: ", known_names(), " (more with modprobe tcp_NAME)"));
  }
  std::string system = current(socket.get());
  if (!paces(system)) return chosen;
  for (const char* unpaced : {"cubic", "reno"}) {
    if (!set(socket.get(), unpaced)) continue;
    chosen.near = unpaced;
    chosen.far = std::move(system);
    break;
  }
  return chosen;
}

void Congestion::prepare(int listening) const noexcept {
  if (!near.empty()) set(listening, near);
}

void Congestion::begin(int accepted) const noexcept {
  if (far.empty()) return;
  ::tcp_info info{};
  ::socklen_t bytes = sizeof info;
  // 0 is a time that was not taken: the answer to a retransmitted SYN could be either's.
  if (::getsockopt(accepted, IPPROTO_TCP, TCP_INFO, &info, &bytes) == 0 && info.tcpi_rtt > 0 &&
      info.tcpi_rtt < near_us) {
    return;
  }
  set(accepted, far);
}

std::string Congestion::to_string() const {
  if (near.empty()) return "the system's";
  if (far.empty()) return near;
  return concat(near, " for peers nearer than ", near_us / 1'000, " ms, ", far, " for others");
}

}  // namespace sf::net
