#include <streamforge/base/json.hpp>
#include <streamforge/http/router.hpp>

#include "run_task.hpp"

namespace sf::http::test {
namespace {

io::Task<Response> answer(std::string text) { co_return Response::text(200, std::move(text)); }

/// Answers with its name and the parameters that it was given.
Handler named(std::string name) {
  return [name](Request& request) {
    std::string text = name;
    for (const auto& [key, value] : request.parameters_) text += concat(' ', key, '=', value);
    return answer(std::move(text));
  };
}

Response ask(const Router& router, Method method, std::string path) {
  Request request;
  request.method = method;
  request.target = path;
  request.path = std::move(path);
  request.request_id = "r1";
  return run_task(router.dispatch(request));
}

std::string text_of(const Response& response) { return std::get<std::string>(response.body); }

TEST(Router, LiteralsWinOverParametersOverRests) {
  Router router;
  router.add(Method::kGet, "/v/{id}", named("video"));
  router.add(Method::kGet, "/v/new", named("new"));
  router.add(Method::kGet, "/v/{id}/{rung}/{file}", named("file"));
  router.add(Method::kGet, "/v/{id}/audio/{track}", named("audio"));
  router.add(Method::kGet, "/{rest*}", named("web"));
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"/v/new", "new"},
      {"/v/1", "video id=1"},
      {"/v/1/", "video id=1"},
      {"/v/1/720p/0.ts", "file id=1 rung=720p file=0.ts"},
      {"/v/1/audio/0", "audio id=1 track=0"},
      {"/v/1/audio/0/x", "web rest=v/1/audio/0/x"},
      {"/v/new/720p/0.ts", "file id=new rung=720p file=0.ts"},
      {"/v", "web rest=v"},
      {"/", "web rest="},
      {"/assets/app.js", "web rest=assets/app.js"},
  };
  for (const auto& [path, expected] : rows) {
    EXPECT_EQ(text_of(ask(router, Method::kGet, path)), expected) << path;
  }
}

TEST(Router, UnknownPathsAreNotFound) {
  Router router;
  router.add(Method::kGet, "/a/b", named("ab"));
  for (const auto* path : {"/", "/a", "/a/b/c", "/A/b", "/b"}) {
    const auto response = ask(router, Method::kGet, path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.headers.get("content-type"), "application/problem+json");
    const auto document = json::parse(text_of(response));
    ASSERT_TRUE(document);
    EXPECT_EQ(document->string_at("code"), "not_found");
    EXPECT_EQ(document->string_at("request_id"), "r1");
    EXPECT_EQ(document->int_at("status"), 404);
  }
  std::string deep;
  for (int i = 0; i < 4000; ++i) deep += "/a";
  EXPECT_EQ(ask(router, Method::kGet, deep).status, 404);
}

TEST(Router, ABasePathStandsBeforeWhatIsAddedAfterIt) {
  Router router;
  router.add(Method::kGet, "/health", named("health"));
  router.set_base_path("/media/tv");
  router.add(Method::kGet, "/", named("page"));
  router.add(Method::kGet, "/health", named("health below"));
  router.add(Method::kGet, "/v/{id}", named("video"));
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"/health", "health"},           {"/media/tv", "page"},
      {"/media/tv/", "page"},          {"/media/tv/health", "health below"},
      {"/media/tv/v/1", "video id=1"},
  };
  for (const auto& [path, expected] : rows) {
    EXPECT_EQ(text_of(ask(router, Method::kGet, path)), expected) << path;
  }
}

TEST(Router, BesideTheBasePathNothingIsFoundAndTheWayIsTold) {
  Router router;
  router.set_base_path("/media");
  router.add(Method::kGet, "/v/{id}", named("video"));
  const auto hint = [&router](const char* path) {
    const auto response = ask(router, Method::kGet, path);
    EXPECT_EQ(response.status, 404) << path;
    return json::parse(text_of(response))->string_at("hint");
  };
  for (const auto* path : {"/", "/v/1", "/mediatheque", "/med", "/Media/v/1"}) {
    EXPECT_EQ(hint(path), "This server is at /media/.") << path;
  }
  EXPECT_EQ(hint("/media/v"), "");
  EXPECT_EQ(hint("/media/media/v/1"), "");
}

