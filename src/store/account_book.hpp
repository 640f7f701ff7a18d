#pragma once

#include <streamforge/base/error.hpp>
#include <streamforge/store/access.hpp>
#include <streamforge/store/records.hpp>

#include <cstring>
#include <map>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "passwords.hpp"

namespace sf::store {

/// Users, tokens and sessions in memory, as committed. Read by every request under a shared lock;
/// changed by the committer's thread alone, after its commits. Any thread.
class AccountBook {
 public:
  /// Who holds this secret at `now_ms`; nullopt when it is unknown, expired or its user is gone.
  [[nodiscard]] std::optional<Principal> holder_of_token(std::string_view secret,
                                                         std::int64_t now_ms) const;
  [[nodiscard]] std::optional<Principal> holder_of_session(std::string_view secret,
                                                           std::int64_t now_ms) const;

  [[nodiscard]] bool empty() const;
  [[nodiscard]] std::optional<User> user_by_name(std::string_view name) const;
  [[nodiscard]] std::optional<User> user_by_id(std::string_view id) const;
  [[nodiscard]] std::size_t admins() const;
  [[nodiscard]] std::vector<User> users() const;  ///< Oldest first.
  [[nodiscard]] std::optional<Token> token_by_id(std::string_view id) const;
  /// Of one user, or all; oldest first.
  [[nodiscard]] std::vector<Token> tokens(std::string_view user_id) const;
  /// Of one user, or all; oldest first.
  [[nodiscard]] std::vector<Session> sessions(std::string_view user_id) const;

  void put(const User& user);
  void put(const Token& token);
  void put(const Session& session);
  void erase_user(const std::string& id);
  void erase(const Token& token);
  void erase(const Session& session);
  /// All at once: a reader sees the old or the new, never nobody.
  void replace_by(AccountBook&& fresh);

 private:
  struct HashOfHash {
    std::size_t operator()(const SecretHash& hash) const noexcept {
      std::size_t word = 0;
      std::memcpy(&word, hash.data(), sizeof word);
      return word;
    }
  };
  struct EqualHashes {
    bool operator()(const SecretHash& a, const SecretHash& b) const noexcept { return equal(a, b); }
  };
  template <class Record>
  using BySecret = std::unordered_map<SecretHash, Record, HashOfHash, EqualHashes>;

  template <class Record>
  std::optional<Principal> holder(const BySecret<Record>& records, std::string_view secret,
                                  std::int64_t now_ms) const;

  mutable std::shared_mutex mutex_;
  // Guarded by mutex_.
  std::map<std::string, User, std::less<>> users_;               ///< By id: by age.
  std::map<std::string, std::string, std::less<>> ids_by_name_;  ///< Folded name to id.
  BySecret<Token> tokens_;
  BySecret<Session> sessions_;
};

}  // namespace sf::store
