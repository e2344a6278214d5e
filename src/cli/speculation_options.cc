#include "cli/speculation_options.h"

#include "cli/resolve_model.h"
#include "generate/draft_model.h"
#include "generate/prompt_lookup.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr const char* kPromptLookup = "prompt-lookup";

// A model that drafts, kept as long as anything it made.
struct Draft {
  Model model;
  Decoder decoder;

  explicit Draft(Model m) : model(std::move(m)), decoder(model.decoder()) {}
};

MakeDrafter draft_model(const std::string& name, const Model& large, Backend& backend,
                        int64_t context) {
  auto draft = std::make_shared<Draft>(load_model(resolve_model(name), {.memory = &backend}));
  if (large.tokenizer && draft->model.tokenizer)
    check(same_tokens(*large.tokenizer, *draft->model.tokenizer),
          "--speculate {}: it has other tokens than the model; a draft model needs the same "
          "tokenizer",
          name);
  double cost = double(draft->model.parameters.bytes()) / double(large.parameters.bytes());
  auto make = [draft, spec = large.config.spec, &backend, cost,
               context]() -> std::unique_ptr<Drafter> {
    return std::make_unique<DraftModel>(draft->decoder, backend, spec, cost, context);
  };
  make();  // refuses what does not fit together
  return make;
}

}  // namespace

void SpeculationFlags::add_to(CLI::App& app) {
  app.add_option("--speculate", speculate,
                 "Faster, with the same result: have tokens proposed and check them several at a "
                 "time. prompt-lookup proposes what followed before; a MODEL with the same tokens "
                 "proposes what it would say")
      ->type_name("prompt-lookup|MODEL");
  app.add_option("--draft", draft, "Most tokens that are proposed at a time")
      ->check(CLI::Range(int64_t{1}, int64_t{64}))
      ->capture_default_str();
}

int64_t SpeculationFlags::draft_bytes() const {
  if (speculate.empty() || speculate == kPromptLookup) return 0;
  int64_t bytes = 0;
  TensorFiles weights = open_weights(resolve_model(speculate));
  for (const TensorEntry& tensor : weights.entries())
    bytes += bytes_of(tensor.dtype, tensor.shape.elements());
  return bytes;
}

SpeculationOptions SpeculationFlags::options(const Model& model, Backend& backend,
                                             int64_t context) const {
  SpeculationOptions options{.most = draft};
  if (speculate == kPromptLookup)
    options.make = [] { return std::make_unique<PromptLookup>(); };
  else if (!speculate.empty())
    options.make = draft_model(speculate, model, backend, context);
  return options;
}

}  // namespace slm
