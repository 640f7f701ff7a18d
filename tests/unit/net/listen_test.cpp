#include "support/temp_dir.hpp"

#include <streamforge/net/listener.hpp>

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace sf::net {
namespace {

int option(const UniqueFd& socket, int level, int name) {
  int value = -1;
  ::socklen_t bytes = sizeof value;
  EXPECT_EQ(::getsockopt(socket.get(), level, name, &value, &bytes), 0);
  return value;
}

TEST(ListenTcp, TakesAFreePortAndSharesItWithin) {
  Result<UniqueFd> first = listen_tcp({"127.0.0.1", 0});
  ASSERT_TRUE(first) << first.error().message;
  Result<Address> address = local_address(first->get());
  ASSERT_TRUE(address);
  EXPECT_EQ(address->host, "127.0.0.1");
  EXPECT_NE(address->port, 0);
  EXPECT_NE(option(*first, IPPROTO_TCP, TCP_NODELAY), 0);

  Result<UniqueFd> second = listen_tcp(*address);
  ASSERT_TRUE(second) << second.error().message;
  Result<UniqueFd> third = listen_tcp(*address);
  ASSERT_TRUE(third) << third.error().message;
}

TEST(ListenTcp, SpreadsConnectionsOverItsSockets) {
  Result<UniqueFd> first = listen_tcp({"127.0.0.1", 0});
  ASSERT_TRUE(first);
  const Result<Address> address = local_address(first->get());
  Result<UniqueFd> second = listen_tcp(*address);
  ASSERT_TRUE(second);
  ::sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(address->port);
  int taken[2] = {0, 0};
  for (int n = 0; n < 64; ++n) {
    const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<const ::sockaddr*>(&name), sizeof name), 0);
    const UniqueFd at_first(::accept(first->get(), nullptr, nullptr));
    const UniqueFd at_second(::accept(second->get(), nullptr, nullptr));
    taken[0] += static_cast<bool>(at_first);
    taken[1] += static_cast<bool>(at_second);
  }
  EXPECT_EQ(taken[0] + taken[1], 64);
  EXPECT_GT(taken[0], 0);
  EXPECT_GT(taken[1], 0);
}

/// What another process of the same user, doing as we do, gets for this address.
int outcome_elsewhere(const Address& address) {
  const ::pid_t child = ::fork();
  if (child == 0) {
    // Ours are inherited by fork and not by a program that is started; that is what is meant here.
    for (int fd = 3; fd < 256; ++fd) ::close(fd);
    const Result<UniqueFd> socket = listen_tcp(address);
    ::_exit(socket ? 0 : 1 + static_cast<int>(socket.error().code));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

TEST(ListenTcp, IsRefusedWhereAnotherProcessListens) {
  Result<UniqueFd> ours = listen_tcp({"127.0.0.1", 0});
  ASSERT_TRUE(ours);
  const Result<Address> address = local_address(ours->get());
  EXPECT_EQ(outcome_elsewhere(*address), 1 + static_cast<int>(ErrorCode::kConflict));
  Result<UniqueFd> shared = listen_tcp(*address);
  ASSERT_TRUE(shared);
  EXPECT_EQ(outcome_elsewhere(*address), 1 + static_cast<int>(ErrorCode::kConflict));
  ours->reset();
  EXPECT_EQ(outcome_elsewhere(*address), 1 + static_cast<int>(ErrorCode::kConflict));
  shared->reset();
  EXPECT_EQ(outcome_elsewhere(*address), 0);
}

TEST(ListenTcp, SaysWhichAddressIsInUseAndWhatToDo) {
  Result<UniqueFd> alone = listen_tcp({"127.0.0.1", 0}, false);
  ASSERT_TRUE(alone);
  const Result<Address> address = local_address(alone->get());
  const Result<UniqueFd> second = listen_tcp(*address);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_EQ(second.error().message, address->to_string() +
                                        " is in use by another program; stop that or choose "
                                        "another port with --listen");
}

TEST(ListenTcp, RefusesAddressesThatAreNotOurs) {
  const Result<UniqueFd> elsewhere = listen_tcp({"192.0.2.1", 0});
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(listen_tcp({"example.org", 80}));
}

TEST(ListenTcp, AllAddressesTakeIpv4) {
  Result<UniqueFd> all = listen_tcp({"::", 0});
  ASSERT_TRUE(all) << all.error().message;
  ::sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(local_address(all->get())->port);
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<const ::sockaddr*>(&name), sizeof name), 0);
}

TEST(ListenUnix, BindsWithMode0600AndReplacesOnlyTheDead) {
  const test::TempDir dir;
  const std::string path = dir.file("admin.sock");
  Result<UniqueFd> socket = listen_unix(path);
  ASSERT_TRUE(socket) << socket.error().message;
  struct ::stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);

  const Result<UniqueFd> again = listen_unix(path);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);

  socket->reset();
  const Result<UniqueFd> after = listen_unix(path);
  EXPECT_TRUE(after) << after.error().message;
}

TEST(ListenUnix, LeavesOtherFilesAlone) {
  const test::TempDir dir;
  test::write_file(dir.path() / "file", "content");
  EXPECT_FALSE(listen_unix(dir.file("file")));
  EXPECT_EQ(test::read_file(dir.path() / "file"), "content");
  EXPECT_FALSE(listen_unix(dir.file(std::string(200, 'x'))));
}

}  // namespace
}  // namespace sf::net
