#include "admin.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/http/client.hpp>

#include <unistd.h>

namespace sf::app {

namespace {

constexpr std::int64_t kDayMs = std::int64_t{24} * 3600 * 1000;

std::string users_text(const store::Accounts& accounts) {
  std::string text;
  for (const auto& user : accounts.users()) {
    text += concat(user.name, '\t', store::name_of(user.role), '\t', to_rfc3339(user.created_at_ms),
                   '\n');
  }
  return text.empty() ? "There are no users yet.\n" : text;
}

std::string tokens_text(const store::Accounts& accounts) {
  std::string text;
  for (const auto& token : accounts.tokens()) {
    text +=
        concat(token.id, '\t', token.name, '\t',
               token.expires_at_ms == 0 ? "never expires" : to_rfc3339(token.expires_at_ms), '\n');
  }
  return text.empty() ? "There are no tokens.\n" : text;
}

io::Task<Result<std::string>> answer(io::Task<Result<>> work, std::string text) {
  auto done = co_await work;
  if (!done) co_return fail(std::move(done.error()));
  co_return text;
}

io::Task<http::Response> handle_account(store::Accounts& accounts, http::Request& request) {
  auto text = co_await request.body().read_all(limits::kJsonBodyBytesMax);
  if (!text) co_return http::problem(request, text.error());
  auto body = json::parse(*text);
  if (!body) co_return http::problem(request, body.error());
  AccountRequest order;
  order.verb = body->string_at("verb");
  order.name = body->string_at("name");
  order.password = body->string_at("password");
  order.role = body->string_at("role");
  order.label = body->string_at("label");
  order.days = body->uint_at("days");
  auto result = co_await execute(accounts, std::move(order));
  if (!result) co_return http::problem(request, result.error());
  json::Writer writer;
  writer.begin_object().field("text", *result).end_object();
  co_return http::Response::json(200, std::move(writer).take());
}

io::Task<http::Response> handle_status(store::Accounts& accounts, std::string url) {
  json::Writer writer;
  writer.begin_object()
      .field("url", url)
      .field("pid", static_cast<std::int64_t>(getpid()))
      .field("open", accounts.open_access())
      .end_object();
  co_return http::Response::json(200, std::move(writer).take());
}

}  // namespace

std::string admin_socket_path(const std::string& data_dir) { return data_dir + "/admin.sock"; }

std::string to_json(const AccountRequest& request) {
  json::Writer writer;
  writer.begin_object()
      .field("verb", request.verb)
      .field("name", request.name)
      .field("password", request.password)
      .field("role", request.role)
      .field("label", request.label)
      .field("days", request.days)
      .end_object();
  return std::move(writer).take();
}

io::Task<Result<std::string>> execute(store::Accounts& accounts, AccountRequest request) {
  const std::string done = concat(request.verb, ": ", request.name, '\n');
  if (request.verb == "user list") co_return users_text(accounts);
  if (request.verb == "token list") co_return tokens_text(accounts);
  if (request.verb == "user add") {
    const auto role = store::role(request.role);
    if (!role) co_return fail(ErrorCode::kInvalidArgument, "A role is admin, editor or viewer.");
    auto user =
        co_await accounts.create_user(std::move(request.name), std::move(request.password), *role);
    if (!user) co_return fail(std::move(user.error()));
    co_return done;
  }
  if (request.verb == "user passwd") {
    co_return co_await answer(
        accounts.set_password(std::move(request.name), std::move(request.password)), done);
  }
  if (request.verb == "user remove") {
    co_return co_await answer(accounts.remove_user(std::move(request.name)), done);
  }
  if (request.verb == "token revoke") {
    co_return co_await answer(accounts.revoke_token(std::move(request.name)), done);
  }
  if (request.verb == "token create") {
    const std::int64_t expires_at_ms =
        request.days == 0 ? 0 : wall_ms() + static_cast<std::int64_t>(request.days) * kDayMs;
    auto token = co_await accounts.create_token(std::move(request.name), std::move(request.label),
                                                expires_at_ms);
    if (!token) co_return fail(std::move(token.error()));
    co_return token->secret + "\n";
  }
  co_return fail(ErrorCode::kInvalidArgument, concat("There is no verb \"", request.verb, "\"."));
}

void add_admin_routes(http::Router& router, store::Accounts& accounts, std::string url) {
  router.add(http::Method::kGet, "/status",
             [&accounts, url](http::Request&) { return handle_status(accounts, url); });
  router.add(http::Method::kPost, "/account",
             [&accounts](http::Request& r) { return handle_account(accounts, r); });
}

std::optional<RunningServer> running_server(const std::string& data_dir) {
  const std::string path = admin_socket_path(data_dir);
  if (access(path.c_str(), F_OK) != 0) return std::nullopt;
  http::Client client("unix:" + path);
  const auto response = client.send(http::Method::kGet, "/status", {});
  if (!response || response->status != 200) return std::nullopt;
  const auto body = json::parse(response->body);
  if (!body) return std::nullopt;
  return RunningServer{body->string_at("url"), body->bool_at("open")};
}

Result<std::string> ask_running_server(const std::string& data_dir, const AccountRequest& request) {
  http::Client client("unix:" + admin_socket_path(data_dir));
  http::Headers fields;
  fields.add("Content-Type", "application/json");
  const auto response = client.send(http::Method::kPost, "/account", fields, to_json(request));
  if (!response) return fail(response.error());
  const auto body = json::parse(response->body);
  if (!body) return fail(body.error());
  if (response->status != 200) {
    return fail(ErrorCode::kInvalidArgument,
                body->string_at("detail", "The server refused, without saying why."));
  }
  return body->string_at("text");
}

}  // namespace sf::app
