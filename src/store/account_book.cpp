#include "account_book.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <mutex>

namespace sf::store {
namespace {

/// A stored hash (hex) as the key it is looked up by; a malformed one is nobody's secret.
SecretHash key_of(const std::string& hex) {
  SecretHash key{};
  if (const auto bytes = from_hex(hex); bytes && bytes->size() == key.size()) {
    std::ranges::copy(*bytes, key.begin());
  }
  return key;
}

template <class Records>
auto of_user(const Records& records, std::string_view user_id) {
  std::vector<typename Records::mapped_type> found;
  for (const auto& [key, record] : records) {
    if (user_id.empty() || record.user == user_id) found.push_back(record);
  }
  std::ranges::sort(
      found, {}, [](const auto& record) { return std::pair(record.created_at_ms, record.hash); });
  return found;
}

}  // namespace

template <class Record>
std::optional<Principal> AccountBook::holder(const BySecret<Record>& records,
                                             std::string_view secret, std::int64_t now_ms) const {
  const SecretHash key = hash_secret(secret);
  const std::shared_lock lock(mutex_);
  const auto found = records.find(key);
  if (found == records.end()) return std::nullopt;
  const Record& record = found->second;
  if (record.expires_at_ms != 0 && record.expires_at_ms <= now_ms) return std::nullopt;
  // A token without a user was made by whoever runs the machine, over the admin socket.
  if (record.user.empty()) {
    return Principal{Principal::Kind::kUser, {}, "operator", Role::kAdmin, false};
  }
  const auto user = users_.find(record.user);
  if (user == users_.end()) return std::nullopt;
  return Principal{Principal::Kind::kUser, user->second.id, user->second.name, user->second.role,
                   false};
}

std::optional<Principal> AccountBook::holder_of_token(std::string_view secret,
                                                      std::int64_t now_ms) const {
  return holder(tokens_, secret, now_ms);
}

std::optional<Principal> AccountBook::holder_of_session(std::string_view secret,
                                                        std::int64_t now_ms) const {
  auto who = holder(sessions_, secret, now_ms);
  if (who) who->by_cookie = true;
  return who;
}

bool AccountBook::empty() const {
  const std::shared_lock lock(mutex_);
  return users_.empty();
}

std::optional<User> AccountBook::user_by_name(std::string_view name) const {
  const std::string folded = to_lower(name);
  const std::shared_lock lock(mutex_);
  const auto id = ids_by_name_.find(folded);
  if (id == ids_by_name_.end()) return std::nullopt;
  return users_.find(id->second)->second;
}

std::optional<User> AccountBook::user_by_id(std::string_view id) const {
  const std::shared_lock lock(mutex_);
  const auto user = users_.find(id);
  if (user == users_.end()) return std::nullopt;
  return user->second;
}

std::size_t AccountBook::admins() const {
  const std::shared_lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(
      users_, [](const auto& entry) { return entry.second.role == Role::kAdmin; }));
}

std::vector<User> AccountBook::users() const {
  const std::shared_lock lock(mutex_);
  std::vector<User> all;
  for (const auto& [id, user] : users_) all.push_back(user);
  return all;
}

std::optional<Token> AccountBook::token_by_id(std::string_view id) const {
  const std::shared_lock lock(mutex_);
  const auto found =
      std::ranges::find_if(tokens_, [id](const auto& entry) { return entry.second.id == id; });
  if (found == tokens_.end()) return std::nullopt;
  return found->second;
}

std::vector<Token> AccountBook::tokens(std::string_view user_id) const {
  const std::shared_lock lock(mutex_);
  return of_user(tokens_, user_id);
}

std::vector<Session> AccountBook::sessions(std::string_view user_id) const {
  const std::shared_lock lock(mutex_);
  return of_user(sessions_, user_id);
}

void AccountBook::put(const User& user) {
  const std::unique_lock lock(mutex_);
  ids_by_name_[to_lower(user.name)] = user.id;
  users_[user.id] = user;
}

void AccountBook::put(const Token& token) {
  const std::unique_lock lock(mutex_);
  tokens_[key_of(token.hash)] = token;
}

void AccountBook::put(const Session& session) {
  const std::unique_lock lock(mutex_);
  sessions_[key_of(session.hash)] = session;
}

void AccountBook::erase_user(const std::string& id) {
  const std::unique_lock lock(mutex_);
  const auto user = users_.find(id);
  if (user == users_.end()) return;
  ids_by_name_.erase(to_lower(user->second.name));
  users_.erase(user);
}

void AccountBook::erase(const Token& token) {
  const std::unique_lock lock(mutex_);
  tokens_.erase(key_of(token.hash));
}

void AccountBook::erase(const Session& session) {
  const std::unique_lock lock(mutex_);
  sessions_.erase(key_of(session.hash));
}

void AccountBook::replace_by(AccountBook&& fresh) {
  const std::unique_lock lock(mutex_);
  users_.swap(fresh.users_);
  ids_by_name_.swap(fresh.ids_by_name_);
  tokens_.swap(fresh.tokens_);
  sessions_.swap(fresh.sessions_);
}

}  // namespace sf::store
