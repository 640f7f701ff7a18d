#pragma once

#include <streamforge/base/error.hpp>

#include <string>

namespace sf::store {

/// The server's own secret, with which it signs what it gives out and later recognises: made on the
/// first call and kept in DIR/signing.key, readable by the server's user only. Whoever removes the
/// file ends every link that was signed with it. Blocks; call before serving, with DIR locked.
[[nodiscard]] Result<std::string> open_signing_key(const std::string& dir);

}  // namespace sf::store
