#include "model/gguf/architecture.h"

#include <unordered_set>

#include "model/families/name_table.h"
#include "util/error.h"

namespace slm {
namespace {

// The list: one line each. Where two could hold a decoder, the first is written.
const GgufArchitecture* const kArchitectures[] = {
    &kGgufStableLm, &kGgufGptNeox, &kGgufQwen2, &kGgufLlama, &kGgufBaichuan, &kGgufQwen,
    &kGgufFalcon,   &kGgufPhi2,    &kGgufBloom, &kGgufMpt,   &kGgufGpt2,
};

std::string known_names() {
  std::string names;
  for (const GgufArchitecture* architecture : kArchitectures)
    if (names.find(architecture->name) == std::string::npos)
      names += format("{}{}", names.empty() ? "" : ", ", architecture->name);
  return names;
}

// Reads a file's keys by their short names.
struct Keys {
  const GgufFacts& facts;
  std::string key(std::string_view name) const { return facts.key(name); }
  int64_t extent(std::string_view name, int64_t most) const {
    return facts.metadata.integer(key(name), 1, most);
  }
  int64_t extent_or(std::string_view name, int64_t otherwise, int64_t most) const {
    return facts.metadata.integer_or(key(name), otherwise, 1, most);
  }
  double positive_or(std::string_view name, double otherwise, double most) const {
    double value = facts.metadata.number_or(key(name), otherwise);
    check_data(value > 0 && value <= most, "{}: key \"{}\" must lie in 0..{:g}, found {}",
               facts.metadata.origin(), key(name), most, value);
    return value;
  }
};

void read_sizes(const Keys& keys, DecoderSpec& spec) {
  const GgufMetadata& m = keys.facts.metadata;
  spec.width = keys.extent("embedding_length", kMaxWidth);
  spec.layers = keys.extent("block_count", kMaxLayers);
  spec.heads = keys.extent("attention.head_count", kMaxWidth);
  spec.kv_heads = keys.extent_or("attention.head_count_kv", spec.heads, spec.heads);
  spec.mlp_width = keys.extent("feed_forward_length", 2 * kMaxWidth);
  spec.max_positions = keys.extent("context_length", kMaxPositions);
  std::string size = keys.key("attention.key_length");
  check_data(m.has(size) || spec.width % spec.heads == 0,
             "{}: key \"{}\" is {}, which does not divide \"{}\" {}", m.origin(),
             keys.key("attention.head_count"), spec.heads, keys.key("embedding_length"),
             spec.width);
  spec.head_size = m.integer_or(size, spec.width / spec.heads, 1, kMaxWidth / spec.heads);
  int64_t values = m.integer_or(keys.key("attention.value_length"), spec.head_size);
  int64_t experts = m.integer_or(keys.key("expert_count"), 0);
  if (values != spec.head_size || experts != 0)
    fail(ErrorKind::kUnsupported, "{}: {}", m.origin(),
         experts != 0
             ? format("a mixture of {} experts is not supported", experts)
             : format("heads of {} keys and {} values are not supported", spec.head_size, values));
}

void read_norm(const Keys& keys, DecoderSpec& spec) {
  std::string_view name = spec.norm.kind == NormSpec::kRms ? "attention.layer_norm_rms_epsilon"
                                                           : "attention.layer_norm_epsilon";
  double eps = keys.facts.metadata.number(keys.key(name));
  check_data(eps >= 0 && eps < 1, "{}: key \"{}\" must lie in 0..1, found {}",
             keys.facts.metadata.origin(), keys.key(name), eps);
  spec.norm.eps = float(eps);
}

void read_rope(const Keys& keys, DecoderSpec& spec) {
  const GgufMetadata& m = keys.facts.metadata;
  spec.rope.dims = keys.extent_or("rope.dimension_count", spec.head_size, spec.head_size);
  spec.rope.theta = keys.positive_or("rope.freq_base", 10000, 1e12);
  std::string type = m.string_or(keys.key("rope.scaling.type"), "none");
  if (type == "none") return;
  if (type != "linear")
    fail(ErrorKind::kUnsupported, "{}: rotary scaling of type \"{}\" is not supported, only linear",
         m.origin(), type);
  spec.rope.scale = keys.positive_or("rope.scaling.factor", 1, 1e6);
}

void write_common(const DecoderSpec& spec, const GgufFacts& facts, GgufMetadata& metadata) {
  auto set = [&](std::string_view name, int64_t value) {
    metadata.set(facts.key(name), uint32_t(value));
  };
  set("context_length", spec.max_positions);
  set("embedding_length", spec.width);
  set("block_count", spec.layers);
  set("feed_forward_length", spec.mlp_width);
  set("attention.head_count", spec.heads);
  set("attention.head_count_kv", spec.kv_heads);
  if (spec.head_size * spec.heads != spec.width) {
    set("attention.key_length", spec.head_size);
    set("attention.value_length", spec.head_size);
  }
  metadata.set(facts.key(spec.norm.kind == NormSpec::kRms ? "attention.layer_norm_rms_epsilon"
                                                          : "attention.layer_norm_epsilon"),
               spec.norm.eps);
  if (spec.positions != Positions::kRotary) return;
  // Always, also where they are the defaults: stock loaders take the whole head without them.
  set("rope.dimension_count", spec.rope.dims);
  metadata.set(facts.key("rope.freq_base"), float(spec.rope.theta));
  if (spec.rope.scale != 1) {
    metadata.set(facts.key("rope.scaling.type"), std::string("linear"));
    metadata.set(facts.key("rope.scaling.factor"), float(spec.rope.scale));
  }
}

// The metadata of a decoder in one architecture, when that can hold it.
std::optional<GgufMetadata> described(const GgufArchitecture& architecture,
                                      const DecoderSpec& spec) {
  try {
    if (spec.head_size * spec.heads != spec.width && !architecture.any_head_size) return {};
    GgufMetadata metadata;
    GgufFacts facts{metadata, std::string(architecture.name), {}};
    write_common(spec, facts, metadata);
    architecture.write(spec, facts, metadata);
    std::unordered_set<std::string> names;
    for (const StoredGroup& group : stored_groups(architecture.names, spec, parameter_specs(spec)))
      names.insert(group.name);
    auto has = [&](std::string_view name) { return names.contains(std::string(name)); };
    DecoderSpec read = read_gguf_spec(architecture, metadata, spec.vocab, has);
    if (as_gguf_says(read) == as_gguf_says(spec)) return metadata;
  } catch (const Error&) {  // a parameter it has no name for, a size beyond what it reads
  }
  return {};
}

}  // namespace

std::span<const GgufArchitecture* const> gguf_architectures() { return kArchitectures; }

const GgufArchitecture& gguf_architecture(std::string_view name, std::string_view origin) {
  for (const GgufArchitecture* architecture : kArchitectures)
    if (architecture->name == name) return *architecture;
  fail(ErrorKind::kUnsupported, "{}: architecture \"{}\" is not supported; known are {}", origin,
       name, known_names());
}

DecoderSpec read_gguf_spec(const GgufArchitecture& architecture, const GgufMetadata& metadata,
                           int64_t vocab, const std::function<bool(std::string_view)>& has_tensor) {
  GgufFacts facts{metadata, std::string(architecture.name), has_tensor};
  Keys keys{facts};
  DecoderSpec spec;
  spec.vocab = vocab;
  read_sizes(keys, spec);
  spec.tied_head = !has_tensor("output.weight");
  architecture.read(facts, spec);
  read_norm(keys, spec);
  if (spec.positions == Positions::kRotary) read_rope(keys, spec);
  if (architecture.paired && spec.rope.dims != spec.head_size)
    fail(ErrorKind::kUnsupported,
         "{}: rotation of {} of the {} values of a head is not supported for architecture \"{}\"",
         metadata.origin(), spec.rope.dims, spec.head_size, architecture.name);
  validate(spec);
  return spec;
}

const GgufArchitecture& write_gguf_spec(const DecoderSpec& spec, GgufMetadata& metadata) {
  for (const GgufArchitecture* architecture : kArchitectures) {
    auto keys = described(*architecture, spec);
    if (!keys) continue;
    metadata.set("general.architecture", std::string(architecture->name));
    for (const auto& [key, value] : keys->items()) metadata.set(key, value);
    return *architecture;
  }
  fail(ErrorKind::kUnsupported,
       "no architecture of llama.cpp computes what this decoder does, so it has no GGUF form; "
       "tried {}",
       known_names());
}

DecoderSpec as_gguf_says(DecoderSpec spec) {
  if (spec.activation == Activation::kGelu) spec.activation = Activation::kGeluTanh;
  spec.padding_id = -1;
  spec.tied_head = spec.normalized_head = false;
  spec.rope.ntk_length = spec.rope.log_n_length = 0;
  spec.rope.theta = double(float(spec.rope.theta));
  spec.rope.scale = double(float(spec.rope.scale));
  return spec;
}

}  // namespace slm
