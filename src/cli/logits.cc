// stablelm logits: what a model predicts, as numbers.
#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/model_options.h"
#include "format/safetensors.h"
#include "model/token_rows.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "IDS is JSON, [[1, 2, 3], [4, 5, 6]], or a safetensors file with an integer tensor input_ids\n"
    "[B, T]. OUT is a safetensors file with logits, f32 [B, T, V]: row t predicts token t + 1.\n"
    "Every row is a text of its own; all must have the same length.\n"
    "Example: stablelm logits my-model --ids ids.json --output logits.safetensors";

struct LogitsOptions {
  ModelOptions model;
  std::string ids, output;
};

TokenRows rows_of_json(const Json& json, const std::string& origin) {
  check_data(json.is_array(), "{}: expected a JSON array of rows of token ids", origin);
  TokenRows rows;
  for (const Json& row : json) {
    check_data(row.is_array(), "{}: expected every row to be an array of token ids", origin);
    rows.emplace_back();
    for (const Json& id : row) {
      check_data(id.is_number_integer() && id >= 0 && id < int64_t{1} << 31,
                 "{}: {} is not a token id", origin, id.dump());
      rows.back().push_back(id.get<int32_t>());
    }
  }
  return rows;
}

TokenRows read_ids(const std::filesystem::path& path) {
  TokenRows rows;
  if (path.extension() == ".safetensors") {
    TensorFiles files = open_safetensors(path);
    check_data(files.find("input_ids"), "{}: tensor \"input_ids\" is missing", path.string());
    rows = token_rows(files.load("input_ids"));
  } else {
    rows = rows_of_json(read_json_file(path), path.string());
  }
  check_data(!rows.empty() && !rows[0].empty(), "{}: no token ids", path.string());
  for (const auto& row : rows)
    check_data(row.size() == rows[0].size(),
               "{}: rows of {} and {} tokens; all must have the same length", path.string(),
               rows[0].size(), row.size());
  return rows;
}

void run(const LogitsOptions& options) {
  TokenRows rows = read_ids(options.ids);
  int64_t batch = int64_t(rows.size()), tokens = int64_t(rows[0].size());
  auto [backend, model, note] =
      options.model.open({.texts = 0, .pass_tokens = tokens, .logit_rows = tokens});
  Decoder decoder = model.decoder();
  int64_t vocab = decoder.spec().vocab;
  Tensor logits = Tensor::host({batch, tokens, vocab}, DType::kF32);
  Context cx{*backend};
  for (int64_t b = 0; b < batch; ++b) {
    Tensor hidden = decoder.hidden(cx, TokenBatch::pack({&rows[size_t(b)], 1}));
    backend->copy(decoder.logits(cx, hidden), logits.rows(b, b + 1));
  }
  write_safetensors(options.output, sources_of(std::vector<NamedTensor>{{"logits", logits}}));
  fmt::print("{}: logits f32 [{}, {}, {}]\n", options.output, batch, tokens, vocab);
}

}  // namespace

void add_logits_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("logits", "Write what a model predicts after every token");
  auto options = std::make_shared<LogitsOptions>();
  options->model.add_to(*command, true);
  command->add_option("--ids", options->ids, "Token ids: .json, or .safetensors with input_ids")
      ->type_name("IDS")
      ->required();
  command->add_option("--output", options->output, "The file to write")
      ->type_name("OUT")
      ->required();
  command->footer(kFooter);
  command->callback([options] { run(*options); });
}

}  // namespace slm
