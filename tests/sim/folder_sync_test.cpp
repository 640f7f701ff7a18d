/// Uploads that begin in the same moment share the syncs of their folder, and each is still there
/// after a power cut when its client was told so.

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "rig.hpp"

namespace sf::tus {
namespace {

constexpr unsigned kReactors = 2;
constexpr std::uint32_t kSyncMs = 200;
constexpr unsigned kClients = 48;

TEST(FolderSync, ManyNamesAreMadeDurableTogether) {
  Rig rig(11, kReactors);
  rig.start();
  rig.disk().set_sync_ms(kSyncMs);
  const std::uint64_t before = rig.disk().folder_syncs();
  std::vector<std::string> ids(kClients);
  {
    std::vector<std::jthread> clients;
    for (unsigned n = 0; n < kClients; ++n) {
      clients.emplace_back([&, n] {
        const auto answer =
            rig.fetch("POST", "/files", {{"Upload-Length", "10"}}, {}, n % kReactors);
        EXPECT_EQ(answer.status, 201) << answer.body;
        ids[n] = answer["Location"].substr(std::string("/files/").size());
      });
    }
  }
  EXPECT_LE(rig.disk().folder_syncs() - before, kClients / 2);
  rig.cut_power_and_restart();
  for (const std::string& id : ids) {
    EXPECT_EQ(rig.fetch("HEAD", "/files/" + id)["Upload-Offset"], "0") << id;
  }
}

}  // namespace
}  // namespace sf::tus
