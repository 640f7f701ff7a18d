#include "caller.hpp"

namespace sf::serve {

namespace {

bool is_safe(http::Method method) {
  return method == http::Method::kGet || method == http::Method::kHead ||
         method == http::Method::kOptions;
}

}  // namespace

Result<store::Principal> caller(const http::Request& request, const store::Accounts& accounts) {
  store::Credentials credentials;
  credentials.authorization = request.headers.get("authorization").value_or("");
  credentials.session = request.cookie(kSessionCookie).value_or("");
  auto principal = accounts.identify(credentials);
  if (!principal) {
    // A stale cookie on a page that needs no login is no reason to refuse it.
    if (is_safe(request.method) && credentials.authorization.empty()) return store::Principal{};
    return principal;
  }
  if (principal->by_cookie && !is_safe(request.method) &&
      !request.headers.has("x-requested-with")) {
    return fail(ErrorCode::kPermissionDenied,
                "A request that changes something and comes with the session cookie needs the "
                "field X-Requested-With.");
  }
  return principal;
}

Result<store::Principal> allowed(const http::Request& request, const store::Accounts& accounts,
                                 store::Action action, std::string_view owner,
                                 store::Visibility visibility) {
  auto principal = caller(request, accounts);
  if (!principal) return principal;
  if (auto verdict = store::may(*principal, action, owner, visibility); !verdict) {
    return fail(std::move(verdict.error()));
  }
  return principal;
}

}  // namespace sf::serve
