#pragma once

/// The upload service over simulated disks: SimDisk under the files, FaultyDisk under the
/// catalogue. Both lose their power in the same moment.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "catalogue_impl.hpp"
#include "database.hpp"
#include "sim_backend.hpp"
#include "unit/store/faulty_disk.hpp"
#include "unit/tus/in_process.hpp"

namespace sf::tus {

using Fields = std::vector<std::pair<std::string, std::string>>;

class Rig {
 public:
  explicit Rig(std::uint64_t seed, unsigned reactors = 1)
      : files_(std::make_shared<test::SimDisk>(seed)) {
    options_.backend = io::BackendKind::kEpoll;
    options_.reactors = reactors;
    options_.reconcile = true;
    options_.make_backend = test::sim_backend(files_);
    options_.open_catalogue = [this](const std::string& path, io::OffloadPool& pool,
                                     store::EventBus& events) {
      return open_catalogue(path, pool, events);
    };
  }

  void start() { server_ = std::make_unique<InProcess>(dir_.path().string(), options_); }
  void cut_after(std::uint64_t operations) {
    files_->cut_after(operations, [this] { records_.disk->cut_power(); });
  }
  /// Now, if it has not failed yet; then what is left is started anew.
  void cut_power_and_restart() {
    records_.disk->cut_power();
    files_->cut_power();
    server_.reset();
    files_->lose_unsynced();
    records_.disk->lose_unsynced();
    start();
  }

  [[nodiscard]] test::SimDisk& disk() { return *files_; }
  [[nodiscard]] InProcess& server() { return *server_; }
  [[nodiscard]] InProcessOptions& options() { return options_; }
  [[nodiscard]] std::uint16_t port(unsigned reactor = 0) const { return server_->port(reactor); }
  /// Empty when there is none.
  [[nodiscard]] std::string blob(const std::string& folder, const std::string& id) const {
    const auto path = dir_.path() / folder / id;
    return std::filesystem::exists(path) ? test::read_file(path) : std::string();
  }

  test::HttpResponse fetch(std::string_view method, std::string_view target, Fields fields = {},
                           std::string_view body = {}, unsigned reactor = 0) {
    fields.emplace_back("Tus-Resumable", "1.0.0");
    return test::fetch(port(reactor), method, target, fields, body);
  }
  test::HttpResponse patch(const std::string& id, std::uint64_t offset, std::string_view body,
                           unsigned reactor = 0) {
    return fetch("PATCH", "/files/" + id,
                 {{"Upload-Offset", std::to_string(offset)},
                  {"Content-Type", "application/offset+octet-stream"}},
                 body, reactor);
  }
  std::string create(std::uint64_t length) {
    const auto answer = fetch("POST", "/files", {{"Upload-Length", std::to_string(length)}});
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer["Location"].substr(std::string("/files/").size());
  }

 private:
  Result<std::unique_ptr<store::Catalogue>> open_catalogue(const std::string& path,
                                                           io::OffloadPool& pool,
                                                           store::EventBus& events) {
    auto database = store::Database::open(path, records_.env);
    if (!database) return fail(std::move(database.error()));
    return std::make_unique<store::Catalogue>(std::move(*database), pool, events);
  }

  test::TempDir dir_;
  store::test::FaultyEnv records_;
  std::shared_ptr<test::SimDisk> files_;
  InProcessOptions options_;
  std::unique_ptr<InProcess> server_;
};

}  // namespace sf::tus
