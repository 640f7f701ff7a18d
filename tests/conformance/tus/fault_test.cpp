/// Shutdown and sudden death: rows X4, X5.

#include <chrono>
#include <filesystem>
#include <thread>

#include "tus_case.hpp"

namespace sf::test {
namespace {

using TusFault = TusCase;

TEST_P(TusFault, X4_SigtermKeepsTheBytesOfARunningPatch) {
  const std::string source = noise(2'000'000);
  const std::string path = create(source.size());
  auto client = connect();
  client.send(patch_head(path, 0, concat("Content-Length: ", source.size(), "\r\n")));
  client.send(std::string_view(source).substr(0, 1'234'567));
  await_taken(1'234'567);
  EXPECT_EQ(server_.terminate(), 0);
  EXPECT_EQ(client.read_response().status, 503);
  server_.start();
  EXPECT_EQ(offset(path), "1234567");
  ASSERT_EQ(patch(path, "1234567", source.substr(1'234'567)).status, 204);
  EXPECT_TRUE(bare("GET", path).body == source);
}

TEST_P(TusFault, X5_AnAcknowledgedOffsetSurvivesKill9) {
  const std::string source = noise(3'000'000, 7);
  const std::string path = create(source.size());
  std::size_t acknowledged = 0;
  for (int round = 0; round < 3; ++round) {
    const auto body = std::string_view(source).substr(acknowledged, 654'321);
    ASSERT_EQ(patch(path, std::to_string(acknowledged), body).status, 204);
    acknowledged += body.size();
    // And something that is not acknowledged.
    auto client = connect();
    client.send(patch_head(path, acknowledged, "Content-Length: 900000\r\n"));
    client.send(std::string_view(source).substr(acknowledged, 33'333));
    server_.kill9();
    server_.start();
    const std::size_t now = *parse_decimal(offset(path));
    EXPECT_GE(now, acknowledged);
    EXPECT_LE(now, acknowledged + 33'333);
    acknowledged = now;
  }
  ASSERT_EQ(patch(path, std::to_string(acknowledged), source.substr(acknowledged)).status, 204);
  EXPECT_TRUE(bare("GET", path).body == source);
}

TEST_P(TusFault, X6_SpaceIsReservedAtCreation) {
  const auto answer = post({{"Upload-Length", "4611686018427387904"}});
  EXPECT_EQ(answer.status, 507);
  EXPECT_TRUE(std::filesystem::is_empty(server_.data() / "temp"));
  EXPECT_EQ(post({{"Upload-Length", "5"}}).status, 201);
}

SF_ON_BOTH_BACKENDS(TusFault);

}  // namespace
}  // namespace sf::test
