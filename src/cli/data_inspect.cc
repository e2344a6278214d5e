// stablelm data inspect: a look into token files.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/data_commands.h"
#include "cli/resolve_model.h"
#include "data/token_file.h"
#include "model/load.h"
#include "util/json.h"

namespace slm {
namespace {

struct InspectFlags {
  std::filesystem::path prefix, tokenizer;
  int64_t count = 3;
};

void show_document(const TokenFile& file, int64_t d, const Tokenizer* tokenizer) {
  constexpr int64_t kShown = 64;
  std::vector<int32_t> ids(size_t(std::min(file.length(d), kShown)));
  file.read(d, 0, ids);
  std::string_view more = file.length(d) > kShown ? " ..." : "";
  std::string text =
      format("document {}: {} tokens\n  {}{}\n", d, file.length(d), fmt::join(ids, " "), more);
  if (tokenizer) text += format("  {}{}\n", Json(tokenizer->decode(ids)).dump(), more);
  std::fputs(text.c_str(), stdout);
}

void inspect(const InspectFlags& flags) {
  TokenFile file(flags.prefix);
  std::shared_ptr<const Tokenizer> tokenizer;
  if (!flags.tokenizer.empty()) tokenizer = open_tokenizer(resolve_model(flags.tokenizer));
  int64_t longest = 0, empty = 0;
  for (int64_t d = 0; d < file.documents(); ++d) {
    longest = std::max(longest, file.length(d));
    empty += file.length(d) == 0;
  }
  std::string text =
      format("{}: {} documents, {} tokens as {}, longest {}, empty {}\n", file.prefix().string(),
             file.documents(), file.tokens(), token_type_name(file.type()), longest, empty);
  std::fputs(text.c_str(), stdout);
  for (int64_t d = 0; d < std::min(flags.count, file.documents()); ++d)
    show_document(file, d, tokenizer.get());
}

}  // namespace

void add_data_inspect(CLI::App& data) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* app = data.add_subcommand("inspect", "Show what token files hold");
  app->add_option("prefix", flags->prefix, "Prefix of the .bin and .idx files")
      ->required()
      ->type_name("PREFIX");
  app->add_option("--tokenizer", flags->tokenizer,
                  "Show the text, by this tokenizer file or model directory");
  app->add_option("-n", flags->count, "Documents to show")->capture_default_str();
  app->callback([flags] { inspect(*flags); });
}

}  // namespace slm
