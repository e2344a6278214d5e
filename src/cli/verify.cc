// stablelm verify: proves a model against expected values.
#include "model/verify.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/model_options.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "Expected values are computed elsewhere, e.g. by the implementation that trained the model, "
    "and\n"
    "stored in EXPECTED/expected.safetensors (input_ids, labels, hidden.0 ..., final_norm, "
    "logits,\n"
    "token_logprobs, gen_prompt, gen_ids, grad.*, train_*, final.*) and EXPECTED/expected.json\n"
    "(loss, grad_norm, optim, ...). What is there is compared, what is absent is not.\n"
    "Example: stablelm verify my-model my-model/expected --backend reference\n"
    "Exit codes: 0 everything within its bound, 1 something is not.";

struct VerifyOptions {
  ModelOptions model;
  std::string expected;
  bool quiet = false;
};

void print_table(const std::vector<VerifyRow>& rows, bool only_misses) {
  size_t width = 6;
  for (const VerifyRow& row : rows) width = std::max(width, row.name.size());
  fmt::print("{:<{}}  {:>11}  {:>11}  ok\n", "tensor", width, "worst error", "bound");
  for (const VerifyRow& row : rows)
    if (!only_misses || !row.ok())
      fmt::print("{:<{}}  {:>11.3g}  {:>11.3g}  {}\n", row.name, width, row.error, row.bound,
                 row.ok() ? "yes" : "NO");
}

void run(const VerifyOptions& options) {
  auto [backend, model, note] = options.model.open();
  auto rows = verify(model, *backend, options.expected);
  print_table(rows, options.quiet);
  auto misses = std::count_if(rows.begin(), rows.end(), [](const VerifyRow& r) { return !r.ok(); });
  fmt::print("{}: {} of {} comparisons hold, on {}\n", options.model.model_dir().string(),
             int64_t(rows.size()) - misses, rows.size(), backend->description());
  std::fflush(stdout);
  if (misses > 0) throw CLI::RuntimeError(1);
}

}  // namespace

void add_verify_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "verify", "Prove a model: compare what it computes with values computed elsewhere");
  auto options = std::make_shared<VerifyOptions>();
  options->model.add_to(*command, true);
  command
      ->add_option("expected", options->expected,
                   "Directory with expected.safetensors and expected.json")
      ->type_name("EXPECTED")
      ->required();
  command->add_flag("--quiet", options->quiet, "Print only what is out of bounds");
  command->footer(kFooter);
  command->callback([options] { run(*options); });
}

}  // namespace slm
