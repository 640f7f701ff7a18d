#include <streamforge/base/clock.hpp>
#include <streamforge/base/json.hpp>
#include <streamforge/http/client.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "live_server.hpp"
#include "support/raw_http.hpp"

namespace sf::http::test {
namespace {

using sf::test::HttpResponse;
using sf::test::RawHttp;

class Driver : public testing::TestWithParam<io::BackendKind> {
 protected:
  static ServerOptions with(void (*change)(ServerOptions&)) {
    auto options = LiveServer::quiet();
    change(options);
    return options;
  }
};

std::string get(std::string_view target, std::string_view fields = {}) {
  return concat("GET ", target, " HTTP/1.1\r\nHost: a\r\n", fields, "\r\n");
}
std::string post(std::string_view target, std::string_view body, std::string_view fields = {}) {
  return concat("POST ", target, " HTTP/1.1\r\nHost: a\r\n", fields,
                "Content-Length: ", body.size(), "\r\n\r\n", body);
}
std::string code_of(const HttpResponse& response) {
  EXPECT_EQ(response["content-type"], "application/problem+json");
  const auto document = json::parse(response.body);
  if (!document) return "not JSON";
  EXPECT_EQ(document->int_at("status"), response.status);
  EXPECT_FALSE(document->string_at("request_id").empty());
  return document->string_at("code");
}

TEST_P(Driver, H12_AThousandRequestsOverOneConnection) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  for (int i = 0; i < 1000; ++i) {
    const auto response = client.exchange(get("/hello"));
    ASSERT_EQ(response.status, 200);
    ASSERT_EQ(response.body, "hello");
    ASSERT_FALSE(response.find("connection"));
  }
  EXPECT_EQ(live.world().handled, 1000u);
  EXPECT_EQ(live.connections(), 1u);
}

TEST_P(Driver, H12_ConnectionsEndWhenTheyShould) {
  LiveServer live(GetParam());
  RawHttp old(live.port());
  const auto first = old.exchange("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(first.version, "HTTP/1.1");
  EXPECT_EQ(first["connection"], "close");
  EXPECT_TRUE(old.closed_within(2000));

  RawHttp kept(live.port());
  for (int i = 0; i < 3; ++i) {
    const auto response = kept.exchange("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(response["connection"], "keep-alive");
  }
  RawHttp closing(live.port());
  EXPECT_EQ(closing.exchange(get("/hello", "Connection: close\r\n"))["connection"], "close");
  EXPECT_TRUE(closing.closed_within(2000));
}

TEST_P(Driver, H12_AHalfClosedClientGetsItsAnswers) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  client.send(get("/slow") + get("/hello") + post("/echo", "abc"));
  client.half_close();
  EXPECT_EQ(client.read_response().body, "slow");
  EXPECT_EQ(client.read_response().body, "hello");
  EXPECT_EQ(client.read_response().body, "abc");
  EXPECT_TRUE(client.closed_within(2000));
  EXPECT_TRUE(live.settles_at(0));
}

TEST_P(Driver, H13_PipelinedRequestsAreAnsweredInOrder) {
  LiveServer live(GetParam());
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += get(concat("/path/", i));
  RawHttp at_once(live.port());
  at_once.send(requests);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(at_once.read_response().body, concat(i));
  RawHttp by_byte(live.port());
  for (const char c : requests) by_byte.send({&c, 1});
  for (int i = 0; i < 50; ++i) EXPECT_EQ(by_byte.read_response().body, concat(i));
}

TEST_P(Driver, H13_ManyPipelinedRequestsOfAllKinds) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  const std::string round = get("/hello") + post("/echo", "sized") +
                            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n" +
                            "HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n" + post("/ignore", "unread");
  for (int i = 0; i < 200; ++i) client.send(round);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(client.read_response().body, "hello");
    ASSERT_EQ(client.read_response().body, "sized");
    ASSERT_EQ(client.read_response().body, "abcdefg");
    ASSERT_EQ(client.read_response(true)["content-length"], concat(kLargeBytes));
    ASSERT_EQ(client.read_response().body, "ignored");
  }
}

