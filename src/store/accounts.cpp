#include <streamforge/store/accounts.hpp>

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/digest.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/base/log.hpp>

#include <algorithm>
#include <mutex>

#include "account_book.hpp"
#include "catalogue_impl.hpp"
#include "codec.hpp"
#include "login_limiter.hpp"
#include "passwords.hpp"

namespace sf::store {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kPasswordBytesMin = 8;
constexpr std::size_t kPasswordBytesMax = 1024;
constexpr std::int64_t kSessionMs = std::int64_t{30} * 24 * 3600 * 1000;
constexpr std::size_t kSessionsPerUserMax = 100;
constexpr std::string_view kTokenPrefix = "sft_";  ///< For people and scanners that find one.
constexpr std::string_view kBearer = "bearer ";

std::uint64_t mono_ms() { return mono_ns() / 1'000'000; }

bool has_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    // U+0080 to U+009F.
    const bool c1 =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) return true;
  }
  return false;
}

Result<> check_name(std::string_view name) {
  if (!name.empty() && name.size() <= kNameBytesMax && is_utf8(name) && !has_control(name) &&
      trim(name) == name) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              "a name has 1 to 64 bytes of UTF-8, no control characters, no spaces around it");
}

Result<> check_password(std::string_view password) {
  if (password.size() >= kPasswordBytesMin && password.size() <= kPasswordBytesMax) return {};
  return fail(ErrorCode::kInvalidArgument, "a password has 8 to 1024 bytes");
}

std::unexpected<Error> no_user(std::string_view name) {
  return fail(ErrorCode::kNotFound, concat("there is no user ", name));
}

template <class Record>
Result<> load(const Database& database, Family family, AccountBook& book) {
  return database.each(family, [&](std::string_view, std::string_view stored) -> Result<bool> {
    auto record = decode<Record>(stored);
    if (!record) return fail(std::move(record.error()));
    book.put(*record);
    return true;
  });
}

}  // namespace

struct Accounts::Impl {
  Impl(Catalogue& catalogue, io::OffloadPool& pool, bool open)
      : database(catalogue.raw().database),
        committer(catalogue.raw().committer),
        lane(pool),
        open_access(open) {}
  ~Impl() { committer.set_reopen_listener(nullptr); }

  const Database& database;
  Committer& committer;
  PasswordLane lane;
  const bool open_access;
  AccountBook book;
  LoginLimiter limiter;
  std::mutex setup_mutex;
  std::string setup_token;  ///< Guarded by setup_mutex; empty until asked for.

  Result<> load_book() {
    AccountBook fresh;
    auto loaded = load<User>(database, Family::kUsers, fresh);
    if (loaded) loaded = load<Token>(database, Family::kTokens, fresh);
    if (loaded) loaded = load<Session>(database, Family::kSessions, fresh);
    if (loaded) book.replace_by(std::move(fresh));
    return loaded;
  }
  [[nodiscard]] bool is_setup_token(std::string_view token) {
    const std::lock_guard lock(setup_mutex);
    return !setup_token.empty() && equals_in_constant_time(token, setup_token);
  }

  // Changes run alone in their group and update the book before the next one is prepared: so a
  // check in a prepare holds until its commit.
  void put(Changes& changes, const User& user);
  void put(Changes& changes, const Token& token);
  void put(Changes& changes, const Session& session);
  void erase(Changes& changes, const Token& token);
  void erase(Changes& changes, const Session& session);
  void erase_user(Changes& changes, const std::string& id);
  void end_sessions(Changes& changes, const std::string& user_id);

  io::Task<Result<User>> add_user(std::string name, std::string password, Role role,
                                  bool only_first);
  io::Task<Result<std::string>> hash(const std::string& password);
};

void Accounts::Impl::put(Changes& changes, const User& user) {
  changes.put(Family::kUsers, user.id, user);
  changes.then([this, user] { book.put(user); });
}
void Accounts::Impl::put(Changes& changes, const Token& token) {
  changes.put(Family::kTokens, token.id, token);
  changes.then([this, token] { book.put(token); });
}
void Accounts::Impl::put(Changes& changes, const Session& session) {
  changes.put(Family::kSessions, session.hash, session);
  changes.then([this, session] { book.put(session); });
}
void Accounts::Impl::erase(Changes& changes, const Token& token) {
  changes.erase(Family::kTokens, token.id);
  changes.then([this, token] { book.erase(token); });
}
void Accounts::Impl::erase(Changes& changes, const Session& session) {
  changes.erase(Family::kSessions, session.hash);
  changes.then([this, session] { book.erase(session); });
}
void Accounts::Impl::erase_user(Changes& changes, const std::string& id) {
  changes.erase(Family::kUsers, id);
  changes.then([this, id] { book.erase_user(id); });
}
void Accounts::Impl::end_sessions(Changes& changes, const std::string& user_id) {
  for (const auto& session : book.sessions(user_id)) erase(changes, session);
}

