#include "caller.hpp"
#include "handlers.hpp"
#include "json_body.hpp"

#include <streamforge/base/clock.hpp>

namespace sf::serve {

namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kPasswordBytesMax = 1024;
constexpr std::size_t kSecretBytesMax = 128;

void write_user(json::Writer& writer, std::string_view id, std::string_view name,
                store::Role role) {
  writer.begin_object()
      .field("id", id)
      .field("name", name)
      .field("role", store::name_of(role))
      .end_object();
}

}  // namespace

void AccountsApi::add_routes(http::Router& router) {
  using enum http::Method;
  router.add(kGet, "/api/v1/session", [this](http::Request& r) { return get_session(r); });
  router.add(kPost, "/api/v1/session", [this](http::Request& r) { return log_in(r); });
  router.add(kDelete, "/api/v1/session", [this](http::Request& r) { return log_out(r); });
  router.add(kPost, "/api/v1/users", [this](http::Request& r) { return create_user(r); });
  router.add(kGet, "/api/v1/users", [this](http::Request& r) { return list_users(r); });
  router.add(kDelete, "/api/v1/users/{name}", [this](http::Request& r) { return remove_user(r); });
  router.add(kGet, "/api/v1/tokens", [this](http::Request& r) { return list_tokens(r); });
  router.add(kPost, "/api/v1/tokens", [this](http::Request& r) { return create_token(r); });
  router.add(kDelete, "/api/v1/tokens/{id}", [this](http::Request& r) { return revoke_token(r); });
}

std::string AccountsApi::cookie_for(const http::Request& request, std::string_view secret,
                                    std::int64_t expires_at_ms) const {
  std::string cookie =
      concat(kSessionCookie, '=', secret,
             "; Path=", shared_.options.base_path.empty() ? "/" : shared_.options.base_path,
             "; HttpOnly; SameSite=Lax; Expires=", to_http_date(expires_at_ms));
  if (shared_.options.secure_cookies || request.secure) cookie += "; Secure";
  return cookie;
}

std::string AccountsApi::session_body(const store::Principal& who) const {
  // A server that is open to all has nobody to set it up, and needs nobody.
  const store::Accounts& accounts = shared_.parts.accounts;
  json::Writer writer;
  writer.begin_object()
      .field("setup_required", accounts.setup_required() && !accounts.open_access())
      .field("open", accounts.open_access())
      .key("user");
  if (who.kind == store::Principal::Kind::kUser) {
    write_user(writer, who.user_id, who.user_name, who.role);
  } else {
    writer.null();
  }
  writer.end_object();
  return std::move(writer).take();
}