TEST_P(Driver, H11_HeadSendsNoBodyAndTheNextAnswerParses) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  for (const auto* target : {"/hello", "/large", "/file", "/pieces", "/none"}) {
    const auto whole = client.exchange(get(target));
    const auto head = client.exchange(concat("HEAD ", target, " HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_EQ(head.status, whole.status) << target;
    EXPECT_EQ(head["content-length"], whole["content-length"]) << target;
    EXPECT_EQ(head["transfer-encoding"], whole["transfer-encoding"]) << target;
    EXPECT_EQ(head["content-type"], whole["content-type"]) << target;
    EXPECT_EQ(client.exchange(get("/hello")).body, "hello") << target;
  }
}

TEST_P(Driver, H14_ContinueIsSentWhenTheBodyIsRead) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 100);
  client.send("abc");
  EXPECT_EQ(client.read_response().body, "abc");
  // Who does not wait is not told to go on.
  EXPECT_EQ(client.exchange(post("/echo", "def", "Expect: 100-continue\r\n")).body, "def");
}

TEST_P(Driver, H14_AFinalAnswerComesWithoutReadingTheBody) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  client.send(
      "POST /refuse HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  const auto response = client.read_response();
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response["connection"], "close");
  EXPECT_TRUE(client.closed_within(3000));

  RawHttp unknown(live.port());
  const auto failed = unknown.exchange(post("/echo", "abc", "Expect: 200-ok\r\n"));
  EXPECT_EQ(failed.status, 417);
  EXPECT_EQ(code_of(failed), "expectation_failed");
}

TEST_P(Driver, H15_OptionsAndMethods) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  EXPECT_EQ(client.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").status, 204);
  const auto options = client.exchange("OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(options["allow"], "POST, OPTIONS");
  EXPECT_FALSE(options.find("content-length"));
  const auto not_allowed = client.exchange("DELETE /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(not_allowed.status, 405);
  EXPECT_EQ(not_allowed["allow"], "POST, OPTIONS");
  EXPECT_EQ(client.exchange("BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n").status, 501);
}

TEST_P(Driver, H16_NothingBehindARefusedRequestIsExecuted) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto response = client.read_response();
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(code_of(response), "bad_framing");
  EXPECT_EQ(response["connection"], "close");
  client.half_close();
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(live.world().handled, 0u);
}

TEST_P(Driver, H17_ChunkedBodiesBothWays) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  const auto echoed = client.exchange(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n0\r\nUpload-Checksum: x\r\nHost: evil\r\n\r\n");
  EXPECT_EQ(echoed.body, "hello");
  EXPECT_EQ(echoed["trailer-upload-checksum"], "x");
  EXPECT_FALSE(echoed.find("trailer-host"));
  const auto pieces = client.exchange(get("/pieces"));
  EXPECT_EQ(pieces["transfer-encoding"], "chunked");
  EXPECT_FALSE(pieces.find("content-length"));
  EXPECT_TRUE(pieces.body.starts_with("piece 0\n"));
  EXPECT_TRUE(pieces.body.ends_with("piece 99\n"));
  RawHttp old(live.port());
  const auto until_close = old.exchange("GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(until_close.ended_by_close);
  EXPECT_EQ(until_close["connection"], "close");
  EXPECT_EQ(until_close.body, pieces.body);

  const auto broken = client.exchange(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n");
  EXPECT_EQ(broken.status, 400);
  EXPECT_EQ(broken["connection"], "close");
}

TEST_P(Driver, H17_ALargeChunkedBodyIsDecoded) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  const std::string_view all = live.world().large;
  client.send("POST /verify HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  char size[16];
  for (std::size_t at = 0, step = 1; at < all.size(); at += step, step = step * 3 + 1) {
    const auto piece = all.substr(at, std::min(step, all.size() - at));
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    client.send(size);
    client.send(piece);
    client.send("\r\n");
  }
  client.send("0\r\n\r\n");
  EXPECT_EQ(client.read_response().body, concat(all.size()));
  EXPECT_EQ(client.exchange(get("/hello")).body, "hello");
}

TEST_P(Driver, SizedBodiesAreReadExactlyToTheirEnd) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{16'384}, std::size_t{20'000},
                                  std::size_t{1'000'001}, kLargeBytes}) {
    const auto body = std::string_view(live.world().large).substr(0, bytes);
    // The next request follows at once, in the same packets.
    client.send(post("/verify", body) + get("/hello") + post("/verify", body));
    ASSERT_EQ(client.read_response().body, concat(bytes));
    ASSERT_EQ(client.read_response().body, "hello");
    ASSERT_EQ(client.read_response().body, concat(bytes));
  }
}