io::Task<Result<std::string>> Accounts::Impl::hash(const std::string& password) {
  Result<std::string> hashed;
  std::function<void()> work = [&hashed, &password] { hashed = hash_password(password); };
  if (auto ran = co_await lane.run(std::move(work)); !ran) co_return fail(std::move(ran.error()));
  co_return hashed;
}

io::Task<Result<User>> Accounts::Impl::add_user(std::string name, std::string password, Role role,
                                                bool only_first) {
  if (auto good = check_name(name); !good) co_return fail(std::move(good.error()));
  if (auto good = check_password(password); !good) co_return fail(std::move(good.error()));
  auto hashed = co_await hash(password);
  if (!hashed) co_return fail(std::move(hashed.error()));

  const User user{make_id(), std::move(name), role, std::move(*hashed), wall_ms()};
  Committer::Prepare prepare = [this, &user, only_first](Changes& changes) -> Result<> {
    if (only_first && !book.empty()) {
      return fail(ErrorCode::kPermissionDenied, "there is an administrator already");
    }
    if (book.user_by_name(user.name)) {
      return fail(ErrorCode::kConflict, concat("the name ", user.name, " is taken"));
    }
    put(changes, user);
    return {};
  };
  auto committed = co_await committer.commit(std::move(prepare), /*alone=*/true);
  if (!committed) co_return fail(std::move(committed.error()));
  co_return user;
}

