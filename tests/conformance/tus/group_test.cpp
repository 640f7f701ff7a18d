/// Parts that name their group, when clients leave, meet or die: the rows "groups".

#include <algorithm>
#include <filesystem>

#include "tus_case.hpp"

namespace sf::test {
namespace {

constexpr std::uint64_t kTotal = 3'000'001;
constexpr std::uint64_t kCut = 1'500'003;  // Within a block that both parts share.

class TusGroup : public TusCase {
 protected:
  [[nodiscard]] HttpResponse make_part(const std::string& group, std::uint64_t at,
                                       std::uint64_t bytes, std::uint64_t total = kTotal) const {
    const auto pair = [](const char* key, const std::string& value) {
      return concat(key, ' ', to_base64(as_bytes(value)));
    };
    return post(
        {{"Upload-Concat", "partial"},
         {"Upload-Length", std::to_string(bytes)},
         {"Upload-Metadata", concat(pair("group", group), ',', pair("offset", std::to_string(at)),
                                    ',', pair("total", std::to_string(total)))}});
  }
  [[nodiscard]] std::string part(std::uint64_t at, std::uint64_t bytes) const {
    const auto made = make_part("g", at, bytes);
    EXPECT_EQ(made.status, 201) << made.body;
    return made["Location"];
  }
  [[nodiscard]] HttpResponse join(const std::vector<std::string>& paths) const {
    std::string list = "final;";
    for (const auto& path : paths) list += concat(list.ends_with(';') ? "" : " ", path);
    return post({{"Upload-Concat", list}});
  }
  void expect_whole(const std::vector<std::string>& paths) const {
    const auto answer = join(paths);
    ASSERT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(offset(answer["Location"]), std::to_string(source_.size()));
    EXPECT_TRUE(bare("GET", answer["Location"]).body == source_);
    EXPECT_TRUE(std::filesystem::is_empty(server_.data() / "temp"));
  }
  /// A PATCH of the rest of a part that stops after `bytes`, and its connection.
  [[nodiscard]] RawHttp begin(const std::string& path, std::uint64_t at, std::uint64_t length,
                              std::uint64_t bytes) const {
    auto client = connect();
    client.send(patch_head(path, 0, concat("Content-Length: ", length, "\r\n")));
    client.send(std::string_view(source_).substr(at, bytes));
    return client;
  }

