#include "model/published_configs.h"

#include <gtest/gtest.h>

#include "support/refusal.h"
#include "support/test_data.h"

namespace slm::testing {
namespace {

// Keys by name: files differ in their order.
nlohmann::json sorted(const Json& config) { return nlohmann::json::parse(config.dump()); }

TEST(PublishedConfigs, SayWhatTheFilesSay) {
  for (std::string_view name : published_config_names()) {
    ModelConfig expected = read_model_config(fixture("configs") / format("{}.json", name));
    EXPECT_EQ(sorted(published_config(name).config), sorted(expected.config)) << name;
    EXPECT_EQ(published_config(name).spec, expected.spec) << name;
  }
  EXPECT_GE(published_config_names().size(), 8u);
}

TEST(PublishedConfigs, AnUnknownNameSaysTheNearest) {
  try {
    published_config("stablelm-3b-4e1");
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kNotFound);
    EXPECT_NE(std::string(e.what()).find("did you mean stablelm-3b-4e1t"), std::string::npos)
        << e.what();
  }
}

}  // namespace
}  // namespace slm::testing
