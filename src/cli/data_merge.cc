// stablelm data merge: several token files as one.
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/data_commands.h"
#include "data/merge.h"
#include "data/token_file.h"
#include "util/progress.h"

namespace slm {
namespace {

struct MergeFlags {
  std::filesystem::path output;
  std::vector<std::filesystem::path> inputs;
};

void merge(const MergeFlags& flags) {
  std::optional<Progress> progress;
  merge_token_files(flags.inputs, flags.output, [&](int64_t bytes, int64_t total) {
    if (!progress)
      progress.emplace(ProgressOptions{.label = "merging", .unit = "B", .total = total});
    progress->update(bytes);
  });
  TokenFile file(flags.output);
  std::printf("%s: %lld documents, %lld tokens\n", file.prefix().c_str(),
              static_cast<long long>(file.documents()), static_cast<long long>(file.tokens()));
}

}  // namespace

void add_data_merge(CLI::App& data) {
  auto flags = std::make_shared<MergeFlags>();
  CLI::App* app = data.add_subcommand("merge", "Join token files, in the order given");
  app->add_option("output", flags->output, "Prefix of the files to write")
      ->required()
      ->type_name("OUTPUT");
  app->add_option("inputs", flags->inputs, "Prefixes of .bin and .idx files")
      ->required()
      ->type_name("PREFIX");
  app->footer("Example: stablelm data merge data/all data/corpus-00000 data/corpus-00001");
  app->callback([flags] { merge(*flags); });
}

}  // namespace slm
