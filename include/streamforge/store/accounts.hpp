#pragma once

/// Users, sessions and tokens. Credentials are looked up in memory (loaded at open, kept in step
/// with the catalogue), so `identify` never waits; hashing and commits run on the offload pool, one
/// hash at a time. Any reactor; goes before the catalogue and the pool, after its tasks have ended.

#include <streamforge/io/offload.hpp>
#include <streamforge/io/task.hpp>
#include <streamforge/store/access.hpp>
#include <streamforge/store/catalogue.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sf::store {

/// What a request brought, verbatim; empty when absent.
struct Credentials {
  std::string_view authorization;  ///< "Bearer …"
  std::string_view session;        ///< Value of the cookie sf_session.
};

struct IssuedSecret {
  std::string secret;  ///< Shown once.
  std::string id;
  std::int64_t expires_at_ms = 0;
};

class Accounts {
 public:
  /// Blocks (loads); call before serving. `open` makes everybody Kind::kOpen.
  [[nodiscard]] static Result<std::unique_ptr<Accounts>> open(Catalogue& catalogue,
                                                              io::OffloadPool& pool,
                                                              bool open_access);
  ~Accounts();

  /// Who this is. A credential that is present but wrong is kUnauthenticated; none is nobody.
  [[nodiscard]] Result<Principal> identify(const Credentials& credentials) const;

  [[nodiscard]] bool open_access() const noexcept;
  /// No user exists yet.
  [[nodiscard]] bool setup_required() const noexcept;
  /// The one-time secret of the first-run link; made on first call, void once a user exists.
  [[nodiscard]] std::string setup_token();

  /// Names: 1–64 bytes of UTF-8 without control characters, unique without case (kConflict).
  /// Passwords: 8–1024 bytes. argon2id with libsodium's interactive limits.
  io::Task<Result<User>> create_user(std::string name, std::string password, Role role);
  /// The first administrator: kPermissionDenied unless `setup_token` is right and no user exists.
  io::Task<Result<User>> create_first_user(std::string setup_token, std::string name,
                                           std::string password);
  /// Ends the user's sessions; tokens stay.
  io::Task<Result<>> set_password(std::string name, std::string password);
  /// With its sessions and tokens. The last administrator stays (kConflict).
  io::Task<Result<>> remove_user(std::string name);
  [[nodiscard]] std::vector<User> users() const;

  /// kUnauthenticated with one message whatever was wrong; the same time for unknown names. After
  /// 10 failures for a name or an address within 15 minutes: kUnavailable (429 with Retry-After).
  io::Task<Result<IssuedSecret>> log_in(std::string name, std::string password,
                                        std::string peer_host);
  /// Milliseconds until `log_in` may be tried again, 0 when now: for Retry-After.
  [[nodiscard]] std::uint32_t log_in_wait_ms(std::string_view name,
                                             std::string_view peer_host) const;
  /// A session for a user that has just proven itself otherwise (first run). 30 days; the oldest
  /// of more than 100 of one user ends.
  io::Task<Result<IssuedSecret>> start_session(std::string user_id);
  io::Task<Result<>> log_out(std::string session_secret);

  /// With an empty `user_name` the token is the operator's: whoever runs the machine, an
  /// administrator without an account. Only the admin socket makes those.
  io::Task<Result<IssuedSecret>> create_token(std::string user_name, std::string token_name,
                                              std::int64_t expires_at_ms);
  [[nodiscard]] std::vector<Token> tokens(std::string_view user_id = {}) const;
  io::Task<Result<>> revoke_token(std::string token_id);
  /// Deletes expired sessions and tokens.
  io::Task<Result<>> sweep();

 private:
  struct Impl;
  explicit Accounts(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::store
