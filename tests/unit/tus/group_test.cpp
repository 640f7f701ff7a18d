/// Parts that name their group: one file, in any order, healed after any stop.

#include "in_process.hpp"
#include "support/eventually.hpp"

#include <array>
#include <latch>

namespace sf::tus {
namespace {

class GroupTest : public ServiceTest {
 protected:
  static std::string meta(const std::string& group, std::uint64_t at, std::uint64_t total) {
    const auto pair = [](const char* key, const std::string& value) {
      return concat(key, ' ', to_base64(as_bytes(value)));
    };
    return concat(pair("filename", "film.mp4"), ',', pair("group", group), ',',
                  pair("offset", std::to_string(at)), ',', pair("total", std::to_string(total)));
  }
  test::HttpResponse make_part(const std::string& group, std::uint64_t at, std::uint64_t bytes,
                               std::uint64_t total) {
    return fetch("POST", "/files",
                 {{"Upload-Concat", "partial"},
                  {"Upload-Length", std::to_string(bytes)},
                  {"Upload-Metadata", meta(group, at, total)}});
  }
  std::string part(const std::string& group, std::uint64_t at, std::uint64_t bytes,
                   std::uint64_t total) {
    const auto answer = make_part(group, at, bytes, total);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer["Location"].substr(7);
  }
  test::HttpResponse join(const std::vector<std::string>& ids, Fields fields = {}) {
    std::string list = "final;";
    for (const auto& id : ids) list += concat(list.ends_with(';') ? "" : " ", "/files/", id);
    fields.emplace_back("Upload-Concat", list);
    return fetch("POST", "/files", std::move(fields));
  }
  std::string whole_of(const std::string& id) {
    return server().ask(server().catalogue().upload(id))->into;
  }
  [[nodiscard]] std::size_t files(const char* folder) const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path() / folder)) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }
};

