#include <streamforge/net/congestion.hpp>
#include <streamforge/net/listener.hpp>

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string>

namespace sf::net {
namespace {

std::string control_of(int socket) {
  char name[16] = {};
  ::socklen_t bytes = sizeof name - 1;
  EXPECT_EQ(::getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name, &bytes), 0);
  return name;
}

std::string system_control() {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return control_of(socket.get());
}

/// What a connection over loopback has, accepted by a listener that was prepared by `congestion`.
std::string control_of_accepted(const Congestion& congestion) {
  const Result<UniqueFd> listening = listen_tcp({"127.0.0.1", 0}, false);
  EXPECT_TRUE(listening);
  congestion.prepare(listening->get());
  const Result<Address> address = local_address(listening->get());
  ::sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(address->port);
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<const ::sockaddr*>(&name), sizeof name), 0);
  UniqueFd accepted;
  for (int tries = 0; !accepted && tries < 100'000; ++tries) {
    accepted = UniqueFd(::accept(listening->get(), nullptr, nullptr));
  }
  EXPECT_TRUE(accepted);
  congestion.begin(accepted.get());
  return control_of(accepted.get());
}

TEST(Congestion, SystemLeavesAllAsItIs) {
  const auto chosen = Congestion::choose("system");
  ASSERT_TRUE(chosen);
  EXPECT_EQ(control_of_accepted(*chosen), system_control());
  EXPECT_EQ(chosen->to_string(), "the system's");
}

TEST(Congestion, OneNameIsForAll) {
  const auto chosen = Congestion::choose("reno");  // Every kernel has it.
  ASSERT_TRUE(chosen) << chosen.error().message;
  EXPECT_EQ(control_of_accepted(*chosen), "reno");
  EXPECT_EQ(chosen->to_string(), "reno");
}

TEST(Congestion, ANameThatNobodyKnowsSaysWhichThereAre) {
  const auto chosen = Congestion::choose("turtle");
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(chosen.error().message.find("\"turtle\""), std::string::npos);
  EXPECT_NE(chosen.error().message.find("reno"), std::string::npos);
}

TEST(Congestion, AutoChangesOnlyADefaultThatPaces) {
  const auto chosen = Congestion::choose("auto");
  ASSERT_TRUE(chosen);
  if (system_control().starts_with("bbr")) {
    EXPECT_EQ(chosen->far, system_control());
    EXPECT_FALSE(chosen->near.starts_with("bbr"));
    EXPECT_FALSE(chosen->near.empty());
  } else {
    EXPECT_TRUE(chosen->near.empty());
    EXPECT_TRUE(chosen->far.empty());
  }
}

TEST(Congestion, ANearPeerHasWhatTheListenerHas) {
  // Generous: on a crowded machine even loopback can take its time.
  EXPECT_EQ(control_of_accepted({.near = "reno", .far = system_control(), .near_us = 10'000'000}),
            "reno");
}

TEST(Congestion, AFarPeerHasTheOther) {
  // Nobody is nearer than no time at all.
  EXPECT_EQ(control_of_accepted({.near = "reno", .far = system_control(), .near_us = 0}),
            system_control());
}

TEST(Congestion, WhatIsNoTcpSocketIsLeftAlone) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  const UniqueFd one(pair[0]);
  const UniqueFd other(pair[1]);
  const Congestion congestion{.near = "reno", .far = "reno"};
  congestion.prepare(one.get());
  congestion.begin(one.get());
  ASSERT_EQ(::send(one.get(), "x", 1, MSG_NOSIGNAL), 1);
}

}  // namespace
}  // namespace sf::net
