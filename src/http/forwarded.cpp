#include "forwarded.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <array>

#include "target.hpp"

namespace sf::http {

namespace {

/// What one proxy has added.
struct Hop {
  std::string client;
  std::string proto;
  std::string host;
};

/// At `separator`, but not inside of quotes.
std::vector<std::string_view> split_unquoted(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (quoted && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (text[at] == separator && !quoted) {
      pieces.push_back(text.substr(begin, at - begin));
      begin = at + 1;
    }
  }
  pieces.push_back(text.substr(begin));
  return pieces;
}

std::string unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string out;
  for (std::size_t at = 1; at + 1 < text.size(); ++at) {
    if (text[at] == '\\' && at + 2 < text.size()) ++at;
    out += text[at];
  }
  return out;
}

/// RFC 7239 section 4.
std::vector<Hop> read_standard(std::string_view value) {
  std::vector<Hop> hops;
  for (const std::string_view element : split_unquoted(value, ',')) {
    Hop hop;
    for (const std::string_view pair : split_unquoted(element, ';')) {
      const auto equals = std::min(pair.find('='), pair.size());
      const std::string_view name = trim(pair.substr(0, equals));
      std::string word = equals < pair.size() ? unquoted(trim(pair.substr(equals + 1))) : "";
      if (equals_ignoring_case(name, "for"))
        hop.client = std::move(word);
      else if (equals_ignoring_case(name, "proto"))
        hop.proto = std::move(word);
      else if (equals_ignoring_case(name, "host"))
        hop.host = std::move(word);
    }
    hops.push_back(std::move(hop));
  }
  return hops;
}

/// A list's entry for hop `at` of `count`. Proxies that do not add to it but replace it have said
/// one word, which is all that is known.
std::string entry(const std::vector<std::string_view>& list, std::size_t at, std::size_t count) {
  return std::string(trim(list.size() == count ? list[at] : list.back()));
}

std::vector<Hop> read_customary(const Headers& headers) {
  const auto clients = split(headers.get("x-forwarded-for").value_or(""), ',');
  const auto protos = split(headers.get("x-forwarded-proto").value_or(""), ',');
  const auto hosts = split(headers.get("x-forwarded-host").value_or(""), ',');
  std::vector<Hop> hops;
  for (std::size_t at = 0; at < clients.size(); ++at) {
    hops.push_back({std::string(trim(clients[at])), entry(protos, at, clients.size()),
                    entry(hosts, at, clients.size())});
  }
  return hops;
}

/// "192.0.2.7", "192.0.2.7:4711", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:4711"; nullopt for
/// "unknown", "_hidden" and whatever else is no address.
std::optional<net::Address> to_address(std::string text) {
  // Not what `parse_address` has a meaning for: ":80", "localhost:80".
  if (auto with_port = net::parse_address(text); with_port && text.contains(with_port->host)) {
    return *with_port;
  }
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  if (text.find('/') != std::string::npos || !net::AddressPrefix::parse(text)) return std::nullopt;
  return net::Address{std::move(text), 0};
}

bool any_holds(const std::vector<net::AddressPrefix>& prefixes, const net::Address& address) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&address](const auto& prefix) { return prefix.holds(address); });
}

}  // namespace

bool is_forwarded_field(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 4> kNames = {"forwarded", "x-forwarded-for",
                                                      "x-forwarded-proto", "x-forwarded-host"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [name](auto other) { return equals_ignoring_case(name, other); });
}

Forwarded read_forwarded(const Headers& headers, const net::Address& peer,
                         const std::vector<net::AddressPrefix>& trusted) {
  const auto& fields = headers.all();
  const bool said = std::any_of(fields.begin(), fields.end(),
                                [](const auto& field) { return is_forwarded_field(field.first); });
  if (!said || !any_holds(trusted, peer)) return {};

  const auto standard = headers.get("forwarded");
  const std::vector<Hop> hops = standard ? read_standard(*standard) : read_customary(headers);
  Forwarded result;
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    if (!hop->proto.empty()) result.secure = equals_ignoring_case(hop->proto, "https");
    if (is_authority(hop->host)) result.authority = hop->host;
    if (hop->client.empty() && !result.client) continue;
    auto client = to_address(hop->client);
    result.client = client.value_or(net::Address{"unknown", 0});
    if (!client || !any_holds(trusted, *client)) break;
  }
  return result;
}

}  // namespace sf::http
