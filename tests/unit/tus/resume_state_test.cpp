#include "resume_state.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temp_dir.hpp"

namespace sf::tus {
namespace {

struct stat of(std::int64_t bytes, std::int64_t seconds) {
  struct stat info{};
  info.st_size = bytes;
  info.st_mtim.tv_sec = seconds;
  return info;
}

class ResumeStateTest : public testing::Test {
 protected:
  [[nodiscard]] ResumeState state(const struct stat& info,
                                  const char* server = "http://a:1") const {
    return {dir_.file("a/b"), server, "/films/\"odd\".mp4", info};
  }
  test::TempDir dir_;
  const UploadState upload_{.group = "g", .parts = {{{4096, 5000}, "/files/one"}, {{0, 4096}, ""}}};
};

TEST_F(ResumeStateTest, GivesBackWhatItWasTold) {
  const auto here = state(of(5000, 7));
  EXPECT_FALSE(here.exists());
  EXPECT_EQ(here.load(), std::nullopt);
  ASSERT_TRUE(here.save({.group = "", .parts = {{{0, 5000}, "x"}}}));
  ASSERT_TRUE(here.save(upload_));
  EXPECT_EQ(state(of(5000, 7)).load(), upload_);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_.path() / "a/b"), {}), 1);
  here.forget();
  EXPECT_FALSE(here.exists());
}

TEST_F(ResumeStateTest, IsOfOneServerAndOneVersionOfTheFile) {
  ASSERT_TRUE(state(of(5000, 7)).save(upload_));
  for (const auto& changed : {of(5001, 7), of(5000, 8)}) {
    EXPECT_TRUE(state(changed).exists());
    EXPECT_EQ(state(changed).load(), std::nullopt);
  }
  EXPECT_FALSE(state(of(5000, 7), "http://b:1").exists());
}

TEST_F(ResumeStateTest, WhatCannotBeReadIsNothing) {
  ASSERT_TRUE(state(of(5000, 7)).save(upload_));
  const auto file = std::filesystem::directory_iterator(dir_.path() / "a/b")->path();
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  EXPECT_EQ(state(of(5000, 7)).load(), std::nullopt);
}

TEST_F(ResumeStateTest, SaysWhenItCannotKeepAnything) {
  const ResumeState nowhere("/proc/none", "http://a:1", "/f", of(1, 1));
  EXPECT_FALSE(nowhere.save(upload_));
  EXPECT_TRUE(ResumeState("", "http://a:1", "/f", of(1, 1)).save(upload_));
}

}  // namespace
}  // namespace sf::tus
