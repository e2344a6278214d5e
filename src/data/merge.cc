#include "data/merge.h"

#include <vector>

#include "data/token_file.h"
#include "util/error.h"

namespace slm {

void merge_token_files(std::span<const std::filesystem::path> inputs,
                       const std::filesystem::path& output,
                       const std::function<void(int64_t, int64_t)>& progress) {
  check(!inputs.empty(), "[merge] no token files are given");
  std::vector<TokenFile> files;
  int64_t total = 0, done = 0;
  for (const auto& input : inputs) {
    files.emplace_back(input);
    total += int64_t(files.back().bytes().size());
  }
  if (output.has_parent_path()) std::filesystem::create_directories(output.parent_path());
  TokenFileWriter writer(output, files[0].type());
  for (const TokenFile& file : files)
    writer.append(file, [&](int64_t bytes) {
      done += bytes;
      if (progress) progress(done, total);
    });
  writer.commit();
}

}  // namespace slm
