#include "in_process.hpp"
#include "support/eventually.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/digest.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/metrics.hpp>

#include <sys/resource.h>

#include <filesystem>

namespace sf::tus {
namespace {

using test::RawHttp;

TEST_P(ServiceTest, StoresAnUploadInOddPieces) {
  start();
  const std::string source = noise(3 * 1024 * 1024 + 1234);
  const std::string id = create(source.size());
  std::size_t offset = 0;
  for (const std::size_t piece : {std::size_t{1}, std::size_t{4095}, std::size_t{5000},
                                  std::size_t{1024 * 1024}, source.size()}) {
    const auto body = std::string_view(source).substr(offset, piece);
    const auto answer = patch(id, offset, body);
    offset += body.size();
    ASSERT_EQ(answer.status, 204) << answer.body;
    ASSERT_EQ(answer["Upload-Offset"], std::to_string(offset));
    ASSERT_EQ(head(id)["Upload-Offset"], std::to_string(offset));
  }
  EXPECT_EQ(blob("raw", id), source);
  EXPECT_FALSE(has_blob("temp", id));
  const auto video = server().ask(server().catalogue().video(id));
  ASSERT_TRUE(video);
  EXPECT_EQ(video->status, store::VideoStatus::kQueued);
  EXPECT_EQ(video->source.received_bytes, source.size());
  const auto whole = fetch("GET", "/files/" + id);
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, source);
  EXPECT_EQ(whole["X-Content-Type-Options"], "nosniff");
}

TEST_P(ServiceTest, ResumesAcrossARestart) {
  start();
  const std::string source = noise(2'000'003);
  const std::string id = create(source.size());
  ASSERT_EQ(patch(id, 0, source.substr(0, 777'777)).status, 204);
  restart();
  EXPECT_EQ(head(id)["Upload-Offset"], "777777");
  ASSERT_EQ(patch(id, 777'777, source.substr(777'777)).status, 204);
  EXPECT_EQ(blob("raw", id), source);
}

TEST_P(ServiceTest, C25_ACutPatchKeepsWhatArrived) {
  start();
  const std::string source = noise(3'000'000);
  const std::string id = create(source.size());
  for (const bool reset : {true, false}) {
    const std::uint64_t before = std::stoull(head(id)["Upload-Offset"]);
    RawHttp client(server().port());
    client.send(patch_head(id, before, concat("Content-Length: ", source.size() - before)));
    client.send(source.substr(before, 1'000'001));
    // What a reset throws away is not ours to keep; wait until it has been read.
    EXPECT_TRUE(test::eventually([&] {
      const auto video = server().catalogue().cached_video(id);
      return video && video->source.received_bytes == before + 1'000'001;
    }));
    reset ? client.reset() : client.half_close();
    EXPECT_EQ(head(id)["Upload-Offset"], std::to_string(before + 1'000'001));
  }
  ASSERT_EQ(patch(id, 2'000'002, source.substr(2'000'002)).status, 204);
  EXPECT_EQ(blob("raw", id), source);
}

TEST_P(ServiceTest, C29_HeadTakesOverAHungPatchOnAnyReactor) {
  InProcessOptions options;
  options.reactors = 2;
  start(options);
  const std::string source = noise(1'500'000);
  for (const unsigned reactor : {0u, 1u}) {
    const std::string id = create(source.size());
    RawHttp hung(server().port(0));
    hung.send(patch_head(id, 0, concat("Content-Length: ", source.size())));
    hung.send(source.substr(0, 700'001));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const std::uint64_t begun_ns = mono_ns();
    const auto state = head(id, reactor);
    const double took_ms = static_cast<double>(mono_ns() - begun_ns) / 1e6;
    EXPECT_EQ(state.status, 200);
    EXPECT_EQ(state["Upload-Offset"], "700001");
    EXPECT_LT(took_ms, 250);
    RecordProperty("takeover_ms", std::to_string(took_ms));
    EXPECT_EQ(hung.read_response().status, 423);
    // The old one's later bytes change nothing.
    hung.send(std::string(1000, 'x'));
    ASSERT_EQ(patch(id, 700'001, source.substr(700'001), {}, reactor).status, 204);
    EXPECT_EQ(blob("raw", id), source);
  }
}

TEST_P(ServiceTest, C29_WhatACutTransferLeftEndsNobody) {
  start();
  const std::string source = noise(900'000);
  const std::string id = create(source.size());
  RawHttp live(server().port());
  live.send(patch_head(id, 0, concat("Content-Length: ", source.size())));
  live.send(source.substr(0, 300'000));
  ASSERT_TRUE(test::eventually([&] {
    const auto video = server().catalogue().cached_video(id);
    return video && video->source.received_bytes > 0;
  }));
  for (int round = 0; round < 20; ++round) {
    RawHttp cut(server().port());
    cut.send_last(concat(patch_head(id, 0, concat("Content-Length: ", source.size())), "xxx"));
    EXPECT_EQ(cut.read_response().status, 423);
  }
  live.send(source.substr(300'000));
  EXPECT_EQ(live.read_response().status, 204);
  EXPECT_EQ(blob("raw", id), source);
}

TEST_P(ServiceTest, T4_DeleteEndsARunningPatch) {
  start();
  const std::string id = create(1000);
  RawHttp hung(server().port());
  hung.send(patch_head(id, 0, "Content-Length: 1000"));
  hung.send("abc");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(fetch("DELETE", "/files/" + id).status, 204);
  EXPECT_EQ(hung.read_response().status, 423);
  EXPECT_EQ(head(id).status, 404);
  EXPECT_FALSE(has_blob("temp", id));
  EXPECT_EQ(server().removed(), std::vector<std::string>{id});
}

TEST_P(ServiceTest, X4_StoppingKeepsTheBytesAndSays503) {
  start();
  const std::string source = noise(900'000);
  const std::string id = create(source.size());
  RawHttp client(server().port());
  client.send(patch_head(id, 0, concat("Content-Length: ", source.size())));
  client.send(source.substr(0, 333'333));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server().stop();
  EXPECT_EQ(client.read_response().status, 503);
  restart();
  EXPECT_EQ(head(id)["Upload-Offset"], "333333");
  ASSERT_EQ(patch(id, 333'333, source.substr(333'333)).status, 204);
  EXPECT_EQ(blob("raw", id), source);
}

TEST_P(ServiceTest, C26_AStalledBodyEndsAndKeepsItsBytes) {
  InProcessOptions options;
  options.service.stall_timeout_ms = 200;
  start(options);
  const std::string id = create(1000);
  RawHttp client(server().port());
  client.send(patch_head(id, 0, "Content-Length: 1000"));
  client.send("hello");
  EXPECT_EQ(client.read_response().status, 503);
  EXPECT_TRUE(client.closed_within(3000));
  EXPECT_EQ(head(id)["Upload-Offset"], "5");
}

TEST_P(ServiceTest, C26_ATrickleIsAStallToo) {
  InProcessOptions options;
  options.service.stall_timeout_ms = 500;
  start(options);
  const std::string id = create(1000);
  RawHttp client(server().port());
  client.send(patch_head(id, 0, "Content-Length: 1000"));
  std::uint64_t sent = 0;
  while (sent < 900 && !client.has_bytes_within(20)) sent += client.send("x") ? 1 : 0;
  EXPECT_LT(sent, 900u) << "a byte now and then kept it open";
  EXPECT_EQ(client.read_response().status, 503);
  const std::uint64_t kept = std::stoull(head(id)["Upload-Offset"]);
  EXPECT_GE(kept, 1u);
  EXPECT_LE(kept, sent);
}

TEST_P(ServiceTest, WhatFillsABufferIsMadeDurableThoughNothingFollows) {
  start();
  const std::string source = noise(limits::kStagingBufferBytes);
  const std::string id = create(2 * source.size());
  RawHttp client(server().port());
  client.send(patch_head(id, 0, concat("Content-Length: ", 2 * source.size())));
  client.send(source);
  EXPECT_TRUE(test::eventually(
      [&] { return server().ask(server().catalogue().upload(id))->offset == source.size(); }));
}

TEST_P(ServiceTest, ASlowBodyIsMadeDurableWhileItRuns) {
  start();
  const std::string id = create(1000);
  RawHttp client(server().port());
  client.send(patch_head(id, 0, "Content-Length: 1000"));
  client.send("hello");
  EXPECT_TRUE(
      test::eventually([&] { return server().ask(server().catalogue().upload(id))->offset == 5; }));
  client.send(std::string(995, 'x'));
  EXPECT_EQ(client.read_response().status, 204);
  EXPECT_EQ(blob("raw", id), "hello" + std::string(995, 'x'));
}

TEST_P(ServiceTest, C28_TwoPatchesAtOneOffsetNeverInterleave) {
  InProcessOptions options;
  options.reactors = 2;
  start(options);
  for (int round = 0; round < 20; ++round) {
    const std::size_t bytes = 300'000;
    const std::string id = create(bytes);
    const auto send = [&](char fill, unsigned reactor) {
      RawHttp client(server().port(reactor));
      client.send(patch_head(id, 0, concat("Content-Length: ", bytes)));
      client.send(std::string(bytes, fill));
      try {
        return client.read_response().status;
      } catch (const std::exception&) {
        return 0;
      }
    };
    auto a = std::async(std::launch::async, send, 'a', 0u);
    auto b = std::async(std::launch::async, send, 'b', 1u);
    const int statuses[] = {a.get(), b.get()};
    const auto state = head(id);
    const std::uint64_t offset = std::stoull(state["Upload-Offset"]);
    if (statuses[0] == 204 || statuses[1] == 204) {
      EXPECT_EQ(offset, bytes);
      EXPECT_NE(statuses[0], statuses[1]);
    }
    const std::string stored = blob(offset == bytes ? "raw" : "temp", id).substr(0, offset);
    EXPECT_EQ(stored, std::string(offset, stored.empty() ? 'a' : stored.front()));
  }
}

TEST_P(ServiceTest, C21_AChunkedOverrunDropsTheWholeBody) {
  start();
  const std::string id = create(10);
  ASSERT_EQ(patch(id, 0, "123").status, 204);
  RawHttp client(server().port());
  client.send(patch_head(id, 3, "Transfer-Encoding: chunked"));
  client.send("8\r\nabcdefgh\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 413);
  EXPECT_EQ(head(id)["Upload-Offset"], "3");
  ASSERT_EQ(patch(id, 3, "4567890").status, 204);
  EXPECT_EQ(blob("raw", id), "1234567890");
}

TEST_P(ServiceTest, C24_AChunkedBodyIsStored) {
  start();
  const std::string source = noise(1'234'567);
  const std::string id = create(source.size());
  RawHttp client(server().port());
  client.send(patch_head(id, 0, "Transfer-Encoding: chunked"));
  for (std::size_t at = 0; at < source.size(); at += 100'000) {
    const auto piece = std::string_view(source).substr(at, 100'000);
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    client.send(size);
    client.send(piece);
    client.send("\r\n");
  }
  client.send("0\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 204);
  EXPECT_EQ(blob("raw", id), source);
}

TEST_P(ServiceTest, K2_AWrongDigestDropsTheBody) {
  start();
  const std::string id = create(11);
  EXPECT_EQ(patch(id, 0, "hello worlD", {{"Upload-Checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="}})
                .status,
            460);
  EXPECT_EQ(head(id)["Upload-Offset"], "0");
  EXPECT_EQ(patch(id, 0, "hello world", {{"Upload-Checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="}})
                .status,
            204);
  EXPECT_EQ(blob("raw", id), "hello world");
}

TEST_P(ServiceTest, K5_ACutBodyWithADigestIsNotAcknowledged) {
  start();
  const std::string id = create(11);
  RawHttp client(server().port());
  client.send(patch_head(id, 0,
                         "Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=\r\n"
                         "Content-Length: 11"));
  client.send("hello");
  client.half_close();
  EXPECT_EQ(client.read_response().status, 503);
  EXPECT_EQ(head(id)["Upload-Offset"], "0");
}

TEST_P(ServiceTest, K6K7_ATrailerIsCheckedAndMissed) {
  start();
  const std::string id = create(11);
  const auto send = [&](const std::string& trailer) {
    RawHttp client(server().port());
    client.send(patch_head(id, 0, "Trailer: Upload-Checksum\r\nTransfer-Encoding: chunked"));
    client.send("b\r\nhello world\r\n0\r\n" + trailer + "\r\n");
    return client.read_response().status;
  };
  EXPECT_EQ(send(""), 400);
  EXPECT_EQ(send("Upload-Checksum: sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"), 460);
  EXPECT_EQ(head(id)["Upload-Offset"], "0");
  EXPECT_EQ(send("Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=\r\n"), 204);
  EXPECT_EQ(blob("raw", id), "hello world");
}

TEST_P(ServiceTest, N16_ADeferredLengthIsDeclaredAtTheEnd) {
  start();
  const auto made = fetch("POST", "/files", {{"Upload-Defer-Length", "1"}});
  ASSERT_EQ(made.status, 201);
  const std::string id = made["Location"].substr(7);
  EXPECT_EQ(head(id)["Upload-Defer-Length"], "1");
  ASSERT_EQ(patch(id, 0, "hello").status, 204);
  ASSERT_EQ(patch(id, 5, "", {{"Upload-Length", "5"}}).status, 204);
  EXPECT_EQ(head(id)["Upload-Length"], "5");
  EXPECT_EQ(head(id)["Upload-Defer-Length"], "");
  EXPECT_EQ(blob("raw", id), "hello");
}

TEST_P(ServiceTest, E3_ExpiredUploadsAreGoneAndTheirSpaceFreed) {
  InProcessOptions options;
  options.service.expire_after_ms = 400;
  start(options);
  const std::string id = create(1'000'000);
  const std::string finished = create(3);
  ASSERT_EQ(patch(finished, 0, "abc").status, 204);
  std::this_thread::sleep_for(std::chrono::milliseconds(420));
  const int status = head(id).status;
  EXPECT_TRUE(status == 410 || status == 404) << status;
  EXPECT_TRUE(test::eventually([&] { return !has_blob("temp", id); }));
  EXPECT_EQ(head(finished).status, 200);
}

TEST_P(ServiceTest, ManyUploadsShareFewBuffers) {
  InProcessOptions options;
  options.staging_bytes = 2 * limits::kMiB;
  start(options);
  const std::string source = noise(2'500'000);
  std::vector<std::string> ids;
  std::vector<std::future<int>> clients;
  for (int n = 0; n < 12; ++n) ids.push_back(create(source.size()));
  for (const auto& id : ids) {
    clients.push_back(
        std::async(std::launch::async, [&, id] { return patch(id, 0, source).status; }));
  }
  for (auto& client : clients) EXPECT_EQ(client.get(), 204);
  for (const auto& id : ids) EXPECT_EQ(blob("raw", id), source);
}

class SpliceTest : public ServiceTest {
 protected:
  static std::uint64_t spliced() {
    return metrics::counter("streamforge_upload_spliced_bytes_total",
                            "Those of them that went by way of a pipe.")
        .value();
  }
  /// Waits until an upload is durable up to there.
  bool arrived(const std::string& id, std::uint64_t offset) {
    return test::eventually([&] {
      const auto video = server().catalogue().cached_video(id);
      return video && video->source.received_bytes == offset;
    });
  }
};

TEST_P(SpliceTest, BytesOfAPlainBodyEnterNoBuffer) {
  start();
  const std::string source = noise(3'500'000);
  const std::string id = create(source.size());
  RawHttp client(server().port());
  client.send(patch_head(id, 0, concat("Content-Length: ", source.size())));
  client.send(source.substr(0, 5));
  ASSERT_TRUE(arrived(id, 5));
  const std::uint64_t before = spliced();
  client.send(source.substr(5));
  EXPECT_EQ(client.read_response().status, 204);
  EXPECT_EQ(blob("raw", id), source);
  const std::uint64_t first = 16 * limits::kKiB;  // At most, of what comes after a pause.
  EXPECT_GE(spliced() - before, source.size() - 5 - first);
}

// Small packets fill a pipe long before their bytes do. Sent in turns on two connections, for the
// kernel joins neighbours in its memory.
TEST_P(SpliceTest, APipeFullOfPiecesIsWritten) {
  start();
  constexpr std::size_t kPiece = 60;
  const std::string source = noise(2'000 * kPiece);
  std::vector<std::string> ids;
  std::vector<RawHttp> clients;
  for (int n = 0; n < 2; ++n) {
    ids.push_back(create(source.size()));
    clients.emplace_back(server().port());
    clients.back().send(patch_head(ids.back(), 0, concat("Content-Length: ", source.size())));
  }
  for (std::size_t at = 0; at < source.size(); at += kPiece) {
    for (RawHttp& client : clients) client.send(source.substr(at, kPiece));
  }
  for (std::size_t n = 0; n < 2; ++n) {
    EXPECT_EQ(clients[n].read_response().status, 204);
    EXPECT_EQ(blob("raw", ids[n]), source);
  }
}

TEST_P(SpliceTest, BytesThatMustBeLookedAtAreCopied) {
  start();
  const std::string source = noise(1'500'000);
  const std::uint64_t before = spliced();
  std::string id = create(source.size());
  Digest digest(DigestAlgorithm::kCrc32);
  digest.update(as_bytes(source));
  Fields checked{{"Upload-Checksum", concat("crc32 ", to_base64(digest.finish()))}};
  ASSERT_EQ(patch(id, 0, source, checked).status, 204);
  EXPECT_EQ(blob("raw", id), source);
  id = create(source.size());
  RawHttp client(server().port());
  client.send(patch_head(id, 0, "Transfer-Encoding: chunked"));
  client.send(concat("16e360\r\n", source, "\r\n0\r\n\r\n"));
  EXPECT_EQ(client.read_response().status, 204);
  EXPECT_EQ(blob("raw", id), source);
  EXPECT_EQ(spliced(), before);
}

/// Pipes that this process has open.
std::size_t open_pipes() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    count += std::filesystem::read_symlink(entry, gone).string().starts_with("pipe:") ? 1 : 0;
  }
  return count;
}

/// No descriptor is to be had while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const ::rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  ::rlimit before_{};
};

TEST_P(SpliceTest, WithoutAPipeBytesAreCopied) {
  start();
  const std::string source = noise(1'500'000);
  const std::string id = create(source.size());
  const std::size_t pipes = open_pipes();
  RawHttp client(server().port());
  client.send(patch_head(id, 0, concat("Content-Length: ", source.size())));
  client.send(source.substr(0, 5));
  ASSERT_TRUE(arrived(id, 5));
  // The one that waited for more is given back in a pause.
  EXPECT_TRUE(test::eventually([&] { return open_pipes() <= pipes; }));
  const std::uint64_t before = spliced();
  {
    const NoDescriptors none;
    client.send(source.substr(5, 1'000'000));
    EXPECT_TRUE(arrived(id, 1'000'005));
  }
  client.send(source.substr(1'000'005));
  EXPECT_EQ(client.read_response().status, 204);
  EXPECT_EQ(blob("raw", id), source);
  EXPECT_EQ(spliced(), before);
}

class ConcatenationTest : public ServiceTest {
 protected:
  std::string partial(std::string_view body) {
    const std::string id = create(body.size(), {{"Upload-Concat", "partial"}});
    EXPECT_EQ(patch(id, 0, body).status, 204);
    return id;
  }
  test::HttpResponse join(const std::string& urls) {
    return fetch("POST", "/files",
                 {{"Upload-Concat", "final;" + urls}, {"Upload-Metadata", "filename YS5tcDQ="}});
  }
  /// The final's bytes, once they are one file.
  std::string joined(const std::string& id) {
    EXPECT_TRUE(test::eventually([&] { return has_blob("raw", id); }));
    return blob("raw", id);
  }
};

TEST_P(ConcatenationTest, A2A5A6_PartsBecomeOneVideoInTheOrderOfTheList) {
  start();
  const std::string first = noise(1'000'003, 1);
  const std::string second = noise(70'001, 2);
  const std::string a = partial(first);
  const std::string b = partial(second);
  EXPECT_FALSE(server().ask(server().catalogue().video(a))) << "A14: a part is no video";
  const std::string urls = "/files/" + b + " http://x/files/" + a + " /files/" + b;
  const auto answer = join(urls);
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(answer["Upload-Concat"], "final;" + urls);
  const std::string id = answer["Location"].substr(7);
  const auto state = head(id);
  EXPECT_EQ(state["Upload-Offset"], std::to_string(first.size() + 2 * second.size()));
  EXPECT_EQ(state["Upload-Length"], state["Upload-Offset"]);
  EXPECT_EQ(state["Upload-Concat"], "final;" + urls);
  EXPECT_EQ(patch(id, 0, "x").status, 403) << "A9";
  // The parts may go at once.
  EXPECT_EQ(fetch("DELETE", "/files/" + a).status, 204);
  EXPECT_EQ(joined(id), second + first + second);
  auto video = server().ask(server().catalogue().video(id));
  EXPECT_TRUE(test::eventually([&] {
    video = server().ask(server().catalogue().video(id));
    return video->status == store::VideoStatus::kQueued;
  }));
  EXPECT_EQ(video->title, "a");
  EXPECT_FALSE(has_blob("temp", id + ".0"));
  EXPECT_TRUE(has_blob("temp", b)) << "the other part is untouched";
}

TEST_P(ConcatenationTest, A12_OnlyPartsOfOnesOwnAreJoined) {
  start();
  const std::string whole = partial("abc");
  const std::string plain = create(3);
  ASSERT_EQ(patch(plain, 0, "abc").status, 204);
  EXPECT_EQ(join("/files/" + plain).status, 400);
  EXPECT_EQ(join("/files/" + make_id()).status, 404);
  EXPECT_EQ(join("/files/../../etc/passwd").status, 404);
  EXPECT_EQ(head(whole)["Upload-Concat"], "partial");
}

TEST_P(ConcatenationTest, PartsAndUnfinishedFinalsSurviveARestart) {
  start();
  const std::string a = partial("hello ");
  const std::string b = partial("world");
  restart();
  EXPECT_EQ(head(a)["Upload-Offset"], "6");
  const auto answer = join("/files/" + a + " /files/" + b);
  ASSERT_EQ(answer.status, 201) << answer.body;
  restart();
  EXPECT_EQ(joined(answer["Location"].substr(7)), "hello world");
}

class AccessTest : public ServiceTest {
 protected:
  void start_closed(ServiceOptions service = {}) {
    InProcessOptions options;
    options.open_access = false;
    options.service = std::move(service);
    start(options);
    ann_ = token_of("ann", store::Role::kEditor);
    bob_ = token_of("bob", store::Role::kEditor);
    eve_ = token_of("eve", store::Role::kViewer);
  }
  static Fields by(const std::string& token, Fields fields = {}) {
    fields.emplace_back("Authorization", "Bearer " + token);
    return fields;
  }
  std::string token_of(const std::string& name, store::Role role) {
    auto& accounts = server().accounts();
    const auto user = server().ask(accounts.create_user(name, "a long password", role));
    EXPECT_TRUE(user);
    users_[name] = user->id;
    return server().ask(accounts.create_token(name, "test", 0))->secret;
  }
  std::map<std::string, std::string> users_;
  std::string ann_;
  std::string bob_;
  std::string eve_;
};

TEST_P(AccessTest, OnlyItsOwnerMayKnowAndContinueAnUpload) {
  start_closed();
  EXPECT_EQ(fetch("POST", "/files", {{"Upload-Length", "5"}}).status, 401);
  EXPECT_EQ(fetch("POST", "/files", by("wrong", {{"Upload-Length", "5"}})).status, 401);
  EXPECT_EQ(fetch("POST", "/files", by(eve_, {{"Upload-Length", "5"}})).status, 403);
  EXPECT_EQ(fetch("OPTIONS", "/files").status, 204) << "needs no login";
  const std::string id = create(5, by(ann_));
  const std::string path = "/files/" + id;
  EXPECT_EQ(server().ask(server().catalogue().video(id))->owner, users_["ann"]);
  EXPECT_EQ(fetch("HEAD", path).status, 401);
  EXPECT_EQ(fetch("HEAD", path, by(bob_)).status, 404);
  EXPECT_EQ(fetch("DELETE", path, by(bob_)).status, 404);
  EXPECT_EQ(patch(id, 0, "hello", by(bob_)).status, 404);
  EXPECT_EQ(fetch("HEAD", path, by(ann_))["Upload-Offset"], "0");
  EXPECT_EQ(patch(id, 0, "hello", by(ann_)).status, 204);
  EXPECT_EQ(fetch("GET", path, by(bob_)).status, 404);
  EXPECT_EQ(fetch("GET", path, by(ann_)).body, "hello");
}

TEST_P(AccessTest, AnAccountsUploadsAreLimitedAtOnceAndInAMinute) {
  ServiceOptions limits;
  limits.account_bodies_max = 1;
  limits.account_creations_per_minute_max = 2;
  start_closed(limits);
  const std::string first = create(5, by(ann_));
  const std::string second = create(5, by(ann_));
  const auto third = fetch("POST", "/files", by(ann_, {{"Upload-Length", "5"}}));
  EXPECT_EQ(third.status, 429);
  EXPECT_GT(std::stoi(third["Retry-After"]), 0);
  EXPECT_NE(third.body.find("too_many_creations"), std::string::npos) << third.body;
  EXPECT_NE(third.body.find("\"hint\""), std::string::npos) << third.body;
  EXPECT_EQ(create(5, by(bob_)).empty(), false) << "another account";

  RawHttp client(server().port());
  client.send(patch_head(first, 0, "Authorization: Bearer " + ann_ + "\r\nContent-Length: 5"));
  client.send("he");
  EXPECT_FALSE(client.has_bytes_within(100));
  EXPECT_EQ(patch(second, 0, "hello", by(ann_)).status, 429);
  client.send("llo");
  EXPECT_EQ(client.read_response().status, 204);
  EXPECT_EQ(patch(second, 0, "hello", by(ann_)).status, 204);
}

TEST_P(AccessTest, WhatAnAccountHoldsIsLimited) {
  ServiceOptions limits;
  limits.account_bytes_max = 10;
  limits.account_unfinished_max = 2;
  start_closed(limits);
  const auto post = [&](const std::string& length) {
    return fetch("POST", "/files", by(ann_, {{"Upload-Length", length}}));
  };
  const std::string first = create(6, by(ann_));
  const auto full = post("5");
  EXPECT_EQ(full.status, 413);
  EXPECT_NE(full.body.find("account_full"), std::string::npos) << full.body;
  EXPECT_NE(full.body.find("\"hint\""), std::string::npos) << full.body;
  EXPECT_EQ(create(10, by(bob_)).empty(), false) << "another account";
  const std::string second = create(4, by(ann_));
  EXPECT_EQ(post("0").status, 429) << "two are unfinished";
  ASSERT_EQ(patch(second, 0, "abcd", by(ann_)).status, 204);
  EXPECT_EQ(post("1").status, 413) << "what is finished counts too";
  EXPECT_EQ(fetch("DELETE", "/files/" + first, by(ann_)).status, 204);
  EXPECT_EQ(post("7").status, 413);
  const std::string again = create(6, by(ann_));
  EXPECT_EQ(post("1").status, 413);
  restart();
  EXPECT_EQ(post("1").status, 413) << "a restart counts anew";
}

TEST_P(AccessTest, AStrangersRequestEndsNobodysTransfer) {
  start_closed();
  const std::string id = create(5, by(ann_));
  RawHttp client(server().port());
  client.send(patch_head(id, 0, "Authorization: Bearer " + ann_ + "\r\nContent-Length: 5"));
  client.send("he");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(fetch("HEAD", "/files/" + id, by(bob_)).status, 404);
  client.send("llo");
  EXPECT_EQ(client.read_response().status, 204);
}

TEST_P(AccessTest, ACookieAloneChangesNothing) {
  start_closed();
  const auto session = server().ask(server().accounts().start_session(users_["ann"]));
  ASSERT_TRUE(session);
  const Fields cookie = {{"Cookie", "sf_session=" + session->secret}, {"Upload-Length", "5"}};
  EXPECT_EQ(fetch("POST", "/files", cookie).status, 403);
  Fields from_our_page = cookie;
  from_our_page.emplace_back("X-Requested-With", "StreamForge");
  EXPECT_EQ(fetch("POST", "/files", from_our_page).status, 201);
}

TEST_P(AccessTest, A12_AnothersPartIsUnknown) {
  start_closed();
  const std::string id = create(3, by(ann_, {{"Upload-Concat", "partial"}}));
  ASSERT_EQ(patch(id, 0, "abc", by(ann_)).status, 204);
  const Fields final_of = {{"Upload-Concat", "final;/files/" + id}};
  EXPECT_EQ(fetch("POST", "/files", by(bob_, final_of)).status, 404);
  EXPECT_EQ(fetch("POST", "/files", by(ann_, final_of)).status, 201);
}

TEST_P(AccessTest, R30_TheRightToUploadIsAskedForAgainAtTheEnd) {
  start_closed();
  const std::string ietf = "Upload-Complete: ?1\r\nContent-Type: application/partial-upload";
  for (const std::string& dialect : {std::string("Tus-Resumable: 1.0.0"), ietf}) {
    const std::string name = "passing-" + std::to_string(dialect.size());
    const std::string token = token_of(name, store::Role::kEditor);
    Fields fields = by(token);
    if (dialect == ietf) fields.emplace_back("Upload-Complete", "?0");
    const std::string id = create(5, fields);
    RawHttp client(server().port());
    client.send(concat("PATCH /files/", id, " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ", token,
                       "\r\nUpload-Offset: 0\r\nContent-Length: 5\r\n", dialect,
                       dialect == ietf ? "" : "\r\nContent-Type: application/offset+octet-stream",
                       "\r\nExpect: 100-continue\r\n\r\n"));
    ASSERT_EQ(client.read_response().status, 100);
    ASSERT_TRUE(server().ask(server().accounts().remove_user(name)));
    client.send("hello");
    EXPECT_EQ(client.read_response().status, 401) << dialect;
    const auto upload = server().ask(server().catalogue().upload(id));
    ASSERT_TRUE(upload);
    EXPECT_EQ(upload->offset, 5u) << "its bytes are kept";
    EXPECT_FALSE(upload->complete);
  }
}

SF_ON_EACH_BACKEND(AccessTest);
SF_ON_EACH_BACKEND(ConcatenationTest);
SF_ON_EACH_WAY(ServiceTest);
SF_SPLICED(SpliceTest);

}  // namespace
}  // namespace sf::tus
