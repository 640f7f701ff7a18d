#include "task_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sf::transcode {
namespace {

using ::testing::ElementsAre;

constexpr std::uint32_t k720 = 0;
constexpr std::uint32_t k360 = 1;
constexpr std::uint32_t kSound = 2;

std::vector<TrackShape> ladder(std::uint32_t segments, bool sound = false) {
  std::vector<TrackShape> rows = {{"720p", false, 0, segments, 9, {}},
                                  {"360p", false, 1, segments, 2, {}, true}};
  if (sound) rows.push_back({"audio/0", true, 0, segments, 0.1, {}});
  return rows;
}

QueueOptions options(unsigned workers = 1, std::uint32_t lead = 0) {
  QueueOptions out;
  out.workers = workers;
  out.lead_segments = lead;
  return out;
}

void add_planned(TaskQueue& queue, const std::string& id, std::uint32_t segments,
                 const std::string& owner = "o", std::int64_t queued_at_ms = 0,
                 bool sound = false) {
  queue.add({id, owner, 0, queued_at_ms, 1});
  queue.set_tracks(id, ladder(segments, sound), {});
}

void finish(TaskQueue& queue, const QueueTask& task, std::uint64_t service_ms = 100) {
  for (const std::uint32_t track : queue.made(task, service_ms)) {
    queue.committed(task.video, track, task.segment);
  }
}

/// "a:3" for a task on segment 3 of video a.
std::string name(const QueueTask& task) { return task.video + ":" + std::to_string(task.segment); }

TEST(TaskQueue, IndexesFirstThenMakesEverySegmentOnce) {
  TaskQueue queue(options());
  queue.add({"a", "o", 0, 0, 1'000});
  auto index = queue.next(0, WorkerRole::kOrdinary, 0);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->kind, TaskKind::kIndex);
  EXPECT_FALSE(queue.next(1, WorkerRole::kOrdinary, 0)) << "one index pass at a time";
  EXPECT_TRUE(queue.made(*index, 10).empty());
  queue.set_tracks("a", ladder(3, true), {});

  std::vector<std::string> order;
  while (auto task = queue.next(0, WorkerRole::kOrdinary, 0)) {
    order.push_back(std::string(task->kind == TaskKind::kAudio ? "audio " : "video ") +
                    std::to_string(task->segment));
    if (task->kind == TaskKind::kVideo) {
      EXPECT_THAT(task->tracks, ElementsAre(k720, k360));
    }
    finish(queue, *task);
  }
  EXPECT_THAT(order, ElementsAre("audio 0", "audio 1", "audio 2", "video 0", "video 1", "video 2"));
  EXPECT_TRUE(queue.complete("a"));
  EXPECT_DOUBLE_EQ(queue.work("a").done, queue.work("a").total);
}

TEST(TaskQueue, BeginsWithTheFirstRungWhereViewersAre) {
  TaskQueue queue(options(1, 2));
  add_planned(queue, "a", 10);
  for (std::uint32_t segment = 0; segment < 2; ++segment) {
    const auto task = queue.next(0, WorkerRole::kOrdinary, 0);
    EXPECT_EQ(task->segment, segment);
    EXPECT_THAT(task->tracks, ElementsAre(k360));
    finish(queue, *task);
  }
  const auto task = queue.next(0, WorkerRole::kOrdinary, 0);
  EXPECT_EQ(task->segment, 0u);
  EXPECT_THAT(task->tracks, ElementsAre(k720)) << "the rest of what has begun";
}

TEST(TaskQueue, BeginsWithWhatPlayersBeginWithThoughAnotherCostsLess) {
  std::vector<TrackShape> rows = ladder(10);
  rows[k720].cost = 0.02;  // It is copied.
  TaskQueue queue(options(1, 2));
  queue.add({"a", "o", 0, 0, 1});
  queue.set_tracks("a", rows, {});
  EXPECT_THAT(queue.next(0, WorkerRole::kOrdinary, 0)->tracks, ElementsAre(k360));
  EXPECT_THAT(queue.next(1, WorkerRole::kOrdinary, 0)->tracks, ElementsAre(k360));
}

// Decoding so many seconds, where a segment is of four and decoding a quarter of its work.
float way_of(std::uint32_t seconds) { return static_cast<float>(seconds) / 16; }

// Which segments workers get that finish nothing: the first of each stretch.
std::vector<std::uint32_t> begins_of(TaskQueue& queue, unsigned workers) {
  std::vector<std::uint32_t> begins;
  for (unsigned worker = 0; worker < workers; ++worker) {
    begins.push_back(queue.next(worker, WorkerRole::kOrdinary, 0)->segment);
  }
  return begins;
}

TEST(TaskQueue, StretchesBeginWhereLittleIsDecodedBefore) {
  // Segments of 4 s, a keyframe every 10.
  std::vector<TrackShape> rows = ladder(15);
  for (std::uint32_t i = 0; i < 15; ++i) rows[0].run_up.push_back(way_of(i * 4 % 10));
  TaskQueue queue(options(4));
  queue.add({"a", "o", 0, 0, 1});
  queue.set_tracks("a", rows, {});
  EXPECT_THAT(begins_of(queue, 4), ElementsAre(0, 5, 10, 13)) << "evenly it were 0, 4, 8, 12";

  TaskQueue plain(options(4));
  add_planned(plain, "a", 15);
  EXPECT_THAT(begins_of(plain, 4), ElementsAre(0, 4, 8, 12));
}

TEST(TaskQueue, StretchesHoldEverySegmentOnce) {
  for (std::uint32_t segments = 1; segments < 70; ++segments) {
    for (const unsigned workers : {1U, 2U, 7U}) {
      std::vector<TrackShape> rows = ladder(segments);
      for (std::uint32_t i = 0; i < segments; ++i) rows[1].run_up.push_back(way_of(i * 7 % 11));
      TaskQueue queue(options(workers));
      queue.add({"a", "o", 0, 0, 1});
      queue.set_tracks("a", {rows[0], {"360p", false, 1, segments / 2, 2, rows[1].run_up}}, {},
                       false);
      queue.extend("a", rows, true);
      std::vector<bool> made(segments);
      while (auto task = queue.next(segments % workers, WorkerRole::kOrdinary, 0)) {
        ASSERT_FALSE(made[task->segment]);
        made[task->segment] = true;
        finish(queue, *task);
      }
      EXPECT_TRUE(queue.complete("a")) << segments;
    }
  }
}

TEST(TaskQueue, RestartGoesOnWithWhatIsMissing) {
  TaskQueue queue(options());
  queue.add({"a", "o", 0, 0, 1});
  queue.set_tracks("a", ladder(3), {{0, 1, 99}, {0}});
  const auto task = queue.next(0, WorkerRole::kOrdinary, 0);
  EXPECT_EQ(task->segment, 1u);
  EXPECT_THAT(task->tracks, ElementsAre(k360));
}

TEST(TaskQueue, AWishGoesToTheFrontAlone) {
  TaskQueue queue(options());
  add_planned(queue, "a", 100);
  finish(queue, *queue.next(0, WorkerRole::kOrdinary, 0));
  EXPECT_EQ(queue.wish("a", "720p", 50, 0), WishAnswer::kQueued);
  EXPECT_EQ(queue.wish("a", "720p", 50, 0), WishAnswer::kQueued) << "coalesced";
  EXPECT_TRUE(queue.wished("a", k720, 50));
  const auto task = queue.next(0, WorkerRole::kOrdinary, 0);
  EXPECT_EQ(name(*task), "a:50");
  EXPECT_TRUE(task->wished);
  EXPECT_THAT(task->tracks, ElementsAre(k720));
  finish(queue, *task);
  EXPECT_FALSE(queue.wished("a", k720, 50));
  EXPECT_EQ(queue.wish("a", "720p", 50, 0), WishAnswer::kMade);
}

TEST(TaskQueue, SegmentsAfterAWishComeBeforeTheRest) {
  TaskQueue queue(options());
  add_planned(queue, "a", 100);
  queue.wish("a", "360p", 50, 0);
  std::vector<std::string> order;
  for (int i = 0; i < 6; ++i) {
    const auto task = queue.next(0, WorkerRole::kOrdinary, 0);
    order.push_back(name(*task));
    finish(queue, *task);
  }
  EXPECT_THAT(order, ElementsAre("a:50", "a:51", "a:52", "a:53", "a:54", "a:0"));
}

TEST(TaskQueue, LookingAheadEndsWhenTheViewerIsGone) {
  TaskQueue queue(options());
  add_planned(queue, "a", 100);
  queue.wish("a", "360p", 50, 0);
  finish(queue, *queue.next(0, WorkerRole::kOrdinary, 0));
  EXPECT_EQ(name(*queue.next(0, WorkerRole::kOrdinary, TaskQueue::kAheadForMs)), "a:0");
}

TEST(TaskQueue, WishesThatCannotBeAreUnknown) {
  TaskQueue queue(options());
  queue.add({"new", "o", 0, 0, 1});
  add_planned(queue, "a", 10);
  EXPECT_EQ(queue.wish("new", "360p", 0, 0), WishAnswer::kUnknown) << "no plan yet";
  EXPECT_EQ(queue.wish("b", "360p", 0, 0), WishAnswer::kUnknown);
  EXPECT_EQ(queue.wish("a", "1080p", 0, 0), WishAnswer::kUnknown);
  EXPECT_EQ(queue.wish("a", "360p", 10, 0), WishAnswer::kUnknown);
}

TEST(TaskQueue, WishesAreBounded) {
  TaskQueue queue(options());
  add_planned(queue, "a", 2'000);
  for (std::uint32_t i = 0; i < TaskQueue::kWishesMax; ++i) {
    ASSERT_EQ(queue.wish("a", "360p", i, 0), WishAnswer::kQueued);
  }
  EXPECT_EQ(queue.wish("a", "360p", 1'999, 0), WishAnswer::kBusy);
}

TEST(TaskQueue, UrgentWorkersTakeWishesWhatFollowsThemAndSmallIndexes) {
  TaskQueue queue(options());
  add_planned(queue, "a", 10);
  EXPECT_FALSE(queue.next(7, WorkerRole::kUrgent, 0));
  queue.add({"huge", "o", 0, 0, std::uint64_t{5} << 30});
  EXPECT_FALSE(queue.next(7, WorkerRole::kUrgent, 0));
  queue.add({"small", "o", 0, 0, 1'000});
  EXPECT_EQ(queue.next(7, WorkerRole::kUrgent, 0)->video, "small");
  queue.wish("a", "360p", 8, 0);
  EXPECT_EQ(name(*queue.next(7, WorkerRole::kUrgent, 0)), "a:8");
  EXPECT_FALSE(queue.next(8, WorkerRole::kUrgent, 0)) << "nothing beside what playing begins with";
  queue.wish("a", "720p", 3, 0);
  EXPECT_EQ(name(*queue.next(7, WorkerRole::kUrgent, 0)), "a:3");
  const auto ahead = queue.next(8, WorkerRole::kUrgent, 0);
  ASSERT_TRUE(ahead);
  EXPECT_EQ(name(*ahead), "a:4");
  EXPECT_FALSE(ahead->wished);
  EXPECT_FALSE(queue.next(9, WorkerRole::kUrgent, 0)) << "the rest is for ordinary workers";
  EXPECT_EQ(queue.wish("a", "720p", 4, 0), WishAnswer::kQueued);
  EXPECT_EQ(name(*queue.next(9, WorkerRole::kUrgent, 0)), "a:5") << "a:4 is under way";
  EXPECT_THAT(queue.made(*ahead, 1), ElementsAre(k720));
}

TEST(TaskQueue, NothingIsMadeAheadOfWhatIsLeft) {
  TaskQueue queue(options());
  add_planned(queue, "a", 100);
  queue.wish("a", "720p", 40, 0);
  queue.wish("a", "720p", 60, 0);
  EXPECT_EQ(name(*queue.next(7, WorkerRole::kUrgent, 0)), "a:40");
  EXPECT_EQ(name(*queue.next(8, WorkerRole::kUrgent, 0)), "a:60");
  EXPECT_TRUE(queue.ahead_waits(0));
  queue.left("a", "720p", 40);
  EXPECT_EQ(name(*queue.next(9, WorkerRole::kUrgent, 0)), "a:61");
  EXPECT_FALSE(queue.ahead_waits(0));
  queue.left("b", "720p", 40);
  queue.left("a", "no such rung", 40);
}

TEST(TaskQueue, AWishWaitsUntilItIsGivenOut) {
  TaskQueue queue(options());
  add_planned(queue, "a", 10);
  const auto any = [](std::string_view, std::string_view, std::uint32_t) { return true; };
  EXPECT_FALSE(queue.wish_waits(0, any));
  queue.wish("a", "720p", 3, 0);
  EXPECT_TRUE(queue.wish_waits(0, any));
  EXPECT_FALSE(queue.wish_waits(
      0, [](std::string_view video, std::string_view track, std::uint32_t segment) {
        EXPECT_EQ(video, "a");
        EXPECT_EQ(track, "720p");
        EXPECT_EQ(segment, 3u);
        return false;
      }));
  (void)queue.next(7, WorkerRole::kUrgent, 0);
  EXPECT_FALSE(queue.wish_waits(0, any));
}

TEST(TaskQueue, AnUrgentWorkerOvertakesTheBackground) {
  TaskQueue queue(options());
  add_planned(queue, "a", 10);
  const auto background = queue.next(0, WorkerRole::kOrdinary, 0);
  EXPECT_EQ(name(*background), "a:0");
  queue.wish("a", "360p", 0, 0);
  const auto urgent = queue.next(7, WorkerRole::kUrgent, 0);
  ASSERT_TRUE(urgent);
  EXPECT_THAT(urgent->tracks, ElementsAre(k360));
  EXPECT_FALSE(queue.next(8, WorkerRole::kUrgent, 0)) << "not twice";
  EXPECT_THAT(queue.made(*urgent, 1), ElementsAre(k360));
  queue.committed("a", k360, 0);
  EXPECT_THAT(queue.made(*background, 1), ElementsAre(k720)) << "the first result counts";
}

TEST(TaskQueue, AClipPassesAFilmAndTheFilmStillMoves) {
  TaskQueue queue(options());
  add_planned(queue, "film", 2'700, "o", 0);
  std::uint64_t now_ms = 0;
  for (int i = 0; i < 20; ++i, now_ms += 2'000)
    finish(queue, *queue.next(0, WorkerRole::kOrdinary, now_ms), 2'000);
  add_planned(queue, "clip", 5, "o", 40'000);
  unsigned of_film = 0;
  while (!queue.complete("clip")) {
    const auto task = queue.next(0, WorkerRole::kOrdinary, now_ms);
    of_film += task->video == "film" ? 1 : 0;
    finish(queue, *task, 2'000);
    now_ms += 2'000;
    ASSERT_LT(now_ms, 200'000u);
  }
  EXPECT_LE(of_film, 8u);
  // A row of clips does not stop it either: every fourth turn is the oldest's.
  for (int i = 0; i < 8; ++i) {
    add_planned(queue, "clip" + std::to_string(i), 20, "o", 50'000);
  }
  of_film = 0;
  for (int i = 0; i < 64; ++i, now_ms += 2'000) {
    const auto task = queue.next(0, WorkerRole::kOrdinary, now_ms);
    of_film += task->video == "film" ? 1 : 0;
    finish(queue, *task, 2'000);
  }
  EXPECT_GE(of_film, 12u);
}

TEST(TaskQueue, OwnersShareByService) {
  TaskQueue queue(options());
  for (int i = 0; i < 10; ++i) add_planned(queue, "m" + std::to_string(i), 50, "many");
  add_planned(queue, "single", 500, "one");
  double many = 0;
  double one = 0;
  std::uint64_t now_ms = 0;
  for (int i = 0; i < 200; ++i, now_ms += 2'000) {
    const auto task = queue.next(0, WorkerRole::kOrdinary, now_ms);
    (task->video == "single" ? one : many) += 1;
    finish(queue, *task, 2'000);
  }
  EXPECT_NEAR(one / (one + many), 0.5, 0.1);
}

TEST(TaskQueue, ANewOwnerIsDueAtOnceButOwedNothing) {
  TaskQueue queue(options());
  add_planned(queue, "a", 500, "first");
  std::uint64_t now_ms = 0;
  for (int i = 0; i < 50; ++i, now_ms += 2'000)
    finish(queue, *queue.next(0, WorkerRole::kOrdinary, now_ms), 2'000);
  add_planned(queue, "b", 500, "second");
  unsigned second = 0;
  for (int i = 0; i < 40; ++i, now_ms += 2'000) {
    const auto task = queue.next(0, WorkerRole::kOrdinary, now_ms);
    second += task->video == "b" ? 1 : 0;
    finish(queue, *task, 2'000);
  }
  EXPECT_GT(second, 12u);
  EXPECT_LT(second, 28u);
}

TEST(TaskQueue, PriorityIsALevel) {
  TaskQueue queue(options());
  add_planned(queue, "a", 10, "o", 0);
  add_planned(queue, "b", 100, "p", 1);
  finish(queue, *queue.next(0, WorkerRole::kOrdinary, 0));
  queue.set_priority("b", 1);
  for (int i = 0; i < 100; ++i) {
    const auto task = queue.next(0, WorkerRole::kOrdinary, 0);
    ASSERT_EQ(task->video, "b");
    finish(queue, *task);
  }
  EXPECT_EQ(queue.next(0, WorkerRole::kOrdinary, 0)->video, "a");
}

TEST(TaskQueue, PausedMakesNothingButWishes) {
  TaskQueue queue(options());
  add_planned(queue, "a", 10);
  queue.set_paused("a", true);
  EXPECT_FALSE(queue.next(0, WorkerRole::kOrdinary, 0));
  queue.wish("a", "360p", 4, 0);
  const auto task = queue.next(0, WorkerRole::kOrdinary, 0);
  EXPECT_EQ(name(*task), "a:4");
  finish(queue, *task);
  EXPECT_FALSE(queue.next(0, WorkerRole::kOrdinary, 0));
  queue.set_paused("a", false);
  EXPECT_TRUE(queue.next(0, WorkerRole::kOrdinary, 0));
}

TEST(TaskQueue, WorkersKeepToStretchesAndHelpAtTheEnd) {
  TaskQueue queue(options(2));
  add_planned(queue, "a", 32);
  auto first = queue.next(0, WorkerRole::kOrdinary, 0);
  auto second = queue.next(1, WorkerRole::kOrdinary, 0);
  EXPECT_EQ(first->segment, 0u);
  EXPECT_EQ(second->segment, 8u);
  finish(queue, *first);
  EXPECT_EQ(queue.next(0, WorkerRole::kOrdinary, 0)->segment, 1u)
      << "goes on where its decoder stands";
  finish(queue, *second);
  unsigned made = 0;
  while (auto task = queue.next(1, WorkerRole::kOrdinary, 0)) {
    finish(queue, *task);
    ++made;
  }
  EXPECT_EQ(made, 32u - 3u) << "all but what is done or in the other's hands";
}

TEST(TaskQueue, AHelperBeginsWhereBothAreDoneSoonest) {
  // Two workers of one film; the first is at its begin when the second has made its half.
  const auto helped_at = [](const std::vector<float>& run_up) -> std::optional<std::uint32_t> {
    const auto segments = static_cast<std::uint32_t>(run_up.size());
    std::vector<TrackShape> rows = ladder(segments);
    rows[0].run_up = run_up;
    TaskQueue queue(options(2));
    queue.add({"a", "o", 0, 0, 1});
    queue.set_tracks("a", rows, {});
    const auto first = queue.next(0, WorkerRole::kOrdinary, 0);
    EXPECT_EQ(first->segment, 0u);
    for (std::uint32_t i = segments / 2; i < segments; ++i) {
      const auto task = queue.next(1, WorkerRole::kOrdinary, 0);
      EXPECT_EQ(task->segment, i);
      finish(queue, *task);
    }
    const auto help = queue.next(1, WorkerRole::kOrdinary, 0);
    if (!help) return std::nullopt;
    finish(queue, *help);
    if (const auto next = queue.next(1, WorkerRole::kOrdinary, 0)) {
      EXPECT_EQ(next->segment, help->segment + 1) << "and goes on where its decoder stands";
    }
    return help->segment;
  };
  EXPECT_EQ(helped_at(std::vector<float>(12, 0.F)), 3u) << "of 1 to 5 the other makes two";
  EXPECT_EQ(helped_at({0, 1, 2, 1, 0, 1, 0, 0, 0, 0, 0, 0}), 4u) << "a keyframe";
  EXPECT_EQ(helped_at(std::vector<float>(4, 0.F)), 1u) << "the other has one in hand";
  EXPECT_EQ(helped_at({0, 1, 0, 0}), std::nullopt) << "the way is as long as the work";
}

TEST(TaskQueue, TriesThreeTimesWithPauses) {
  TaskQueue queue(options());
  add_planned(queue, "a", 1);
  std::uint64_t now_ms = 0;
  for (unsigned attempt = 1; attempt <= 3; ++attempt) {
    const auto task = queue.next(0, WorkerRole::kOrdinary, now_ms);
    ASSERT_TRUE(task) << attempt;
    EXPECT_EQ(queue.failed(*task, now_ms), attempt < 3);
    EXPECT_FALSE(queue.next(0, WorkerRole::kOrdinary, now_ms));
    ASSERT_EQ(queue.next_retry_ms(now_ms), now_ms + TaskQueue::back_off_ms(attempt));
    now_ms = *queue.next_retry_ms(now_ms);
  }
}

TEST(TaskQueue, WhatHasFailedIsTriedByOneAtATime) {
  TaskQueue queue(options(2, 1));
  add_planned(queue, "a", 1);
  const auto small = queue.next(0, WorkerRole::kOrdinary, 0);
  EXPECT_THAT(small->tracks, ElementsAre(k360));
  const auto rest = queue.next(1, WorkerRole::kOrdinary, 0);
  EXPECT_THAT(rest->tracks, ElementsAre(k720));
  EXPECT_TRUE(queue.failed(*small, 0));
  EXPECT_FALSE(queue.next(0, WorkerRole::kOrdinary, 1'000)) << "the other still tries";
  queue.released(*rest, false);
  EXPECT_TRUE(queue.next(0, WorkerRole::kOrdinary, 1'000));
  EXPECT_FALSE(queue.next(1, WorkerRole::kOrdinary, 1'000));
}

TEST(TaskQueue, OneBadSegmentDoesNotHoldTheOthers) {
  TaskQueue queue(options());
  add_planned(queue, "a", 3);
  EXPECT_TRUE(queue.failed(*queue.next(0, WorkerRole::kOrdinary, 0), 0));
  EXPECT_EQ(queue.next(0, WorkerRole::kOrdinary, 0)->segment, 1u);
  EXPECT_EQ(queue.next(0, WorkerRole::kOrdinary, 1'000)->segment, 0u);
}

TEST(TaskQueue, AFailedWishStaysInLine) {
  TaskQueue queue(options());
  add_planned(queue, "a", 50);
  queue.wish("a", "360p", 40, 0);
  const auto task = queue.next(0, WorkerRole::kOrdinary, 0);
  EXPECT_TRUE(queue.failed(*task, 0));
  EXPECT_NE(name(*queue.next(0, WorkerRole::kOrdinary, 0)), "a:40");
  const auto again = queue.next(0, WorkerRole::kOrdinary, 1'000);
  EXPECT_EQ(name(*again), "a:40");
  EXPECT_TRUE(again->wished);
  queue.released(*again, true);
  EXPECT_FALSE(queue.wished("a", k360, 40)) << "the viewer left";
}

TEST(TaskQueue, AResultThatCannotBePublishedIsMissingAgain) {
  TaskQueue queue(options());
  add_planned(queue, "a", 1);
  const auto task = queue.next(0, WorkerRole::kOrdinary, 0);
  EXPECT_THAT(queue.made(*task, 1), ElementsAre(k720, k360));
  queue.committed("a", k720, 0);
  QueueTask rest = *task;
  rest.tracks = {k360};
  EXPECT_TRUE(queue.failed(rest, 0));
  EXPECT_THAT(queue.next(0, WorkerRole::kOrdinary, 1'000)->tracks, ElementsAre(k360));
}

TEST(TaskQueue, ReleasedTasksCostNoTry) {
  TaskQueue queue(options());
  add_planned(queue, "a", 1);
  for (int i = 0; i < 10; ++i) {
    const auto task = queue.next(0, WorkerRole::kOrdinary, 0);
    ASSERT_TRUE(task);
    queue.released(*task, false);
  }
}

TEST(TaskQueue, RemovedVideosLeaveNothing) {
  TaskQueue queue(options());
  add_planned(queue, "a", 10, "o", 0, true);
  queue.wish("a", "audio/0", 5, 0);
  const auto task = queue.next(0, WorkerRole::kOrdinary, 0);
  EXPECT_THAT(task->tracks, ElementsAre(kSound));
  queue.remove("a");
  EXPECT_FALSE(queue.contains("a"));
  EXPECT_TRUE(queue.made(*task, 1).empty());
  EXPECT_TRUE(queue.failed(*task, 0));
  queue.released(*task, true);
  EXPECT_FALSE(queue.next(0, WorkerRole::kOrdinary, 0));
}

TEST(TaskQueue, TellsWhoWaits) {
  TaskQueue queue(options());
  add_planned(queue, "b", 10, "o", 2);
  add_planned(queue, "a", 10, "o", 1);
  queue.add({"c", "o", 5, 3, 1});
  EXPECT_THAT(queue.waiting(), ElementsAre("c", "a", "b"));
  (void)queue.next(0, WorkerRole::kOrdinary, 0);
  EXPECT_THAT(queue.waiting(), ElementsAre("a", "b"));
}

TEST(TaskQueue, FollowersIndexWhatStillArrivesAndNothingElse) {
  TaskQueue queue(options());
  queue.add({"a", "o", 0, 0, 1'000, true});
  queue.add({"whole", "o", 0, 1, 1'000});
  EXPECT_FALSE(queue.next(9, WorkerRole::kFollower, 0)) << "no bytes come";
  queue.set_fed("a", true);
  const auto index = queue.next(9, WorkerRole::kFollower, 0);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->video, "a");
  EXPECT_TRUE(index->arriving);
  EXPECT_FALSE(queue.next(8, WorkerRole::kFollower, 0));
  EXPECT_EQ(queue.next(0, WorkerRole::kOrdinary, 0)->video, "whole");
  EXPECT_THAT(queue.waiting(), ElementsAre());

  // Its beginning is listed while the pass still runs.
  queue.set_tracks("a", ladder(1), {}, false);
  const auto segment = queue.next(0, WorkerRole::kOrdinary, 0);
  EXPECT_EQ(name(*segment), "a:0");
  finish(queue, *segment);
  EXPECT_FALSE(queue.complete("a")) << "more will come";
  EXPECT_EQ(queue.wish("a", "360p", 1, 0), WishAnswer::kUnknown);
  queue.extend("a", ladder(3), false);
  EXPECT_EQ(queue.wish("a", "360p", 1, 0), WishAnswer::kQueued);
  queue.released(*index, false);
  queue.set_arrived("a", 1'000);
  EXPECT_FALSE(queue.next(9, WorkerRole::kFollower, 0));
  EXPECT_EQ(name(*queue.next(0, WorkerRole::kOrdinary, 0)), "a:1");
  const auto rest = queue.next(1, WorkerRole::kOrdinary, 0);
  EXPECT_EQ(rest->kind, TaskKind::kIndex);
  queue.extend("a", ladder(4), true);
  (void)queue.made(*rest, 1);
  EXPECT_DOUBLE_EQ(queue.work("a").total, 44);
  EXPECT_DOUBLE_EQ(queue.work("a").done, 11);
}

}  // namespace
}  // namespace sf::transcode
