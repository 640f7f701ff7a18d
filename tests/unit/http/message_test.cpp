#include <streamforge/base/json.hpp>
#include <streamforge/http/message.hpp>

#include <gtest/gtest.h>

namespace sf::http {
namespace {

TEST(Headers, NamesCompareWithoutCaseAndFieldsJoin) {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("ACCEPT", "b");
  headers.add("accept", "c");
  headers.add("X", "1");
  const auto first = headers.get("aCCept");
  const auto second = headers.get("accept");
  EXPECT_EQ(first, "a, b, c");
  EXPECT_EQ(second, "a, b, c");
  EXPECT_EQ(headers.count("accept"), 3u);
  EXPECT_FALSE(headers.get("y"));
  headers.set("Accept", "z");
  EXPECT_EQ(headers.get("accept"), "z");
  EXPECT_EQ(headers.count("accept"), 1u);
  headers.remove("accept");
  EXPECT_FALSE(headers.has("accept"));
  EXPECT_EQ(headers.all().size(), 1u);
}

TEST(Request, QueryParametersAreDecoded) {
  Request request;
  request.query = "q=a+b%26c&empty=&flag&q=second&bad=%zz&=x";
  EXPECT_EQ(request.query_parameter("q"), "a b&c");
  EXPECT_EQ(request.query_parameter("empty"), "");
  EXPECT_EQ(request.query_parameter("flag"), "");
  EXPECT_FALSE(request.query_parameter("bad"));
  EXPECT_FALSE(request.query_parameter("none"));
}

TEST(Request, CookiesAreFoundByName) {
  Request request;
  request.headers.add("Cookie", "a=1; session=abc=def;b=2");
  request.headers.add("Cookie", "c=3");
  EXPECT_EQ(request.cookie("session"), "abc=def");
  EXPECT_EQ(request.cookie("b"), "2");
  EXPECT_EQ(request.cookie("c"), "3");
  EXPECT_FALSE(request.cookie("sess"));
}

TEST(Methods, NamesGoBothWays) {
  for (const auto method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut,
                            Method::kPatch, Method::kDelete, Method::kOptions}) {
    EXPECT_EQ(method_named(name_of(method)), method);
  }
  EXPECT_FALSE(method_named("get"));
}

TEST(Problems, ErrorsBecomeStatusesInOneTable) {
  EXPECT_EQ(status_of(ErrorCode::kInvalidArgument), 400);
  EXPECT_EQ(status_of(ErrorCode::kUnauthenticated), 401);
  EXPECT_EQ(status_of(ErrorCode::kPermissionDenied), 403);
  EXPECT_EQ(status_of(ErrorCode::kNotFound), 404);
  EXPECT_EQ(status_of(ErrorCode::kConflict), 409);
  EXPECT_EQ(status_of(ErrorCode::kTooLarge), 413);
  EXPECT_EQ(status_of(ErrorCode::kNoSpace), 507);
  EXPECT_EQ(status_of(ErrorCode::kUnavailable), 503);
  EXPECT_EQ(status_of(ErrorCode::kIo), 500);
}

TEST(Problems, ServerFaultsDoNotShowTheirDetails) {
  Request request;
  request.request_id = "abc-1";
  const auto ours = problem(request, Error{ErrorCode::kIo, "open /secret/path", 5});
  EXPECT_EQ(ours.status, 500);
  const auto& text = std::get<std::string>(ours.body);
  EXPECT_EQ(text.find("secret"), std::string::npos);
  const auto document = json::parse(text);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->string_at("request_id"), "abc-1");
  EXPECT_EQ(document->string_at("code"), "io");
  EXPECT_FALSE(document->string_at("hint").empty());

  const auto theirs =
      problem(request, Error{ErrorCode::kNotFound, "no video abc", 0}, "look again");
  EXPECT_EQ(theirs.status, 404);
  const auto shown = json::parse(std::get<std::string>(theirs.body));
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->string_at("detail"), "no video abc");
  EXPECT_EQ(shown->string_at("hint"), "look again");
}

}  // namespace
}  // namespace sf::http