  const std::string source_ = noise(kTotal);
};

TEST_P(TusGroup, PartsSentInTurnsAreOneVideo) {
  const std::string a = part(0, kCut);
  const std::string b = part(kCut, kTotal - kCut);
  auto first = begin(a, 0, kCut, 0);
  auto second = begin(b, kCut, kTotal - kCut, 0);
  constexpr std::uint64_t kStep = 100'003;
  for (std::uint64_t at = 0; at < kCut; at += kStep) {
    first.send(std::string_view(source_).substr(at, std::min(kStep, kCut - at)));
    second.send(std::string_view(source_).substr(kCut, kTotal - kCut).substr(at, kStep));
  }
  EXPECT_EQ(first.read_response().status, 204);
  EXPECT_EQ(second.read_response().status, 204);
  expect_whole({a, b});
}

TEST_P(TusGroup, ACutPartKeepsWhatArrivedAndItsNeighboursBytes) {
  const std::string a = part(0, kCut);
  const std::string b = part(kCut, kTotal - kCut);
  ASSERT_EQ(patch(b, "0", std::string_view(source_).substr(kCut)).status, 204);
  for (const bool reset : {false, true}) {
    const std::uint64_t before = *parse_decimal(offset(a));
    auto client = connect();
    client.send(patch_head(a, before, concat("Content-Length: ", kCut - before, "\r\n")));
    client.send(std::string_view(source_).substr(before, 500'001));
    if (reset) {
      client.reset();
    } else {
      client.half_close();
      EXPECT_EQ(client.read_response().status, 503);
    }
    const std::uint64_t now = *parse_decimal(offset(a));
    EXPECT_LE(now, before + 500'001);
    if (!reset) {
      EXPECT_EQ(now, before + 500'001);
    }
  }
  const std::uint64_t at = *parse_decimal(offset(a));
  EXPECT_EQ(join({a, b})["Upload-Offset"], "") << "bytes are missing";
  ASSERT_EQ(patch(a, std::to_string(at), source_.substr(at, kCut - at)).status, 204);
  expect_whole({a, b});
}

TEST_P(TusGroup, TakingOnePartOverLeavesTheOthersRunning) {
  const std::string a = part(0, kCut);
  const std::string b = part(kCut, kTotal - kCut);
  auto first = begin(a, 0, kCut, 700'001);
  auto second = begin(b, kCut, kTotal - kCut, 700'001);
  await_taken(1'400'002);
  const std::uint64_t at = *parse_decimal(offset(a));
  EXPECT_EQ(first.read_response().status, 423);
  EXPECT_EQ(at, 700'001u);
  second.send(std::string_view(source_).substr(kCut + 700'001));
  EXPECT_EQ(second.read_response().status, 204);
  ASSERT_EQ(patch(a, std::to_string(at), source_.substr(at, kCut - at)).status, 204);
  expect_whole({a, b});
}

TEST_P(TusGroup, DeletingPartsEndsThem) {
  const std::string a = part(0, kCut);
  const std::string b = part(kCut, kTotal - kCut);
  auto first = begin(a, 0, kCut, 700'001);
  auto second = begin(b, kCut, kTotal - kCut, 700'001);
  await_taken(1'400'002);
  ASSERT_EQ(patch(a, "99", "").status, 409);  // The first one lets go.
  EXPECT_EQ(first.read_response().status, 423);
  EXPECT_EQ(tus("DELETE", a).status, 204);
  EXPECT_EQ(tus("DELETE", b).status, 204);
  EXPECT_EQ(second.read_response().status, 423);
  EXPECT_EQ(head(a).status, 404);
  EXPECT_EQ(head(b).status, 404);
  EXPECT_TRUE(std::filesystem::is_empty(server_.data() / "temp"));
}

TEST_P(TusGroup, WhatWasAcknowledgedOfEachPartSurvivesKill9) {
  const std::string a = part(0, kCut);
  const std::string b = part(kCut, kTotal - kCut);
  std::uint64_t of_a = 0;
  std::uint64_t of_b = 0;
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(patch(a, std::to_string(of_a), source_.substr(of_a, 300'007)).status, 204);
    ASSERT_EQ(patch(b, std::to_string(of_b), source_.substr(kCut + of_b, 4'096)).status, 204);
    of_a += 300'007;
    of_b += 4'096;
    server_.kill9();
    server_.start();
    EXPECT_EQ(offset(a), std::to_string(of_a));
    EXPECT_EQ(offset(b), std::to_string(of_b));
  }
  ASSERT_EQ(patch(b, std::to_string(of_b), source_.substr(kCut + of_b)).status, 204);
  ASSERT_EQ(patch(a, std::to_string(of_a), source_.substr(of_a, kCut - of_a)).status, 204);
  server_.kill9();
  server_.start();
  expect_whole({a, b});
}

TEST_P(TusGroup, WhatDoesNotFitIs400AndMakesNothing) {
  const std::string a = part(0, kCut);
  EXPECT_EQ(make_part("g", kCut - 1, 10).status, 400) << "over another";
  EXPECT_EQ(make_part("g", kCut, kTotal).status, 400) << "past the total";
  EXPECT_EQ(make_part("g", kCut, 10, kTotal + 1).status, 400) << "another total";
  EXPECT_EQ(make_part("g", kCut, 0).status, 400) << "empty";
  EXPECT_EQ(make_part(std::string(129, 'g'), 0, 10).status, 400) << "too long a name";
  EXPECT_EQ(make_part("h", 0, 10, 4'611'686'018'427'387'904).status, 507) << "no space for it";
  EXPECT_EQ(tus("DELETE", a).status, 204);
  EXPECT_TRUE(std::filesystem::is_empty(server_.data() / "temp"));
}

SF_ON_BOTH_BACKENDS(TusGroup);

}  // namespace
}  // namespace sf::test
