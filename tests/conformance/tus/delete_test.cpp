/// DELETE: rows T1–T5.

#include <chrono>
#include <filesystem>
#include <thread>

#include "tus_case.hpp"

namespace sf::test {
namespace {

class TusDelete : public TusCase {
 protected:
  [[nodiscard]] std::size_t files() const {
    std::size_t count = 0;
    for (const char* folder : {"temp", "raw"}) {
      for ([[maybe_unused]] const auto& entry :
           std::filesystem::directory_iterator(server_.data() / folder)) {
        ++count;
      }
    }
    return count;
  }
  void expect_gone(const std::string& path) const {
    EXPECT_EQ(head(path).status, 404);
    EXPECT_EQ(patch(path, "0", "x").status, 404);
    EXPECT_EQ(tus("DELETE", path).status, 404);
    EXPECT_EQ(bare("GET", path).status, 404);
    EXPECT_EQ(video(path).status, 404);
    EXPECT_EQ(files(), 0u);
  }
};

TEST_P(TusDelete, T1T2_RemovesUnfinishedAndFinishedUploads) {
  const std::string unfinished = create(1'000'000);
  EXPECT_EQ(tus("DELETE", unfinished).status, 204);
  expect_gone(unfinished);
  const std::string finished = create(5);
  ASSERT_EQ(patch(finished, "0", "hello").status, 204);
  EXPECT_EQ(tus("DELETE", finished).status, 204) << "T5: at once, transcode or not";
  expect_gone(finished);
}

TEST_P(TusDelete, T3_UnknownUploadsAre404) {
  EXPECT_EQ(tus("DELETE", "/files/00000000000000000000000000").status, 404);
}

TEST_P(TusDelete, T4_EndsARunningPatch) {
  const std::string path = create(1000);
  auto hung = connect();
  hung.send(patch_head(path, 0, "Content-Length: 1000\r\n"));
  hung.send("abc");
  await_taken(3);
  EXPECT_EQ(tus("DELETE", path).status, 204);
  EXPECT_EQ(hung.read_response().status, 423);
  expect_gone(path);
}

SF_ON_BOTH_BACKENDS(TusDelete);

}  // namespace
}  // namespace sf::test
