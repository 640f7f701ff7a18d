#pragma once

/// Who asks, and whether they may: the short way from a request to store::Accounts and store::may,
/// used by every handler of this room.

#include <streamforge/http/message.hpp>
#include <streamforge/store/accounts.hpp>

namespace sf::serve {

/// The cookie that holds a session's secret.
inline constexpr std::string_view kSessionCookie = "sf_session";

/// The principal behind a request. Unsafe methods that come with the cookie must carry
/// X-Requested-With, which no other site's form can send: else kPermissionDenied.
[[nodiscard]] Result<store::Principal> caller(const http::Request& request,
                                              const store::Accounts& accounts);

/// `caller` and `store::may` in one: for handlers about one thing.
[[nodiscard]] Result<store::Principal> allowed(
    const http::Request& request, const store::Accounts& accounts, store::Action action,
    std::string_view owner = {}, store::Visibility visibility = store::Visibility::kUnlisted);

}  // namespace sf::serve
