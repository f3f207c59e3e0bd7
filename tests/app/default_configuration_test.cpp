#include "app/default_configuration.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "lockstep/core/options.h"

namespace lockstep {
namespace {

TEST(DefaultConfiguration, IsTheFileThatUsersStartFrom) {
  std::ifstream file(LOCKSTEP_SOURCE_DIR "/launch/digits_lenet.cfg");
  const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSERT_FALSE(content.empty());
  Options from_file;
  Options built_in;
  apply_configuration(from_file, content, "launch/digits_lenet.cfg");
  apply_configuration(built_in, app::kDefaultConfiguration, "built in");
  EXPECT_EQ(configuration_text(from_file), configuration_text(built_in));
}

}  // namespace
}  // namespace lockstep