TEST(Router, FiltersAreBelowTheBasePathToo) {
  Router router;
  router.set_base_path("/media");
  router.add(Method::kGet, "/v/{id}", named("video"));
  std::string ran;
  for (const auto* prefix : {"/", "/v/"}) {
    router.add_filter(prefix, [&ran, prefix](Request& request, const Handler& next) {
      ran += concat(prefix, ' ');
      return next(request);
    });
  }
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"/media", "/ "}, {"/media/v/1", "/ /v/ "}, {"/v/1", ""}, {"/mediax", ""}};
  for (const auto& [path, expected] : rows) {
    ran.clear();
    (void)ask(router, Method::kGet, path);
    EXPECT_EQ(ran, expected) << path;
  }
}

TEST(Router, H15_KnownPathsOfOtherMethodsAreNotAllowed) {
  Router router;
  router.add(Method::kGet, "/a/{x}", named("get"));
  router.add(Method::kDelete, "/a/{x}", named("delete"));
  router.add(Method::kPost, "/a/special", named("post"));
  const auto response = ask(router, Method::kPut, "/a/1");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.get("allow"), "GET, HEAD, DELETE, OPTIONS");
  // A literal that cannot does not hide a parameter that can.
  EXPECT_EQ(text_of(ask(router, Method::kGet, "/a/special")), "get x=special");
  EXPECT_EQ(ask(router, Method::kPatch, "/a/special").headers.get("allow"),
            "GET, HEAD, POST, DELETE, OPTIONS");
}

TEST(Router, H15_OptionsIsAnsweredUnlessRouted) {
  Router router;
  router.add(Method::kPost, "/a", named("post"));
  router.add_any("/files", named("tus"));
  const auto response = ask(router, Method::kOptions, "/a");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.headers.get("allow"), "POST, OPTIONS");
  EXPECT_EQ(text_of(ask(router, Method::kOptions, "/files")), "tus");
  EXPECT_EQ(ask(router, Method::kOptions, "/none").status, 404);
  const auto asterisk = ask(router, Method::kOptions, "*");
  EXPECT_EQ(asterisk.status, 204);
  EXPECT_EQ(asterisk.headers.get("allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

TEST(Router, H11_HeadFallsBackToGet) {
  Router router;
  router.add(Method::kGet, "/a", named("get"));
  router.add(Method::kGet, "/b", named("get"));
  router.add(Method::kHead, "/b", named("head"));
  EXPECT_EQ(text_of(ask(router, Method::kHead, "/a")), "get");
  EXPECT_EQ(text_of(ask(router, Method::kHead, "/b")), "head");
}

io::Task<Response> mark(Request& request, const Handler& next, std::string name) {
  Response response = co_await next(request);
  response.headers.add("Passed", std::move(name));
  co_return response;
}

Filter marking(std::string name) {
  return [name](Request& request, const Handler& next) { return mark(request, next, name); };
}

io::Task<Response> refuse(Request&, const Handler&) { co_return Response::empty(401); }

TEST(Router, FiltersRunInOrderBelowTheirPrefix) {
  Router router;
  router.add(Method::kGet, "/api/x", named("x"));
  router.add(Method::kGet, "/apix", named("apix"));
  router.add(Method::kGet, "/api/secret/y", named("y"));
  router.add_filter("/", marking("all"));
  router.add_filter("/api", marking("api"));
  router.add_filter("/api/secret/", refuse);
  // The innermost filter adds its field first.
  EXPECT_EQ(ask(router, Method::kGet, "/api/x").headers.get("passed"), "api, all");
  EXPECT_EQ(ask(router, Method::kGet, "/apix").headers.get("passed"), "all");
  const auto secret = ask(router, Method::kGet, "/api/secret/y");
  EXPECT_EQ(secret.status, 401);
  EXPECT_EQ(secret.headers.get("passed"), "api, all");
  // Our own answers pass through them too.
  const auto missing = ask(router, Method::kGet, "/api/none");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.headers.get("passed"), "api, all");
  EXPECT_EQ(ask(router, Method::kOptions, "/api/x").headers.get("passed"), "api, all");
}

}  // namespace
}  // namespace sf::http::test
