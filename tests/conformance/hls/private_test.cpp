/// Links to private videos: made by the API, good for all below the playlist, until they expire.

#include "hls_case.hpp"

#include <regex>

namespace sf::test {
namespace {

class HlsPrivate : public HlsCase {
 protected:
  /// The link as the API gives it.
  [[nodiscard]] std::string make_link(std::string_view body = "{}") const {
    const auto answer = ask("POST", concat("/api/v1/videos/", id_, "/playback-url"),
                            "Content-Type: application/json\r\n", body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer["cache-control"], "no-store");
    std::smatch found;
    EXPECT_TRUE(std::regex_search(answer.body, found, std::regex("\"url\":\"([^\"]+)\"")));
    return found[1];
  }
  void expect_forbidden(std::string_view target) const {
    const auto answer = get(target);
    EXPECT_EQ(answer.status, 403) << target;
    EXPECT_EQ(answer["access-control-allow-origin"], "*");
    EXPECT_EQ(answer["cache-control"], "no-store");
    EXPECT_EQ(answer["content-type"], "application/problem+json");
  }
};

TEST_P(HlsPrivate, ALinkOpensThePlaylistAndAllBelowIt) {
  set_visibility("private");
  const std::string link = make_link();
  restart_with_accounts();
  EXPECT_EQ(get(path("master.m3u8")).status, 404) << "nobody is told of it";
  for (unsigned round = 0; round < 2; ++round) {
    const auto master = get(link);
    ASSERT_EQ(master.status, 200) << master.body;
    EXPECT_EQ(master["cache-control"], "private, no-store");
    unsigned uris = 0;
    const std::regex uri("(^|URI=\")([a-z0-9/]+\\.m3u8\\?token=[0-9a-f-]+)", std::regex::multiline);
    for (std::sregex_iterator each(master.body.begin(), master.body.end(), uri), end; each != end;
         ++each, ++uris) {
      const auto child = get(path((*each)[2].str()));
      EXPECT_EQ(child.status, 200) << (*each)[2];
      std::smatch segment;
      ASSERT_TRUE(std::regex_search(child.body, segment, std::regex("0\\.ts\\?token=[0-9a-f-]+")))
          << child.body;
      const std::string folder = (*each)[2].str().substr(0, (*each)[2].str().rfind('/') + 1);
      EXPECT_EQ(get(path(concat(folder, segment[0].str()))).status, 200);
    }
    EXPECT_EQ(uris, 3u) << "sound, pictures and the list of I-frames: " << master.body;
  }
}

TEST_P(HlsPrivate, AWrongOrExpiredLinkIs403WithCors) {
  set_visibility("private");
  const std::string link = make_link("{\"expires_in_s\":1}");
  const auto token = link.substr(link.find("token=") + 6);
  restart_with_accounts();
  for (unsigned tries = 0; get(link).status == 200; ++tries) {  // Until its second is over.
    ASSERT_LT(tries, 200u);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  expect_forbidden(link);
  const std::string mac = token.substr(token.find('-'));
  for (const std::string& wrong :
       {std::string("x"), std::string(), concat("9999999999", mac), concat(token, "0"),
        std::string("%00"), std::string(4000, '1'), std::string("-"), mac}) {
    expect_forbidden(concat(path("360p/0.ts?token="), wrong));
  }
}

TEST_P(HlsPrivate, LinksAreForOneVideoAndWholeRequestsOnly) {
  set_visibility("private");
  const std::string link = make_link();
  restart_with_accounts();
  const auto query = link.substr(link.find('?'));
  EXPECT_EQ(get(concat("/v/01arz3ndektsv4rrffq69g5fav/master.m3u8", query)).status, 404);
  EXPECT_EQ(get(concat(path("source"), query)).status, 404) << "the master is not for viewers";
}

TEST_P(HlsPrivate, TheApiRefusesWhatItCannotPromise) {
  const auto ask_for = [this](std::string_view body) {
    return ask("POST", concat("/api/v1/videos/", id_, "/playback-url"),
               "Content-Type: application/json\r\n", body)
        .status;
  };
  EXPECT_EQ(ask_for("{\"expires_in_s\":0}"), 400);
  EXPECT_EQ(ask_for("{\"expires_in_s\":-1}"), 400);
  EXPECT_EQ(ask_for("{\"expires_in_s\":\"1\"}"), 400);
  EXPECT_EQ(ask_for("{\"expires_in_s\":99999999999}"), 400);
  EXPECT_EQ(ask("POST", concat("/api/v1/videos/", id_, "/playback-url")).status, 200);
  restart_with_accounts();
  EXPECT_EQ(ask_for("{}"), 401);
}

SF_ON_BOTH_BACKENDS(HlsPrivate);

}  // namespace
}  // namespace sf::test
