#pragma once

/// The admin socket, DIR/admin.sock: how commands on this machine speak to a running server.
/// Whoever may open the socket (mode 0600) may do everything; there is no other credential.
///
///   GET  /status            {"url":"http://127.0.0.1:8080","pid":123,"open":false}
///   POST /account           {"verb":"user add","name":…,"password":…,…} → {"text":…}

#include "options.hpp"

#include <streamforge/base/json.hpp>
#include <streamforge/http/router.hpp>
#include <streamforge/store/accounts.hpp>

#include <optional>
#include <string>

namespace sf::app {

[[nodiscard]] std::string admin_socket_path(const std::string& data_dir);

/// What an account verb needs once the password has been read.
struct AccountRequest {
  std::string verb;
  std::string name;
  std::string password;
  std::string role;
  std::string label;
  std::uint64_t days = 0;
};
[[nodiscard]] std::string to_json(const AccountRequest& request);
/// Does it; the text is for the person at the terminal (a token: the secret alone).
[[nodiscard]] io::Task<Result<std::string>> execute(store::Accounts& accounts,
                                                    AccountRequest request);

/// The routes of the admin socket. `url` is where the server listens.
void add_admin_routes(http::Router& router, store::Accounts& accounts, std::string url);

/// What a running server says of itself; nullopt when none runs on `data_dir`.
struct RunningServer {
  std::string url;
  bool open = false;
};
[[nodiscard]] std::optional<RunningServer> running_server(const std::string& data_dir);
/// Asks the running server to execute `request`.
[[nodiscard]] Result<std::string> ask_running_server(const std::string& data_dir,
                                                     const AccountRequest& request);

/// The verbs `user …`, `token …` and `upload`; process exit codes.
int run_account(const AccountOptions& options);
int run_upload(const UploadOptions& options);

}  // namespace sf::app
