// What must hold of the source tree itself: include directions, file sizes, and documents that name
// things that exist.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "support/test_data.h"

namespace slm {
namespace {

namespace fs = std::filesystem;
using testing::source_dir;

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<fs::path> sources_under(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().extension() == ".cc" || entry.path().extension() == ".h")
      files.push_back(entry.path());
  return files;
}

// The rooms each room may include, read from its USES in CMake so that there is one truth.
std::map<std::string, std::vector<std::string>> room_uses() {
  std::map<std::string, std::vector<std::string>> uses;
  for (const auto& entry : fs::directory_iterator(source_dir() / "src")) {
    if (!fs::exists(entry.path() / "CMakeLists.txt")) continue;
    std::vector<std::string>& rooms = uses[entry.path().filename()];
    const std::regex target("slm_([a-z]+)\\b");
    for (const std::string& line : lines_of(entry.path() / "CMakeLists.txt"))
      for (std::sregex_iterator it(line.begin(), line.end(), target), end; it != end; ++it)
        rooms.push_back((*it)[1]);
  }
  return uses;
}

bool reaches(const std::map<std::string, std::vector<std::string>>& uses, const std::string& from,
             const std::string& to) {
  if (from == to) return true;
  auto it = uses.find(from);
  return it != uses.end() &&
         std::any_of(it->second.begin(), it->second.end(), [&](const std::string& next) {
           return next != from && reaches(uses, next, to);
         });
}

TEST(Project, IncludesFollowTheLayers) {
  const std::vector<std::string> order{"util",    "comm", "hub",   "core",  "format",
                                       "backend", "ops",  "text",  "model", "generate",
                                       "data",    "eval", "train", "cli"};
  auto place = [&](const std::string& room) {
    return std::find(order.begin(), order.end(), room) - order.begin();
  };
  auto uses = room_uses();
  const std::regex include("#include \"([a-z]+)/.*\"");
  for (const auto& [room, rooms] : uses) {
    EXPECT_LT(place(room), std::ssize(order))
        << "room " << room << " has no place in the order of layers";
    for (const fs::path& file : sources_under(source_dir() / "src" / room)) {
      bool is_test = file.string().ends_with("_test.cc");
      for (const std::string& line : lines_of(file)) {
        std::smatch match;
        if (!std::regex_match(line, match, include) || !uses.contains(match[1]) || is_test)
          continue;
        EXPECT_LE(place(match[1]), place(room)) << file << " looks up the layers: " << line;
        EXPECT_TRUE(reaches(uses, room, match[1]))
            << file << " includes a room its CMakeLists.txt does not use: " << line;
      }
    }
  }
}

TEST(Project, FilesStaySmall) {
  for (const fs::path& file : sources_under(source_dir() / "src"))
    if (!file.string().ends_with("_table.cc")) {
      EXPECT_LE(lines_of(file).size(), 600u) << file;
    }
}

TEST(Project, ArchitectureNamesFilesThatExist) {
  const std::regex path("`((src|tests|bench|docs|configs|tools)/[A-Za-z0-9_./-]+)`");
  int found = 0;
  for (const std::string& line : lines_of(source_dir() / "ARCHITECTURE.md"))
    for (std::sregex_iterator it(line.begin(), line.end(), path), end; it != end; ++it, ++found)
      EXPECT_TRUE(fs::exists(source_dir() / (*it)[1].str()))
          << (*it)[1] << " does not exist: " << line;
  EXPECT_GE(found, 20) << "the one-guess table is gone";
}

TEST(Project, EveryHeaderSaysWhatItIsFor) {
  for (const fs::path& file : sources_under(source_dir() / "src")) {
    if (file.extension() != ".h") continue;
    auto lines = lines_of(file);
    EXPECT_TRUE(!lines.empty() && lines[0].starts_with("//"))
        << file << " does not begin with its purpose";
  }
}

}  // namespace
}  // namespace slm