Accounts::Accounts(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Accounts::~Accounts() = default;

Result<std::unique_ptr<Accounts>> Accounts::open(Catalogue& catalogue, io::OffloadPool& pool,
                                                 bool open_access) {
  if (auto started = start_sodium(); !started) return fail(std::move(started.error()));
  auto impl = std::make_unique<Impl>(catalogue, pool, open_access);
  if (auto loaded = impl->load_book(); !loaded) return fail(std::move(loaded.error()));
  impl->committer.set_reopen_listener([self = impl.get()] {
    const auto loaded = self->load_book();
    if (!loaded) log::error("store", "accounts are not read", {{"error", loaded.error().message}});
  });
  return std::unique_ptr<Accounts>(new Accounts(std::move(impl)));
}

Result<Principal> Accounts::identify(const Credentials& credentials) const {
  std::optional<Principal> who;
  if (impl_->open_access) {
    who.emplace().kind = Principal::Kind::kOpen;
    return std::move(*who);
  }
  if (!credentials.authorization.empty()) {
    const auto scheme = credentials.authorization.substr(0, kBearer.size());
    if (equals_ignoring_case(scheme, kBearer)) {
      const auto secret = trim(credentials.authorization.substr(kBearer.size()));
      who = impl_->book.holder_of_token(secret, wall_ms());
    }
  } else if (!credentials.session.empty()) {
    who = impl_->book.holder_of_session(credentials.session, wall_ms());
  } else {
    return Principal{};
  }
  if (!who) return fail(ErrorCode::kUnauthenticated, "this login is unknown or has expired");
  return std::move(*who);
}

bool Accounts::open_access() const noexcept { return impl_->open_access; }
bool Accounts::setup_required() const noexcept { return impl_->book.empty(); }

std::string Accounts::setup_token() {
  const std::lock_guard lock(impl_->setup_mutex);
  if (!impl_->book.empty()) return {};
  if (impl_->setup_token.empty()) impl_->setup_token = make_secret();
  return impl_->setup_token;
}

io::Task<Result<User>> Accounts::create_user(std::string name, std::string password, Role role) {
  return impl_->add_user(std::move(name), std::move(password), role, /*only_first=*/false);
}

io::Task<Result<User>> Accounts::create_first_user(std::string setup_token, std::string name,
                                                   std::string password) {
  if (!setup_required() || !impl_->is_setup_token(setup_token)) {
    co_return fail(ErrorCode::kPermissionDenied, "this link is not valid, or has been used");
  }
  co_return co_await impl_->add_user(std::move(name), std::move(password), Role::kAdmin,
                                     /*only_first=*/true);
}

io::Task<Result<>> Accounts::set_password(std::string name, std::string password) {
  if (auto good = check_password(password); !good) co_return good;
  if (!impl_->book.user_by_name(name)) co_return no_user(name);
  auto hashed = co_await impl_->hash(password);
  if (!hashed) co_return fail(std::move(hashed.error()));
  Committer::Prepare prepare = [this, &name, &hashed](Changes& changes) -> Result<> {
    auto user = impl_->book.user_by_name(name);
    if (!user) return no_user(name);
    user->password_hash = *hashed;
    impl_->put(changes, *user);
    impl_->end_sessions(changes, user->id);
    return {};
  };
  co_return co_await impl_->committer.commit(std::move(prepare), /*alone=*/true);
}

io::Task<Result<>> Accounts::remove_user(std::string name) {
  Committer::Prepare prepare = [this, &name](Changes& changes) -> Result<> {
    const auto user = impl_->book.user_by_name(name);
    if (!user) return no_user(name);
    if (user->role == Role::kAdmin && impl_->book.admins() == 1) {
      return fail(ErrorCode::kConflict, "the last administrator cannot be removed");
    }
    impl_->end_sessions(changes, user->id);
    for (const auto& token : impl_->book.tokens(user->id)) impl_->erase(changes, token);
    impl_->erase_user(changes, user->id);
    return {};
  };
  co_return co_await impl_->committer.commit(std::move(prepare), /*alone=*/true);
}

std::vector<User> Accounts::users() const { return impl_->book.users(); }

io::Task<Result<IssuedSecret>> Accounts::log_in(std::string name, std::string password,
                                                std::string peer_host) {
  if (!impl_->limiter.charge(name, peer_host, mono_ms())) {
    co_return fail(ErrorCode::kUnavailable, "too many failed logins, try again later");
  }
  const auto user = impl_->book.user_by_name(name);
  bool right = false;
  std::function<void()> work = [&] {
    right = is_password(user ? user->password_hash : dummy_password_hash(), password);
  };
  if (auto ran = co_await impl_->lane.run(std::move(work)); !ran) {
    impl_->limiter.refund(name, peer_host);
    co_return fail(std::move(ran.error()));
  }
  if (!user || !right) {
    co_return fail(ErrorCode::kUnauthenticated, "the name or the password is wrong");
  }
  impl_->limiter.refund(name, peer_host);
  impl_->limiter.forget(name);
  co_return co_await start_session(user->id);
}

std::uint32_t Accounts::log_in_wait_ms(std::string_view name, std::string_view peer_host) const {
  return impl_->limiter.wait_ms(name, peer_host, mono_ms());
}

io::Task<Result<IssuedSecret>> Accounts::start_session(std::string user_id) {
  const auto now_ms = wall_ms();
  const std::string secret = make_secret();
  const Session session{sha256_hex(as_bytes(secret)), std::move(user_id), now_ms,
                        now_ms + kSessionMs};
  Committer::Prepare prepare = [this, &session](Changes& changes) -> Result<> {
    if (!impl_->book.user_by_id(session.user)) {
      return fail(ErrorCode::kUnauthenticated, "this user is gone");
    }
    const auto open = impl_->book.sessions(session.user);
    for (std::size_t i = 0; i + kSessionsPerUserMax <= open.size(); ++i) {
      impl_->erase(changes, open[i]);
    }
    impl_->put(changes, session);
    return {};
  };
  auto committed = co_await impl_->committer.commit(std::move(prepare), /*alone=*/true);
  if (!committed) co_return fail(std::move(committed.error()));
  co_return IssuedSecret{secret, session.hash, session.expires_at_ms};
}

io::Task<Result<>> Accounts::log_out(std::string session_secret) {
  Committer::Prepare prepare = [this,
                                hash = sha256_hex(as_bytes(session_secret))](Changes& changes) {
    Session session;
    session.hash = hash;
    impl_->erase(changes, session);
    return Result<>();
  };
  co_return co_await impl_->committer.commit(std::move(prepare), /*alone=*/true);
}

io::Task<Result<IssuedSecret>> Accounts::create_token(std::string user_name, std::string token_name,
                                                      std::int64_t expires_at_ms) {
  if (auto good = check_name(token_name); !good) co_return fail(std::move(good.error()));
  const std::string secret = concat(kTokenPrefix, make_secret());
  Token token{make_id(), {},           std::move(token_name), sha256_hex(as_bytes(secret)),
              wall_ms(), expires_at_ms};
  Committer::Prepare prepare = [this, &user_name, &token](Changes& changes) -> Result<> {
    if (!user_name.empty()) {
      const auto user = impl_->book.user_by_name(user_name);
      if (!user) return no_user(user_name);
      token.user = user->id;
    }
    impl_->put(changes, token);
    return {};
  };
  auto committed = co_await impl_->committer.commit(std::move(prepare), /*alone=*/true);
  if (!committed) co_return fail(std::move(committed.error()));
  co_return IssuedSecret{secret, token.id, token.expires_at_ms};
}

std::vector<Token> Accounts::tokens(std::string_view user_id) const {
  return impl_->book.tokens(user_id);
}

io::Task<Result<>> Accounts::revoke_token(std::string token_id) {
  Committer::Prepare prepare = [this, &token_id](Changes& changes) -> Result<> {
    const auto token = impl_->book.token_by_id(token_id);
    if (!token) return fail(ErrorCode::kNotFound, "there is no such token");
    impl_->erase(changes, *token);
    return {};
  };
  co_return co_await impl_->committer.commit(std::move(prepare), /*alone=*/true);
}

io::Task<Result<>> Accounts::sweep() {
  Committer::Prepare prepare = [this](Changes& changes) -> Result<> {
    const auto now_ms = wall_ms();
    const auto expired = [now_ms](const auto& record) {
      return record.expires_at_ms != 0 && record.expires_at_ms <= now_ms;
    };
    for (const auto& session : impl_->book.sessions({})) {
      if (expired(session)) impl_->erase(changes, session);
    }
    for (const auto& token : impl_->book.tokens({})) {
      if (expired(token)) impl_->erase(changes, token);
    }
    return {};
  };
  co_return co_await impl_->committer.commit(std::move(prepare), /*alone=*/true);
}

}  // namespace sf::store
