#include "video_list.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/store/catalogue.hpp>

#include <algorithm>
#include <set>
#include <vector>

#include "catalogue_impl.hpp"
#include "codec.hpp"
#include "fixture.hpp"

namespace sf::store::test {
namespace {

class VideoListTest : public CatalogueTest {
 protected:
  VideoPage page(VideoQuery query) {
    return must(reactor.wait(catalogue->videos(std::move(query))));
  }

  std::vector<std::string> titles(const VideoQuery& query) {
    std::vector<std::string> found;
    VideoQuery next = query;
    for (int pages = 0; pages < 1000; ++pages) {
      auto part = page(next);
      for (auto& item : part.items) found.push_back(std::move(item.title));
      if (part.next_cursor.empty()) return found;
      next.cursor = part.next_cursor;
    }
    ADD_FAILURE() << "no end";
    return found;
  }

  void change(const std::string& id, std::function<void(Video&)> edit) {
    must(reactor.wait(catalogue->update_video(id, [edit](Video& v) -> Result<> {
      edit(v);
      return {};
    })));
  }
};
SF_ON_BOTH_BACKENDS(VideoListTest);

using Titles = std::vector<std::string>;
using Sort = VideoQuery::Sort;

TEST_P(VideoListTest, SortsThreeWays) {
  // Ids of one millisecond are in random order: the list is by id, not by call.
  std::vector<std::pair<std::string, std::string>> by_id;
  for (const char* title : {"banana", "Apple", "cherry", "apple pie"}) {
    by_id.emplace_back(add_video(title), title);
  }
  std::ranges::sort(by_id);
  Titles oldest;
  for (const auto& [id, title] : by_id) oldest.push_back(title);
  const Titles newest(oldest.rbegin(), oldest.rend());
  for (const unsigned limit : {1u, 2u, 3u, 100u}) {
    VideoQuery query;
    query.limit = limit;
    EXPECT_EQ(titles(query), newest);
    query.sort = Sort::kOldest;
    EXPECT_EQ(titles(query), oldest);
    query.sort = Sort::kTitle;
    EXPECT_EQ(titles(query), (Titles{"Apple", "apple pie", "banana", "cherry"}));
  }
}

TEST_P(VideoListTest, AFullLastPageHasNoCursor) {
  for (int i = 0; i < 4; ++i) add_video();
  VideoQuery query;
  query.limit = 2;
  const auto first = page(query);
  EXPECT_FALSE(first.next_cursor.empty());
  query.cursor = first.next_cursor;
  const auto second = page(query);
  EXPECT_EQ(second.items.size(), 2u);
  EXPECT_TRUE(second.next_cursor.empty());
}

TEST_P(VideoListTest, TitlesFollowRenamesAndRemovals) {
  const std::string a = add_video("a");
  const std::string b = add_video("b");
  add_video("c");
  change(a, [](Video& v) { v.title = "z"; });
  must(reactor.wait(catalogue->remove_video(b)));
  VideoQuery query;
  query.sort = Sort::kTitle;
  EXPECT_EQ(titles(query), (Titles{"c", "z"}));
}

TEST_P(VideoListTest, Filters) {
  const std::string a = add_video("a");
  const std::string b = add_video("b");
  const std::string c = add_video("c");
  const std::string ann = make_id();
  change(a, [&](Video& v) { v.owner = ann; });
  change(b, [](Video& v) { v.status = VideoStatus::kReady; });
  change(b, [](Video& v) { v.visibility = Visibility::kPrivate; });
  change(c, [](Video& v) { v.deleted_at_ms = 5; });
  // What is written like a filter is text all the same.
  change(a, [](Video& v) { v.description = R"("status":"ready","deleted_at_ms":7,)"; });

  const auto with = [&](auto set) {
    VideoQuery query;
    query.sort = Sort::kTitle;
    set(query);
    return titles(query);
  };
  EXPECT_EQ(with([](VideoQuery&) {}), (Titles{"a", "b"}));
  EXPECT_EQ(with([](VideoQuery& q) { q.trash = true; }), Titles{"c"});
  EXPECT_EQ(with([](VideoQuery& q) { q.status = VideoStatus::kReady; }), Titles{"b"});
  EXPECT_EQ(with([](VideoQuery& q) { q.visibility = Visibility::kPrivate; }), Titles{"b"});
  EXPECT_EQ(with([&](VideoQuery& q) { q.owner = ann; }), Titles{"a"});
  EXPECT_EQ(with([](VideoQuery& q) { q.owner = "owner"; }), Titles{"b"});
  EXPECT_EQ(with([](VideoQuery& q) { q.owner = "\"\\"; }), Titles{});
}

TEST_P(VideoListTest, SearchesWordsInTitleAndDescription) {
  const std::string a = add_video("Summer in Reykjavík");
  change(a, [](Video& v) { v.description = "geysers, and an ÆRO beach"; });
  add_video("Winter");
  const auto search = [&](const char* text) {
    VideoQuery query;
    query.text = text;
    return titles(query).size();
  };
  EXPECT_EQ(search("summer"), 1u);
  EXPECT_EQ(search("  REYKJAV\xc3\xadk   GEYSER "), 1u);
  EXPECT_EQ(search("summer winter"), 0u);
  EXPECT_EQ(search("r"), 2u);
  EXPECT_EQ(search(""), 2u);
}

TEST_P(VideoListTest, PagesNeitherRepeatNorSkipWhileVideosComeAndGo) {
  std::vector<std::string> kept;
  std::vector<std::string> doomed;
  for (int i = 0; i < 60; ++i) {
    (i % 3 ? kept : doomed).push_back(add_video(concat("t", i)));
  }
  for (const Sort sort : {Sort::kNewest, Sort::kOldest, Sort::kTitle}) {
    std::multiset<std::string> seen;
    VideoQuery query;
    query.sort = sort;
    query.limit = 7;
    do {
      const auto part = page(query);
      for (const auto& item : part.items) seen.insert(item.id);
      query.cursor = part.next_cursor;
      // Between pages one goes, often the very one the cursor stands on, and one comes.
      if (!doomed.empty()) {
        must(reactor.wait(catalogue->remove_video(doomed.back())));
        doomed.pop_back();
      }
      add_video("new");
    } while (!query.cursor.empty());
    for (const auto& id : kept) EXPECT_EQ(seen.count(id), 1u);
    for (const auto& id : seen) EXPECT_EQ(seen.count(id), 1u);
  }
}

TEST_P(VideoListTest, ACursorMayStandOnARemovedVideo) {
  for (int i = 0; i < 3; ++i) add_video();
  VideoQuery query;
  query.limit = 1;
  const auto first = page(query);
  must(reactor.wait(catalogue->remove_video(first.items[0].id)));
  query.cursor = first.next_cursor;
  EXPECT_EQ(page(query).items.size(), 1u);
}

TEST_P(VideoListTest, ABoundedScanGoesOnWhereItStopped) {
  std::set<std::string> wanted;
  for (int i = 0; i < 50; ++i) {
    const auto id = add_video();
    if (i % 17 == 0) {
      change(id, [](Video& v) { v.status = VideoStatus::kFailed; });
      wanted.insert(id);
    }
  }
  VideoQuery query;
  query.status = VideoStatus::kFailed;
  std::set<std::string> found;
  int pages = 0;
  do {
    const auto part = must(list_videos(catalogue->raw().database, query, 10));
    for (const auto& item : part.items) EXPECT_TRUE(found.insert(item.id).second);
    query.cursor = part.next_cursor;
    ++pages;
  } while (!query.cursor.empty() && pages < 100);
  EXPECT_EQ(found, wanted);
  EXPECT_EQ(pages, 5);
}

TEST_P(VideoListTest, RefusesCursorsThatAreNotItsOwn) {
  add_video();
  add_video();
  VideoQuery query;
  query.limit = 1;
  const auto cursor = page(query).next_cursor;
  query.sort = Sort::kTitle;
  for (const auto& bad : {cursor, std::string("zz"), std::string("6e"), std::string("6")}) {
    query.cursor = bad;
    EXPECT_EQ(code_of(reactor.wait(catalogue->videos(query))), ErrorCode::kInvalidArgument) << bad;
  }
}

TEST(MayMatch, NeverSkipsWhatMatches) {
  for (std::size_t status = 0; status < 6; ++status) {
    Video video = make_video(make_id());
    video.status = static_cast<VideoStatus>(status);
    VideoQuery query;
    query.status = video.status;
    query.owner = video.owner;
    query.visibility = video.visibility;
    EXPECT_TRUE(may_match(query, encode(video)));
    query.status = static_cast<VideoStatus>((status + 1) % 6);
    EXPECT_FALSE(may_match(query, encode(video)));
  }
  EXPECT_TRUE(may_match({}, R"({ "v": 1, "deleted_at_ms": 0 })")) << "not our encoder's: undecided";
}

}  // namespace
}  // namespace sf::store::test