TEST_P(Driver, ABodyThatNobodyReadIsDrainedOrEndsTheConnection) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  for (const std::size_t bytes : {std::size_t{10}, std::size_t{20'000}, std::size_t{65'536}}) {
    const auto response = client.exchange(post("/ignore", std::string(bytes, 'x')));
    EXPECT_EQ(response.body, "ignored");
    EXPECT_FALSE(response.find("connection"));
  }
  EXPECT_EQ(client.exchange(get("/hello")).body, "hello");
  // Too long to be read for nothing: the answer arrives all the same, not a reset.
  const auto last = client.exchange(post("/ignore", std::string(2'000'000, 'x')));
  EXPECT_EQ(last.body, "ignored");
  EXPECT_EQ(last["connection"], "close");
  EXPECT_TRUE(client.closed_within(5000));
  client.close();
  EXPECT_TRUE(live.settles_at(0));
}

TEST_P(Driver, H21_LimitsHaveTheirStatus) {
  LiveServer live(GetParam(), with([](auto& options) { options.body_bytes_max = 1000; }));
  const auto status = [&live](const std::string& request) {
    RawHttp client(live.port());
    return client.exchange(request).status;
  };
  EXPECT_EQ(status(get("/" + std::string(limits::kRequestTargetBytesMax, 'a'))), 414);
  EXPECT_EQ(status(get("/hello", "A: " + std::string(40'000, 'a') + "\r\n")), 431);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "A: 1\r\n";
  EXPECT_EQ(status(get("/hello", many)), 431);
  EXPECT_EQ(status(post("/echo", std::string(1000, 'a'))), 200);
  EXPECT_EQ(status(post("/echo", std::string(1001, 'a'))), 413);
  EXPECT_EQ(status("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
                   std::string(2000, 'a') + "\r\n0\r\n\r\n"),
            413);
  EXPECT_EQ(live.world().body_error, static_cast<int>(ErrorCode::kTooLarge));
}

TEST_P(Driver, H22_TraversalNeverReachesAHandler) {
  LiveServer live(GetParam());
  for (const auto* target : {"/path/../x", "/path/%2e%2e/x", "/path/..%5cx", "/path/%00",
                             "/path//x", "/path/%c0%ae%c0%ae/x", "http://a/path/../x"}) {
    RawHttp client(live.port());
    EXPECT_EQ(client.exchange(get(target)).status, 400) << target;
  }
  RawHttp client(live.port());
  EXPECT_EQ(client.exchange(get("/path/%252e%252e/x")).body, "%2e%2e/x");
  EXPECT_EQ(live.world().handled, 1u);
}

TEST_P(Driver, H23_SlowPeersHaveTheirTimeouts) {
  LiveServer live(GetParam(), with([](auto& options) {
                    options.head_timeout_ms = 150;
                    options.idle_timeout_ms = 400;
                    options.body_stall_timeout_ms = 150;
                    options.send_stall_timeout_ms = 150;
                  }));
  RawHttp slow_head(live.port());
  slow_head.send("GET /hello HTTP/1.1\r\nHo");
  const auto begun_ns = mono_ns();
  EXPECT_EQ(slow_head.read_response().status, 408);
  EXPECT_LT(mono_ns() - begun_ns, 390'000'000u);
  EXPECT_TRUE(slow_head.closed_within(3000));

  RawHttp dripping(live.port());
  const std::string head = get("/hello");
  bool refused = false;
  for (std::size_t i = 0; i < head.size() && !refused; ++i) {
    dripping.send({&head[i], 1});
    refused = dripping.has_bytes_within(20);
  }
  EXPECT_TRUE(refused) << "a byte now and then does not keep a head alive";

  RawHttp slow_body(live.port());
  slow_body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(slow_body.read_response().status, 408);
  EXPECT_EQ(live.world().body_error, static_cast<int>(ErrorCode::kTimedOut));

  RawHttp idle(live.port());
  EXPECT_EQ(idle.exchange(get("/hello")).status, 200);
  EXPECT_FALSE(idle.closed_within(200));
  EXPECT_TRUE(idle.closed_within(3000)) << "and nothing was sent on it";

  RawHttp slow_reader(live.port());
  slow_reader.set_receive_buffer(4096);
  for (int i = 0; i < 8; ++i) slow_reader.send(get("/large"));
  EXPECT_TRUE(live.settles_at(0));
}

TEST_P(Driver, H23_ABodyInCrumbsIsSlowButHasNotStalled) {
  LiveServer live(GetParam(), with([](auto& options) { options.body_stall_timeout_ms = 300; }));
  RawHttp client(live.port());
  const std::string body = live.world().large.substr(0, 3000);
  const std::string request = post("/echo", body);
  const std::size_t head = request.size() - body.size();
  client.send(request.substr(0, head));
  std::size_t at = head;
  for (int crumb = 0; crumb < 20; ++crumb, at += 5) {  // For three times the timeout.
    client.send(request.substr(at, 5));
    ASSERT_FALSE(client.has_bytes_within(45)) << crumb;
  }
  client.send(request.substr(at));
  EXPECT_EQ(client.read_response().body, body);
  EXPECT_EQ(client.exchange(get("/hello")).body, "hello") << "what follows is as short as ever";

  client.send(request.substr(0, head + 5));
  EXPECT_FALSE(client.has_bytes_within(100));
  client.send(request.substr(head + 5, 5));
  EXPECT_EQ(client.read_response().status, 408) << "then nothing came";
}

TEST_P(Driver, H24_AClientThatVanishesCostsNothing) {
  LiveServer live(GetParam());
  for (int i = 0; i < 60; ++i) {
    RawHttp client(live.port());
    client.send(get(i % 3 == 0 ? "/file" : i % 3 == 1 ? "/large" : "/pieces"));
    ASSERT_TRUE(client.has_bytes_within(2000));
    client.reset();
  }
  for (int i = 0; i < 20; ++i) {
    RawHttp client(live.port());
    client.send("POST /verify HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    client.send(std::string_view(live.world().large).substr(0, 200'000));
    client.reset();
  }
  EXPECT_TRUE(live.settles_at(0));
  EXPECT_EQ(RawHttp(live.port()).exchange(get("/hello")).body, "hello");
}

TEST_P(Driver, H25_AFileThatEndsEarlyEndsTheConnection) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  client.send(get("/truncated"));
  const auto all = client.read_to_end();
  EXPECT_NE(all.find(concat("Content-Length: ", kLargeBytes + 1)), std::string::npos);
  EXPECT_EQ(all.size() - all.find("\r\n\r\n") - 4, kLargeBytes);
  EXPECT_TRUE(live.settles_at(0));
}

TEST_P(Driver, FilesAreSentWholeInRangesAndInParts) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  const auto& bytes = live.world().large;
  EXPECT_EQ(client.exchange(get("/file")).body, bytes);
  const auto part = client.exchange(get("/file", "Range: bytes=1000000-1999999\r\n"));
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part["content-range"], concat("bytes 1000000-1999999/", kLargeBytes));
  EXPECT_EQ(part.body, bytes.substr(1'000'000, 1'000'000));
  const auto parts = client.exchange(get("/file", "Range: bytes=0-99,5000000-5000099\r\n"));
  EXPECT_EQ(parts.status, 206);
  EXPECT_NE(parts.body.find("\r\n\r\n" + bytes.substr(0, 100) + "\r\n--"), std::string::npos);
  EXPECT_NE(parts.body.find("\r\n\r\n" + bytes.substr(5'000'000, 100) + "\r\n--"),
            std::string::npos);
  EXPECT_EQ(client.exchange(get("/file", "If-None-Match: \"file\"\r\n")).status, 304);
  EXPECT_EQ(client.exchange(get("/large")).body, bytes);
}

TEST_P(Driver, H26_FieldsOfEveryAnswer) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  for (const auto* target : {"/hello", "/none", "/pieces", "/file"}) {
    const auto response = client.exchange(get(target));
    EXPECT_EQ(response.count("date"), 1u);
    EXPECT_TRUE(parse_http_date(response["date"]));
    EXPECT_EQ(response.count("content-length") + response.count("transfer-encoding"), 1u);
  }
  const auto interim = client.exchange(post("/interim", ""));
  EXPECT_EQ(interim.status, 104);
  EXPECT_EQ(interim["upload-offset"], "5");
  EXPECT_FALSE(interim.find("content-length"));
  const auto no_content = client.read_response();
  EXPECT_EQ(no_content.status, 204);
  EXPECT_FALSE(no_content.find("content-length"));
  const auto old =
      RawHttp(live.port()).exchange("POST /interim HTTP/1.0\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(old.status, 204) << "HTTP/1.0 knows no interim responses";
}

TEST_P(Driver, FaultsOfHandlersAreContained) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  const auto thrown = client.exchange(get("/throw"));
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(code_of(thrown), "internal");
  EXPECT_EQ(thrown.body.find("thrown by"), std::string::npos);
  const auto injected = client.exchange(get("/injected"));
  EXPECT_EQ(injected["x-good"], "1");
  EXPECT_FALSE(injected.find("x-bad"));
  EXPECT_FALSE(injected.find("set-cookie"));
  // A stream that fails in its middle must not look complete.
  client.send(get("/half"));
  EXPECT_EQ(client.read_to_end().find("0\r\n\r\n"), std::string::npos);
}

TEST_P(Driver, DrainingEndsIdleConnectionsAndLetsOthersFinish) {
  LiveServer live(GetParam());
  RawHttp idle(live.port());
  EXPECT_EQ(idle.exchange(get("/hello")).status, 200);
  RawHttp silent(live.port());
  RawHttp busy(live.port());
  busy.send(get("/slow"));
  RawHttp stream(live.port());
  stream.send(get("/forever"));
  ASSERT_TRUE(stream.has_bytes_within(2000));
  ASSERT_TRUE(live.settles_at(4));
  live.server().begin_drain();
  EXPECT_TRUE(live.server().draining());
  EXPECT_TRUE(idle.closed_within(1000));
  EXPECT_TRUE(silent.closed_within(1000));
  const auto last = busy.read_response();
  EXPECT_EQ(last.body, "slow");
  EXPECT_EQ(last["connection"], "close");
  EXPECT_TRUE(stream.read_to_end().ends_with("0\r\n\r\n"));
  busy.close();
  stream.close();
  EXPECT_TRUE(live.settles_at(0));
}

TEST_P(Driver, StreamsEndWhenTheirListenerLeaves) {
  LiveServer live(GetParam());
  RawHttp client(live.port());
  client.send(get("/forever"));
  ASSERT_TRUE(client.has_bytes_within(2000));
  client.close();
  EXPECT_TRUE(live.settles_at(0));
  EXPECT_EQ(live.world().streams_ended, 1u);
}

TEST_P(Driver, TheClientSpeaksOverTcpAndUnixSockets) {
  sf::test::TempDir dir;
  LiveServer tcp(GetParam());
  LiveServer local(GetParam(), LiveServer::quiet(), dir.file("admin.sock"));
  for (const auto& url :
       {concat("http://127.0.0.1:", tcp.port()), "unix:" + dir.file("admin.sock")}) {
    Client client(url);
    client.set_timeouts(2000, 5000);
    for (int i = 0; i < 10; ++i) {
      const auto response = client.send(Method::kGet, "/hello", {});
      ASSERT_TRUE(response) << response.error().message;
      EXPECT_EQ(response->body, "hello");
    }
    const auto pieces = client.send(Method::kGet, "/pieces", {});
    ASSERT_TRUE(pieces);
    EXPECT_TRUE(pieces->body.ends_with("piece 99\n"));
    const auto head = client.send(Method::kHead, "/large", {});
    ASSERT_TRUE(head);
    EXPECT_EQ(head->headers.get("content-length"), concat(kLargeBytes));
    const auto echoed = client.send(Method::kPost, "/echo", {}, "text");
    ASSERT_TRUE(echoed);
    EXPECT_EQ(echoed->body, "text");
  }
  EXPECT_EQ(tcp.world().handled, 11u);
  EXPECT_TRUE(tcp.settles_at(0));
}

TEST_P(Driver, TheClientSendsFiles) {
  LiveServer live(GetParam());
  Client client(concat("http://127.0.0.1:", live.port()));
  const UniqueFd file(::open(live.world().dir.file("large").c_str(), O_RDONLY | O_CLOEXEC));
  std::uint64_t told = 0;
  client.set_watch([&told](std::uint64_t bytes) {
    EXPECT_GE(bytes, told);
    told = bytes;
    return true;
  });
  const auto whole = client.send_file(Method::kPost, "/verify", {}, file.get(), 0, kLargeBytes);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->body, concat(kLargeBytes));
  EXPECT_GT(told, 0u);
  EXPECT_LE(told, kLargeBytes);
  client.set_watch({});
  const auto none = client.send_file(Method::kPost, "/verify", {}, file.get(), 0, 0);
  ASSERT_TRUE(none);
  EXPECT_EQ(none->body, "0");
  // A refusal in the middle is heard, and the client goes on over a new connection.
  const auto refused = client.send_file(Method::kPost, "/refuse", {}, file.get(), 0, kLargeBytes);
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->status, 403);
  const auto short_file =
      client.send_file(Method::kPost, "/echo", {}, file.get(), kLargeBytes - 10, 20);
  ASSERT_FALSE(short_file);
  EXPECT_EQ(short_file.error().code, ErrorCode::kConflict);
  client.set_watch([](std::uint64_t) { return false; });
  const auto stopped = client.send_file(Method::kPost, "/verify", {}, file.get(), 0, kLargeBytes);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
  client.set_watch({});
  EXPECT_EQ(client.send(Method::kGet, "/hello", {})->body, "hello");
}

