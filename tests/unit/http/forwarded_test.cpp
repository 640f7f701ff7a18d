/// Whom a request is from when proxies say so, and whom not to believe.

#include "forwarded.hpp"

#include <gtest/gtest.h>

namespace sf::http {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::vector<net::AddressPrefix> trusted() {
  std::vector<net::AddressPrefix> prefixes;
  for (const char* text : {"127.0.0.0/8", "::1", "10.0.0.0/8", "2001:db8:1::/48"}) {
    prefixes.push_back(*net::AddressPrefix::parse(text));
  }
  return prefixes;
}

Forwarded said(const Fields& fields, const std::string& peer = "127.0.0.1") {
  Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  return read_forwarded(headers, {peer, 4711}, trusted());
}

std::string client(const Fields& fields, const std::string& peer = "127.0.0.1") {
  const Forwarded forwarded = said(fields, peer);
  return forwarded.client ? forwarded.client->to_string() : "none";
}

TEST(Forwarded, NobodyIsBelievedUnlessTrusted) {
  EXPECT_EQ(client({{"X-Forwarded-For", "203.0.113.9"}}, "198.51.100.1"), "none");
  EXPECT_EQ(client({{"Forwarded", "for=203.0.113.9"}}, "198.51.100.1"), "none");
  EXPECT_FALSE(said({{"X-Forwarded-Proto", "https"}}, "198.51.100.1").secure);
  EXPECT_EQ(client({{"X-Forwarded-For", "203.0.113.9"}}, ""), "none") << "a Unix socket";
  EXPECT_EQ(client({{"Accept", "*/*"}}), "none");
}

TEST(Forwarded, TheLastStrangerIsTheClient) {
  EXPECT_EQ(client({{"X-Forwarded-For", "203.0.113.9"}}), "203.0.113.9:0");
  EXPECT_EQ(client({{"X-Forwarded-For", "6.6.6.6, 203.0.113.9"}}), "203.0.113.9:0");
  EXPECT_EQ(client({{"X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.1.2.3"}}), "203.0.113.9:0");
  EXPECT_EQ(client({{"X-Forwarded-For", "6.6.6.6"}, {"X-Forwarded-For", "203.0.113.9"}}),
            "203.0.113.9:0");
  EXPECT_EQ(client({{"X-Forwarded-For", "10.0.0.7, 10.1.2.3"}}), "10.0.0.7:0")
      << "all of them are ours";
  EXPECT_EQ(client({{"Forwarded", "for=6.6.6.6, for=203.0.113.9;by=10.0.0.1, for=10.1.2.3"}}),
            "203.0.113.9:0");
}

TEST(Forwarded, TheStandardFieldWins) {
  EXPECT_EQ(client({{"X-Forwarded-For", "6.6.6.6"}, {"Forwarded", "for=203.0.113.9"}}),
            "203.0.113.9:0");
}

TEST(Forwarded, AddressesInAllTheirForms) {
  EXPECT_EQ(client({{"Forwarded", R"(For="[2001:db8:cafe::17]:4711")"}}),
            "[2001:db8:cafe::17]:4711");
  EXPECT_EQ(client({{"Forwarded", R"(for="[2001:db8:cafe::17]")"}}), "[2001:db8:cafe::17]:0");
  EXPECT_EQ(client({{"Forwarded", R"(for="203.0.113.9:80";proto=http)"}}), "203.0.113.9:80");
  EXPECT_EQ(client({{"X-Forwarded-For", "2001:db8:cafe::17"}}), "[2001:db8:cafe::17]:0");
  EXPECT_EQ(client({{"X-Forwarded-For", "203.0.113.9:1234"}}), "203.0.113.9:1234");
}

TEST(Forwarded, WhoIsHiddenIsUnknownAndNotThePeer) {
  for (const char* text : {"unknown", "_secret", "", "nonsense", "10.0.0.0/8", ":80",
                           "localhost:80", "[", "\"", "::1]"}) {
    EXPECT_EQ(client({{"Forwarded", concat("for=\"", text, "\";proto=https")}}),
              *text == '\0' ? "none" : "unknown:0")
        << text;
  }
  EXPECT_FALSE(said({{"Forwarded", "for=unknown"}}).client->is_loopback());
  EXPECT_EQ(client({{"X-Forwarded-For", "127.0.0.1, unknown"}}), "unknown:0");
}

TEST(Forwarded, SchemeAndAuthority) {
  EXPECT_EQ(said({{"X-Forwarded-Proto", "https"}}).secure, true);
  EXPECT_EQ(said({{"X-Forwarded-Proto", "HTTP"}}).secure, false);
  EXPECT_FALSE(said({{"X-Forwarded-For", "203.0.113.9"}}).secure);
  EXPECT_EQ(said({{"Forwarded", "proto=https;host=\"v.example:8443\""}}).authority,
            "v.example:8443");
  EXPECT_EQ(said({{"X-Forwarded-Host", "v.example"}}).authority, "v.example");
  EXPECT_EQ(said({{"X-Forwarded-Host", "bad/host"}}).authority, "");
  // The outermost proxy that is trusted knows what the client asked for.
  const Forwarded chain =
      said({{"Forwarded",
             "for=6.6.6.6;proto=http, for=203.0.113.9;proto=https;host=v.example, "
             "for=10.0.0.7;proto=http;host=inner"}});
  EXPECT_EQ(chain.secure, true);
  EXPECT_EQ(chain.authority, "v.example");
  const Forwarded custom =
      said({{"X-Forwarded-For", "203.0.113.9, 10.0.0.7"}, {"X-Forwarded-Proto", "https, http"}});
  EXPECT_EQ(custom.secure, true);
}

TEST(Forwarded, WhatIsBrokenEndsNothing) {
  for (const char* text :
       {"for", "=;=,;", "for=\"", "for=\"a\\", ",,,", ";;;", "\"", "for=a;for=b"}) {
    (void)said({{"Forwarded", text}});
    (void)said({{"X-Forwarded-For", text}, {"X-Forwarded-Proto", text}});
  }
}

}  // namespace
}  // namespace sf::http
