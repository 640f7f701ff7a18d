/// --measure-quality: docs/protocols/api.md, "quality".

#include <streamforge/base/json.hpp>

#include "hls_case.hpp"

namespace sf::test {
namespace {

class HlsQuality : public HlsCase {
 protected:
  explicit HlsQuality(std::vector<std::string> flags = {"--copy", "false", "--measure-quality",
                                                        "true"})
      : HlsCase(std::move(flags)) {}

  [[nodiscard]] json::Value video() const {
    return *json::parse(get(concat("/api/v1/videos/", id_)).body);
  }
};

TEST_P(HlsQuality, IsToldOfWhatIsEncodedAndOutlivesARestart) {
  for (const bool again : {false, true}) {
    if (again) {
      ASSERT_EQ(server_.terminate(), 0);
      server_.start();
    }
    const json::Value told = video();
    const json::Value& rung = told.find("renditions")->array().front();
    EXPECT_EQ(rung.string_at("mode"), "encode");
    const json::Value* quality = rung.find("quality");
    ASSERT_TRUE(quality != nullptr && quality->is_object());
    EXPECT_EQ(quality->uint_at("segments"), 3u);
    const double ssim = *quality->find("ssim")->as_double();
    EXPECT_GT(ssim, 0.9);
    EXPECT_LT(ssim, 1);
    const double psnr_db = *quality->find("psnr_db")->as_double();
    EXPECT_GT(psnr_db, 30);
    EXPECT_LT(psnr_db, 70);
  }
}

class HlsNoQuality : public HlsQuality {
 protected:
  HlsNoQuality() : HlsQuality({"--copy", "false"}) {}
};

TEST_P(HlsNoQuality, IsNullWhereNobodyAsksForIt) {
  const json::Value told = video();
  EXPECT_TRUE(told.find("renditions")->array().front().find("quality")->is_null());
}

SF_ON_BOTH_BACKENDS(HlsQuality);
SF_ON_BOTH_BACKENDS(HlsNoQuality);

}  // namespace
}  // namespace sf::test
