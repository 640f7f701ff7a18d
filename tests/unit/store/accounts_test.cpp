#include <streamforge/store/accounts.hpp>

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/clock.hpp>
#include <streamforge/base/digest.hpp>
#include <streamforge/base/limits.hpp>

#include <vector>

#include "fixture.hpp"

namespace sf::store::test {
namespace {

class AccountsTest : public CatalogueTest {
 protected:
  void reload(bool open_access = false) {
    accounts.reset();
    accounts = must(Accounts::open(*catalogue, pool, open_access));
  }
  User add(const std::string& name, Role role = Role::kAdmin) {
    return must(reactor.wait(accounts->create_user(name, "correct horse", role)));
  }
  IssuedSecret log_in(const std::string& name) {
    return must(reactor.wait(accounts->log_in(name, "correct horse", "::1")));
  }
  Result<Principal> by_session(const std::string& secret) {
    return accounts->identify({.authorization = {}, .session = secret});
  }
  Result<Principal> by_header(const std::string& header) {
    return accounts->identify({.authorization = header, .session = {}});
  }

  std::unique_ptr<Accounts> accounts = must(Accounts::open(*catalogue, pool, false));
};
SF_ON_BOTH_BACKENDS(AccountsTest);

TEST_P(AccountsTest, TheFirstUserNeedsTheLinkAndIsTheOnlyFirst) {
  EXPECT_TRUE(accounts->setup_required());
  const std::string token = accounts->setup_token();
  EXPECT_EQ(accounts->setup_token(), token);
  EXPECT_EQ(code_of(reactor.wait(accounts->create_first_user("", "Ann", "correct horse"))),
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(code_of(reactor.wait(accounts->create_first_user("guess", "Ann", "correct horse"))),
            ErrorCode::kPermissionDenied);

  // Two at once, both with the right link: one of them becomes the administrator.
  auto one = reactor.start(accounts->create_first_user(token, "Ann", "correct horse"));
  auto two = reactor.start(accounts->create_first_user(token, "Bob", "correct horse"));
  const auto first = one.get();
  const auto second = two.get();
  EXPECT_NE(first.has_value(), second.has_value());
  EXPECT_EQ(must(first ? first : second).role, Role::kAdmin);
  EXPECT_FALSE(accounts->setup_required());
  EXPECT_EQ(accounts->setup_token(), "");
  EXPECT_EQ(code_of(reactor.wait(accounts->create_first_user(token, "Eve", "correct horse"))),
            ErrorCode::kPermissionDenied);
  EXPECT_EQ(accounts->users().size(), 1u);
}

TEST_P(AccountsTest, NamesAreUniqueWithoutCase) {
  auto one = reactor.start(accounts->create_user("Ann", "correct horse", Role::kEditor));
  auto two = reactor.start(accounts->create_user("ANN", "correct horse", Role::kEditor));
  const auto first = one.get();
  const auto second = two.get();
  EXPECT_NE(first.has_value(), second.has_value());
  EXPECT_EQ(code_of(first ? second : first), ErrorCode::kConflict);
  reload();
  EXPECT_EQ(code_of(reactor.wait(accounts->create_user("ann", "correct horse", Role::kEditor))),
            ErrorCode::kConflict);
}

TEST_P(AccountsTest, RefusesOddNamesAndShortPasswords) {
  for (const std::string& name : {std::string(), std::string(65, 'x'), std::string("a\nb"),
                                  std::string("a\0b", 3), std::string("\xff"), std::string(" ann"),
                                  std::string("a\xc2\x85"
                                              "b")}) {
    EXPECT_EQ(code_of(reactor.wait(accounts->create_user(name, "correct horse", Role::kViewer))),
              ErrorCode::kInvalidArgument);
  }
  for (const std::string& password : {std::string("1234567"), std::string(1025, 'x')}) {
    EXPECT_EQ(code_of(reactor.wait(accounts->create_user("ann", password, Role::kViewer))),
              ErrorCode::kInvalidArgument);
  }
  add("Zoë Ångström");
}

TEST_P(AccountsTest, ASessionIsKnownUntilItEnds) {
  const User ann = add("Ann");
  const IssuedSecret session = log_in("ANN");
  EXPECT_GT(session.expires_at_ms, wall_ms());
  for (int restart = 0; restart < 2; ++restart) {
    const Principal who = must(by_session(session.secret));
    EXPECT_EQ(who.kind, Principal::Kind::kUser);
    EXPECT_EQ(who.user_id, ann.id);
    EXPECT_EQ(who.user_name, "Ann");
    EXPECT_EQ(who.role, Role::kAdmin);
    EXPECT_TRUE(who.by_cookie);
    reload();
  }
  must(reactor.wait(accounts->log_out(session.secret)));
  must(reactor.wait(accounts->log_out(session.secret)));
  EXPECT_EQ(code_of(by_session(session.secret)), ErrorCode::kUnauthenticated);
  reload();
  EXPECT_EQ(code_of(by_session(session.secret)), ErrorCode::kUnauthenticated);
}

TEST_P(AccountsTest, NoCredentialIsNobodyAndAWrongOneIsRefused) {
  add("Ann");
  EXPECT_EQ(must(accounts->identify({})).kind, Principal::Kind::kNobody);
  for (const char* header : {"Bearer", "Bearer ", "Bearer x", "Basic YTpi", "x", "Bearer\tx"}) {
    EXPECT_EQ(code_of(by_header(header)), ErrorCode::kUnauthenticated) << header;
  }
  EXPECT_EQ(code_of(by_session("x")), ErrorCode::kUnauthenticated);
}

TEST_P(AccountsTest, TokensAuthenticateExpireAndAreRevoked) {
  const User ann = add("Ann");
  const auto token = must(reactor.wait(accounts->create_token("Ann", "backup", 0)));
  const auto expired = must(reactor.wait(accounts->create_token("Ann", "old", wall_ms() - 1)));
  EXPECT_TRUE(token.secret.starts_with("sft_"));
  reload();
  const Principal who = must(by_header("bEARER " + token.secret));
  EXPECT_EQ(who.user_id, ann.id);
  EXPECT_FALSE(who.by_cookie);
  EXPECT_EQ(code_of(by_header("Bearer " + expired.secret)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code_of(by_session(token.secret)), ErrorCode::kUnauthenticated)
      << "a token is no session";

  ASSERT_EQ(accounts->tokens(ann.id).size(), 2u);
  for (const auto& kept : accounts->tokens()) {
    EXPECT_EQ(kept.hash.size(), 64u);
    EXPECT_EQ(kept.hash.find(token.secret), std::string::npos);
  }
  must(reactor.wait(accounts->sweep()));
  EXPECT_EQ(accounts->tokens(ann.id).size(), 1u);
  must(reactor.wait(accounts->revoke_token(token.id)));
  EXPECT_EQ(code_of(reactor.wait(accounts->revoke_token(token.id))), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(by_header("Bearer " + token.secret)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code_of(reactor.wait(accounts->create_token("Nobody", "x", 0))), ErrorCode::kNotFound);
}

TEST_P(AccountsTest, ANewPasswordEndsSessionsButNotTokens) {
  add("Ann");
  const auto session = log_in("Ann");
  const auto token = must(reactor.wait(accounts->create_token("Ann", "backup", 0)));
  must(reactor.wait(accounts->set_password("ann", "battery staple")));
  EXPECT_EQ(code_of(by_session(session.secret)), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(by_header("Bearer " + token.secret));
  EXPECT_EQ(code_of(reactor.wait(accounts->log_in("Ann", "correct horse", "::1"))),
            ErrorCode::kUnauthenticated);
  must(reactor.wait(accounts->log_in("Ann", "battery staple", "::1")));
  EXPECT_EQ(code_of(reactor.wait(accounts->set_password("Eve", "battery staple"))),
            ErrorCode::kNotFound);
}

TEST_P(AccountsTest, RemovingAUserEndsAllItHolds) {
  add("Ann");
  add("Bob", Role::kEditor);
  const auto session = log_in("Bob");
  const auto token = must(reactor.wait(accounts->create_token("Bob", "backup", 0)));
  must(reactor.wait(accounts->remove_user("bob")));
  EXPECT_EQ(code_of(by_session(session.secret)), ErrorCode::kUnauthenticated);
  EXPECT_EQ(code_of(by_header("Bearer " + token.secret)), ErrorCode::kUnauthenticated);
  EXPECT_TRUE(accounts->tokens().empty());
  reload();
  EXPECT_EQ(accounts->users().size(), 1u);
  EXPECT_EQ(code_of(by_session(session.secret)), ErrorCode::kUnauthenticated);
}

TEST_P(AccountsTest, OneAdministratorStays) {
  add("Ann");
  add("Bob");
  add("Cat", Role::kViewer);
  auto one = reactor.start(accounts->remove_user("Ann"));
  auto two = reactor.start(accounts->remove_user("Bob"));
  const auto first = one.get();
  const auto second = two.get();
  EXPECT_NE(first.has_value(), second.has_value());
  EXPECT_EQ(code_of(first ? second : first), ErrorCode::kConflict);
  must(reactor.wait(accounts->remove_user("Cat")));
}

TEST_P(AccountsTest, WrongLoginsSayTheSameAndRunOut) {
  add("Ann");
  const auto unknown = reactor.wait(accounts->log_in("Eve", "correct horse", "10.0.0.1"));
  const auto wrong = reactor.wait(accounts->log_in("Ann", "wrong horse", "10.0.0.2"));
  EXPECT_EQ(code_of(unknown), ErrorCode::kUnauthenticated);
  EXPECT_EQ(unknown.error().message, wrong.error().message);

  // All at once: charged before they are tried, so none slips through.
  std::vector<std::future<Result<IssuedSecret>>> tries;
  for (unsigned i = 0; i < limits::kLoginFailuresMax + 5; ++i) {
    tries.push_back(reactor.start(accounts->log_in("Bob", "wrong horse", concat("10.0.1.", i))));
  }
  unsigned refused = 0;
  for (auto& each : tries) refused += code_of(each.get()) == ErrorCode::kUnavailable ? 1 : 0;
  EXPECT_EQ(refused, 5u);
  EXPECT_GT(accounts->log_in_wait_ms("bob", "10.9.9.9"), 0u);
  EXPECT_EQ(accounts->log_in_wait_ms("ann", "10.9.9.9"), 0u);
  log_in("Ann");
}

TEST_P(AccountsTest, OldSessionsOfOneUserGiveWay) {
  const User ann = add("Ann");
  std::vector<std::string> secrets;
  for (int i = 0; i < 101; ++i) {
    secrets.push_back(must(reactor.wait(accounts->start_session(ann.id))).secret);
  }
  int alive = 0;
  for (const auto& secret : secrets) alive += by_session(secret).has_value() ? 1 : 0;
  EXPECT_EQ(alive, 100);
  EXPECT_TRUE(by_session(secrets.back()));
  EXPECT_EQ(code_of(reactor.wait(accounts->start_session(make_id()))), ErrorCode::kUnauthenticated);
}

TEST_P(AccountsTest, OpenAccessMakesEverybodyOpen) {
  reload(/*open_access=*/true);
  EXPECT_TRUE(accounts->open_access());
  EXPECT_EQ(must(accounts->identify({})).kind, Principal::Kind::kOpen);
  EXPECT_EQ(must(by_header("Bearer x")).kind, Principal::Kind::kOpen);
}

}  // namespace
}  // namespace sf::store::test