io::Task<http::Response> AccountsApi::get_session(http::Request& request) {
  auto who = caller(request, shared_.parts.accounts);
  if (!who) co_return http::problem(request, who.error());
  http::Response response = http::Response::json(200, session_body(*who));
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

io::Task<http::Response> AccountsApi::log_in(http::Request& request) {
  // No session is needed, but the proof that the request comes from a page of ours is: else another
  // site could log its visitor in as somebody else (login CSRF). A JSON body is that proof, since a
  // form cannot send one.
  auto body = co_await read_json_object(request);
  if (!body) co_return http::problem(request, body.error());
  auto name = required_text(*body, "name", kNameBytesMax);
  if (!name) co_return http::problem(request, name.error());
  auto password = required_text(*body, "password", kPasswordBytesMax);
  if (!password) co_return http::problem(request, password.error());
  std::string peer = request.client().host;
  auto issued = co_await shared_.parts.accounts.log_in(std::move(*name), std::move(*password),
                                                       std::move(peer));
  if (!issued && issued.error().code == ErrorCode::kUnavailable) {
    http::Response response = http::problem(
        request,
        http::Problem{
            429, "too_many_attempts", "Too many attempts", issued.error().message,
            "Wait fifteen minutes, or reset the password with `streamforge user passwd`."});
    response.headers.set("Retry-After", "900");
    co_return response;
  }
  if (!issued) co_return http::problem(request, issued.error());
  store::Credentials credentials;
  credentials.session = issued->secret;
  auto who = shared_.parts.accounts.identify(credentials);
  if (!who) co_return http::problem(request, who.error());
  http::Response response = http::Response::json(200, session_body(*who));
  response.headers.add("Set-Cookie", cookie_for(request, issued->secret, issued->expires_at_ms));
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

io::Task<http::Response> AccountsApi::log_out(http::Request& request) {
  auto who = caller(request, shared_.parts.accounts);
  if (!who && who.error().code == ErrorCode::kPermissionDenied) {
    co_return http::problem(request, who.error());
  }
  if (const auto secret = request.cookie(kSessionCookie)) {
    std::string copy(*secret);
    auto ended = co_await shared_.parts.accounts.log_out(std::move(copy));
    if (!ended && ended.error().code != ErrorCode::kNotFound) {
      co_return http::problem(request, ended.error());
    }
  }
  http::Response response = http::Response::empty(204);
  response.headers.add("Set-Cookie", cookie_for(request, "", 0));
  co_return response;
}

io::Task<http::Response> AccountsApi::create_first_user(http::Request& request,
                                                        std::string setup_token, std::string name,
                                                        std::string password) {
  auto user = co_await shared_.parts.accounts.create_first_user(
      std::move(setup_token), std::move(name), std::move(password));
  if (!user) co_return http::problem(request, user.error());
  std::string id = user->id;
  auto issued = co_await shared_.parts.accounts.start_session(std::move(id));
  if (!issued) co_return http::problem(request, issued.error());
  store::Principal who;
  who.kind = store::Principal::Kind::kUser;
  who.user_id = user->id;
  who.user_name = user->name;
  who.role = user->role;
  http::Response response = http::Response::json(201, session_body(who));
  response.headers.add("Set-Cookie", cookie_for(request, issued->secret, issued->expires_at_ms));
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

io::Task<http::Response> AccountsApi::create_user(http::Request& request) {
  auto body = co_await read_json_object(request);
  if (!body) co_return http::problem(request, body.error());
  auto name = required_text(*body, "name", kNameBytesMax);
  if (!name) co_return http::problem(request, name.error());
  auto password = required_text(*body, "password", kPasswordBytesMax);
  if (!password) co_return http::problem(request, password.error());
  auto setup = text_member(*body, "setup_token", kSecretBytesMax);
  if (!setup) co_return http::problem(request, setup.error());
  if (setup->present) {
    co_return co_await create_first_user(request, std::move(setup->text), std::move(*name),
                                         std::move(*password));
  }
  auto who = allowed(request, shared_.parts.accounts, store::Action::kManageUsers);
  if (!who) co_return http::problem(request, who.error());
  auto role_name = text_member(*body, "role", 16);
  if (!role_name) co_return http::problem(request, role_name.error());
  const auto role =
      role_name->present ? store::role(role_name->text) : std::optional(store::Role::kEditor);
  if (!role) {
    co_return http::problem(
        request, Error{ErrorCode::kInvalidArgument, "\"role\" is admin, editor or viewer."});
  }
  auto user =
      co_await shared_.parts.accounts.create_user(std::move(*name), std::move(*password), *role);
  if (!user) co_return http::problem(request, user.error());
  json::Writer writer;
  write_user(writer, user->id, user->name, user->role);
  co_return http::Response::json(201, std::move(writer).take());
}

io::Task<http::Response> AccountsApi::list_users(http::Request& request) {
  auto who = allowed(request, shared_.parts.accounts, store::Action::kManageUsers);
  if (!who) co_return http::problem(request, who.error());
  json::Writer writer;
  writer.begin_object().key("items").begin_array();
  for (const auto& user : shared_.parts.accounts.users()) {
    write_user(writer, user.id, user.name, user.role);
  }
  writer.end_array().key("next_cursor").null().end_object();
  co_return http::Response::json(200, std::move(writer).take());
}

io::Task<http::Response> AccountsApi::remove_user(http::Request& request) {
  auto who = allowed(request, shared_.parts.accounts, store::Action::kManageUsers);
  if (!who) co_return http::problem(request, who.error());
  std::string name(request.parameter("name"));
  auto removed = co_await shared_.parts.accounts.remove_user(std::move(name));
  if (!removed) co_return http::problem(request, removed.error());
  co_return http::Response::empty(204);
}

io::Task<http::Response> AccountsApi::list_tokens(http::Request& request) {
  auto who = caller(request, shared_.parts.accounts);
  if (!who) co_return http::problem(request, who.error());
  if (who->kind != store::Principal::Kind::kUser) {
    co_return http::problem(request, Error{ErrorCode::kUnauthenticated, "Log in first."});
  }
  json::Writer writer;
  writer.begin_object().key("items").begin_array();
  for (const auto& token : shared_.parts.accounts.tokens(who->user_id)) {
    writer.begin_object()
        .field("id", token.id)
        .field("name", token.name)
        .field("created_at", to_rfc3339(token.created_at_ms))
        .key("expires_at");
    if (token.expires_at_ms == 0) {
      writer.null();
    } else {
      writer.value(to_rfc3339(token.expires_at_ms));
    }
    writer.end_object();
  }
  writer.end_array().key("next_cursor").null().end_object();
  co_return http::Response::json(200, std::move(writer).take());
}

io::Task<http::Response> AccountsApi::create_token(http::Request& request) {
  auto who = caller(request, shared_.parts.accounts);
  if (!who) co_return http::problem(request, who.error());
  if (who->kind != store::Principal::Kind::kUser) {
    co_return http::problem(request, Error{ErrorCode::kUnauthenticated, "Log in first."});
  }
  auto body = co_await read_json_object(request);
  if (!body) co_return http::problem(request, body.error());
  auto name = required_text(*body, "name", kNameBytesMax);
  if (!name) co_return http::problem(request, name.error());
  const std::uint64_t days = body->uint_at("expires_in_days");
  constexpr std::int64_t kDayMs = 24 * 3600 * 1000;
  const std::int64_t expires_at_ms =
      days == 0
          ? 0
          : wall_ms() + static_cast<std::int64_t>(std::min<std::uint64_t>(days, 36500)) * kDayMs;
  std::string user = who->user_name;
  auto issued = co_await shared_.parts.accounts.create_token(std::move(user), std::move(*name),
                                                             expires_at_ms);
  if (!issued) co_return http::problem(request, issued.error());
  json::Writer writer;
  writer.begin_object().field("id", issued->id).field("token", issued->secret).end_object();
  http::Response response = http::Response::json(201, std::move(writer).take());
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

io::Task<http::Response> AccountsApi::revoke_token(http::Request& request) {
  auto who = caller(request, shared_.parts.accounts);
  if (!who) co_return http::problem(request, who.error());
  std::string id(request.parameter("id"));
  bool own = false;
  for (const auto& token : shared_.parts.accounts.tokens(who->user_id)) own |= token.id == id;
  if (who->kind != store::Principal::Kind::kUser || !own) {
    if (auto verdict = store::may(*who, store::Action::kManageUsers); !verdict) {
      co_return http::problem(request, verdict.error());
    }
  }
  auto revoked = co_await shared_.parts.accounts.revoke_token(std::move(id));
  if (!revoked) co_return http::problem(request, revoked.error());
  co_return http::Response::empty(204);
}

}  // namespace sf::serve