TEST_P(GroupTest, PartsLandInOneFileInAnyOrder) {
  start();
  for (const std::size_t cut : {std::size_t{1'000'003}, std::size_t{1'048'576}, std::size_t{1}}) {
    const std::string source = noise(2'500'001, cut);
    const std::string group = "g" + std::to_string(cut);
    const std::string tail = part(group, cut, source.size() - cut, source.size());
    const std::string head_part = part(group, 0, cut, source.size());
    const std::string whole = whole_of(tail);
    EXPECT_EQ(whole_of(head_part), whole);
    EXPECT_EQ(files("temp"), 1u);
    // The tail first, in two bodies that end within a block.
    ASSERT_EQ(patch(tail, 0, source.substr(cut, 700'001)).status, 204);
    ASSERT_EQ(patch(tail, 700'001, source.substr(cut + 700'001)).status, 204);
    const auto early = join({head_part, tail});
    EXPECT_EQ(early.status, 201) << "a final may come before its parts (A10)";
    EXPECT_EQ(early["Location"], "/files/" + whole);
    EXPECT_FALSE(early.find("Upload-Offset")) << "A7";
    EXPECT_EQ(server().ask(server().catalogue().video(whole))->source.received_bytes,
              source.size() - cut)
        << "what lies behind a gap was received too";
    EXPECT_EQ(server().ask(server().catalogue().upload(whole))->offset, 0u);
    EXPECT_EQ(server().ask(server().catalogue().upload(whole))->tail, cut);
    ASSERT_EQ(patch(head_part, 0, source.substr(0, cut)).status, 204);
    const auto answer = join({head_part, tail});
    ASSERT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer["Location"], "/files/" + whole);
    EXPECT_EQ(blob("raw", whole), source);
    EXPECT_EQ(files("temp"), 0u);
    EXPECT_EQ(server().ask(server().catalogue().video(whole))->status, store::VideoStatus::kQueued);
    EXPECT_EQ(head(whole)["Upload-Offset"], std::to_string(source.size()));
    EXPECT_EQ(join({head_part, tail})["Location"], "/files/" + whole) << "the answer was lost";
  }
}

TEST_P(GroupTest, TheFirstPartMakesTheVideoAndTheFinalNamesIt) {
  start();
  const std::string a = part("g", 0, 3, 6);
  const std::string whole = whole_of(a);
  auto video = server().ask(server().catalogue().video(whole));
  ASSERT_TRUE(video);
  EXPECT_EQ(video->title, "film");
  EXPECT_EQ(video->source.bytes, 6u);
  EXPECT_FALSE(head(whole).find("Upload-Offset")) << "A7";
  EXPECT_EQ(head(whole)["Upload-Length"], "6");
  EXPECT_EQ(patch(whole, 0, "x").status, 403) << "A9";
  const std::string b = part("g", 3, 3, 6);
  ASSERT_EQ(patch(a, 0, "abc").status, 204);
  ASSERT_EQ(patch(b, 0, "def").status, 204);
  const auto answer = join({a, b}, {{"Upload-Metadata", "title TmV3"}});
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(server().ask(server().catalogue().video(whole))->title, "New");
  EXPECT_EQ(head(whole)["Upload-Metadata"], "title TmV3") << "A11";
  EXPECT_EQ(fetch("GET", "/files/" + whole).body, "abcdef");
}

TEST_P(GroupTest, RefusesWhatDoesNotFit) {
  start();
  const std::string a = part("g", 0, 4, 10);
  EXPECT_EQ(make_part("g", 3, 4, 10).status, 400) << "overlaps";
  EXPECT_EQ(make_part("g", 4, 4, 11).status, 400) << "another total";
  EXPECT_EQ(make_part("g", 8, 4, 10).status, 400) << "past the total";
  EXPECT_EQ(make_part("g", 4, 0, 10).status, 400) << "empty";
  EXPECT_EQ(make_part("", 4, 1, 10).status, 400) << "no name";
  EXPECT_EQ(
      fetch(
          "POST", "/files",
          {{"Upload-Concat", "partial"}, {"Upload-Length", "5"}, {"Upload-Metadata", "group Zw=="}})
          .status,
      400);
  EXPECT_EQ(fetch("POST", "/files",
                  {{"Upload-Concat", "partial"},
                   {"Upload-Defer-Length", "1"},
                   {"Upload-Metadata", meta("g", 4, 10)}})
                .status,
            400);
  const std::string b = part("g", 4, 6, 10);
  const std::string other = create(3, {{"Upload-Concat", "partial"}});
  for (const auto& [id, body] : {std::pair{a, "abcd"}, {b, "efghij"}, {other, "xyz"}}) {
    ASSERT_EQ(patch(id, 0, body).status, 204);
  }
  EXPECT_EQ(join({b, a}).status, 400) << "out of order";
  EXPECT_EQ(join({a}).status, 400);
  EXPECT_EQ(join({a, b, other}).status, 400);
  EXPECT_EQ(join({a, b}).status, 201);
}

TEST_P(GroupTest, ACreationWhoseAnswerWasLostIsMadeAgain) {
  start();
  const std::string lost = part("g", 0, 6, 6);
  test::RawHttp hung(server().port());
  hung.send(patch_head(lost, 0, "Content-Length: 6"));
  hung.send("xyz");
  const std::string again = part("g", 0, 6, 6);
  EXPECT_NE(again, lost);
  EXPECT_EQ(head(lost).status, 404);
  ASSERT_EQ(patch(again, 0, "abcdef").status, 204);
  EXPECT_EQ(blob("raw", whole_of(again)), "abcdef");
}

// From where on all is there up to the end: whole parts only, without a gap between them.
TEST_P(GroupTest, KnowsItsTail) {
  start();
  const std::string source = noise(400'000);
  const auto tail = [&](const std::string& id) {
    return server().ask(server().catalogue().upload(whole_of(id)))->tail;
  };
  const std::string last = part("g", 300'000, 100'000, 400'000);
  EXPECT_EQ(tail(last), 0u);
  ASSERT_EQ(patch(last, 0, source.substr(300'000, 99'999)).status, 204);
  EXPECT_EQ(tail(last), 0u) << "a byte is missing";
  ASSERT_EQ(patch(last, 99'999, source.substr(399'999)).status, 204);
  EXPECT_EQ(tail(last), 300'000u);
  const std::string second = part("g", 100'000, 100'000, 400'000);
  ASSERT_EQ(patch(second, 0, source.substr(100'000, 100'000)).status, 204);
  EXPECT_EQ(tail(last), 300'000u) << "there is a gap before it";
  const std::string third = part("g", 200'000, 100'000, 400'000);
  ASSERT_EQ(patch(third, 0, source.substr(200'000, 50'000)).status, 204);
  EXPECT_EQ(tail(last), 300'000u);
  ASSERT_EQ(patch(third, 50'000, source.substr(250'000, 50'000)).status, 204);
  EXPECT_EQ(tail(last), 100'000u);
  restart();
  EXPECT_EQ(tail(last), 100'000u);
  EXPECT_EQ(fetch("DELETE", "/files/" + last).status, 204);
  EXPECT_EQ(tail(second), 0u);
}

TEST_P(GroupTest, GoesOnAfterARestart) {
  start();
  const std::string source = noise(600'000);
  const std::string a = part("g", 0, 300'000, 600'000);
  const std::string b = part("g", 300'000, 300'000, 600'000);
  ASSERT_EQ(patch(b, 0, source.substr(300'000, 100'000)).status, 204);
  ASSERT_EQ(patch(a, 0, source.substr(0, 200'000)).status, 204);
  restart();
  EXPECT_EQ(head(a)["Upload-Offset"], "200000");
  EXPECT_EQ(head(b)["Upload-Offset"], "100000");
  EXPECT_EQ(server().ask(server().catalogue().video(whole_of(a)))->source.received_bytes, 300'000u);
  EXPECT_EQ(server().ask(server().catalogue().upload(whole_of(a)))->offset, 200'000u);
  ASSERT_EQ(patch(a, 200'000, source.substr(200'000, 100'000)).status, 204);
  ASSERT_EQ(patch(b, 100'000, source.substr(400'000)).status, 204);
  const std::string whole = whole_of(a);
  EXPECT_EQ(blob("raw", whole), source);
  restart();
  EXPECT_EQ(join({a, b})["Location"], "/files/" + whole);
}

TEST_P(GroupTest, DeletingAllPartsOrTheWholeFreesEverything) {
  start();
  const std::string a = part("g", 0, 3, 6);
  const std::string b = part("g", 3, 3, 6);
  const std::string whole = whole_of(a);
  EXPECT_EQ(fetch("DELETE", "/files/" + a).status, 204);
  EXPECT_EQ(head(b).status, 200);
  EXPECT_EQ(files("temp"), 1u);
  const std::string again = part("g", 0, 2, 6);
  EXPECT_EQ(whole_of(again), whole);
  EXPECT_EQ(fetch("DELETE", "/files/" + again).status, 204);
  EXPECT_EQ(fetch("DELETE", "/files/" + b).status, 204);
  EXPECT_EQ(files("temp"), 0u);
  EXPECT_FALSE(server().ask(server().catalogue().video(whole)));

  const std::string c = part("g", 0, 3, 6);
  EXPECT_EQ(fetch("DELETE", "/files/" + whole_of(c)).status, 204);
  EXPECT_EQ(head(c).status, 404);
  EXPECT_EQ(files("temp"), 0u);
  EXPECT_EQ(server().ask(server().catalogue().unfinished_uploads())->size(), 0u);
}

TEST_P(GroupTest, PartsThatEndTogetherAreAllAnswered) {
  start();
  constexpr std::size_t kParts = 6;
  constexpr std::size_t kPartBytes = 4096;
  for (int round = 0; round < 60; ++round) {
    const std::string group = "together" + std::to_string(round);
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < kParts; ++i) {
      ids.push_back(part(group, i * kPartBytes, kPartBytes, kParts * kPartBytes));
    }
    std::latch ready(kParts);
    std::array<int, kParts> statuses{};
    {
      std::vector<std::jthread> writers;
      for (std::size_t i = 0; i < kParts; ++i) {
        writers.emplace_back([&, i] {
          ready.arrive_and_wait();
          statuses[i] = patch(ids[i], 0, std::string(kPartBytes, 'x')).status;
        });
      }
    }
    for (const int status : statuses) ASSERT_EQ(status, 204) << "round " << round;
  }
}

TEST_P(GroupTest, AGroupExpiresAsOne) {
  InProcessOptions options;
  options.service.expire_after_ms = 1'500;
  start(options);
  const std::string a = part("g", 0, 3, 6);
  ASSERT_EQ(patch(a, 0, "abc").status, 204);
  EXPECT_TRUE(test::eventually([&] { return files("temp") == 0; }));
  EXPECT_EQ(head(a).status, 404);
  EXPECT_EQ(server().ask(server().catalogue().unfinished_uploads())->size(), 0u);
}

SF_ON_EACH_WAY(GroupTest);

}  // namespace
}  // namespace sf::tus