TEST(Client, IsInterruptedWhileItWaits) {
  // Nobody accepts: the kernel takes the request, and no answer comes.
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t length = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<::sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ::getsockname(listener.get(), reinterpret_cast<::sockaddr*>(&address), &length);
  Client client(concat("http://127.0.0.1:", unsigned{ntohs(address.sin_port)}));
  unsigned asked = 0;
  client.set_watch([&asked](std::uint64_t) { return ++asked < 3; });
  const auto answer = client.send(Method::kGet, "/", {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(asked, 3u);
}

TEST(Client, SaysWhatIsWrong) {
  const auto code = [](std::string url) {
    Client client(std::move(url));
    const auto response = client.send(Method::kGet, "/", {});
    EXPECT_FALSE(response);
    return response ? ErrorCode::kInternal : response.error().code;
  };
  EXPECT_EQ(code("ftp://x"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("http://"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("unix:/nowhere/at.all"), ErrorCode::kUnavailable);
  EXPECT_EQ(code("http://127.0.0.1:1"), ErrorCode::kUnavailable);
}

INSTANTIATE_TEST_SUITE_P(Io, Driver,
                         testing::Values(io::BackendKind::kUring, io::BackendKind::kEpoll),
                         [](const auto& run) { return std::string(io::name_of(run.param)); });

}  // namespace
}  // namespace sf::http::test
