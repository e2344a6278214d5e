#include "eval/scoring/evaluated_model.h"

#include <algorithm>

#include "util/digest.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr int64_t kPiece = 1 << 12, kPieces = 16;  // bytes of a parameter that are looked at

void update(Digest& digest, const std::string& text) {
  digest.update(text);
  digest.update(std::string_view("\0", 1));
}

void update(Digest& digest, Backend& backend, const Tensor& t) {
  int64_t bytes = t.bytes(), step = std::max<int64_t>(kPiece, bytes / kPieces);
  Tensor all(t.shared_storage(), t.byte_offset(), {bytes}, DType::kU8);
  for (int64_t at = 0; at < bytes; at += step) {
    Tensor piece = to_host(backend, all.slice(at, std::min(at + kPiece, bytes)));
    digest.update({piece.bytes_data(), size_t(piece.bytes())});
  }
}

// How the tokenizer splits and merges shows in what it makes of a text of many kinds.
constexpr const char* kSample =
    "Question: It's 2024, isn't it? \n\n  Na\xc3\xafve caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac "
    "\xf0\x9f\x99\x82 (a+b)*1234567.89 == THE_End;\tand so on...";

void update(Digest& digest, const Tokenizer& tokenizer) {
  update(digest, std::to_string(tokenizer.size()));
  for (int64_t id = 0; id < tokenizer.size(); ++id)
    update(digest, std::string(tokenizer.token_bytes(int32_t(id))));
  for (int32_t id : tokenizer.encode(kSample)) update(digest, std::to_string(id));
}

// "cpu (avx512, 2 threads)" without what follows the first comma.
std::string kernels_of(const Backend& backend) {
  std::string text = backend.description();
  return text.substr(0, text.find(','));
}

}  // namespace

int64_t harness_max_length(const ModelConfig& config) {
  constexpr int64_t kUnknown = 2048, kAbsurd = int64_t{1} << 24;
  JsonObject json(config.config, "config.json");
  for (const char* key : {"n_positions", "max_position_embeddings", "n_ctx"})
    if (json.has(key)) return json.integer(key, 1);
  int64_t positions = config.spec.max_positions;
  return positions > 0 && positions < kAbsurd ? positions : kUnknown;
}

int32_t end_of_text(const Tokenizer& tokenizer, const ModelConfig& config) {
  if (tokenizer.eos()) return *tokenizer.eos();
  if (auto id = tokenizer.find("<|endoftext|>")) return *id;
  std::vector<int32_t> stops = stop_ids(config);
  check(!stops.empty(),
        "neither tokenizer nor model names an end-of-text token, which stands for an empty "
        "context; add \"eos_token_id\" to config.json");
  return stops.front();
}

std::string fingerprint(const EvaluatedModel& model, const ModelConfig& config,
                        const Parameters& parameters) {
  Digest digest(DigestKind::kSha256);
  update(digest, config.config.dump(-1, ' ', false, Json::error_handler_t::replace));
  for (const Parameter& p : parameters.items()) {
    update(digest, format("{} {} {}", p.spec.name, p.value.shape().to_string(),
                          traits(p.value.dtype()).name));
    update(digest, model.backend, p.value);
  }
  update(digest, model.tokenizer);
  update(digest, kernels_of(model.backend));
  if (const Placement& split = model.decoder.placement(); split.host)
    update(digest, format("{} {}", kernels_of(*split.host), split.host_layers));
  update(digest, format("{} {} {}", model.passages.max_length, model.passages.end_of_text,
                        model.passages.add_special_tokens));
  return digest.hex();
}

}  // namespace slm
