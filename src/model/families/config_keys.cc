#include "model/families/config_keys.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "util/error.h"

namespace slm {
namespace {

constexpr std::pair<std::string_view, Activation> kActivations[] = {
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"gelu", Activation::kGelu},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_fast", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"quick_gelu", Activation::kQuickGelu},
    {"relu", Activation::kRelu},
};

// The factor of {"type": "linear", "factor": 2.0}, 1 for "default".
double scaling_factor(const JsonObject& scaling) {
  std::string type = scaling.string_or(spelled(scaling, {"rope_type", "type"}), "default");
  if (type == "default") return 1;
  if (type != "linear")
    fail(ErrorKind::kUnsupported, "{}: rotary scaling of type \"{}\" is not supported, only linear",
         scaling.origin(), type);
  double factor = scaling.number("factor");
  check_data(factor >= 1 && factor <= 1e6, "{}: key \"factor\" must lie in 1..1e6, found {}",
             scaling.origin(), factor);
  return factor;
}

}  // namespace

std::optional<JsonObject> nested(const JsonObject& config, std::string_view key) {
  const Json* object = config.find(key);
  if (!object) return {};
  return JsonObject(*object, format("{}: in \"{}\"", config.origin(), key));
}

void require(const JsonObject& config, std::string_view key, bool only) {
  if (config.boolean_or(key, only) != only)
    fail(ErrorKind::kUnsupported, "{}: key \"{}\" is {}, only {} is supported", config.origin(),
         key, !only, only);
}

std::string_view spelled(const JsonObject& config, Spellings spellings) {
  for (std::string_view key : spellings)
    if (config.has(key)) return key;
  return *spellings.begin();
}

int64_t read_extent(const JsonObject& config, std::string_view key, int64_t most) {
  return config.integer(key, 1, most);
}

int64_t read_padding(const JsonObject& config, int64_t vocab) {
  constexpr int64_t kAny = int64_t{1} << 40;
  return std::max<int64_t>(-1, config.integer_or("pad_token_id", -1, -kAny, vocab - 1));
}

DecoderSpec read_sizes(const JsonObject& config, const SizeKeys& keys) {
  DecoderSpec spec;
  spec.vocab = read_extent(config, "vocab_size", kMaxVocab);
  spec.width = read_extent(config, keys.width, kMaxWidth);
  spec.layers = read_extent(config, keys.layers, kMaxLayers);
  spec.heads = read_extent(config, keys.heads, kMaxWidth);
  check_data(spec.width % spec.heads == 0, "{}: key \"{}\" is {}, which does not divide \"{}\" {}",
             config.origin(), keys.heads, spec.heads, keys.width, spec.width);
  spec.head_size = spec.width / spec.heads;
  spec.kv_heads = keys.kv_heads.empty()
                      ? spec.heads
                      : config.integer_or(keys.kv_heads, spec.heads, 1, spec.heads);
  check_data(spec.heads % spec.kv_heads == 0,
             "{}: key \"{}\" is {}, which does not divide \"{}\" {}", config.origin(),
             keys.kv_heads, spec.kv_heads, keys.heads, spec.heads);
  spec.max_positions =
      keys.positions_otherwise > 0
          ? config.integer_or(keys.positions, keys.positions_otherwise, 1, kMaxPositions)
          : read_extent(config, keys.positions, kMaxPositions);
  spec.tied_head = config.boolean_or("tie_word_embeddings", keys.tied_otherwise);
  return spec;
}

Json write_sizes(const DecoderSpec& s, std::string_view model_type, std::string_view architecture,
                 const SizeKeys& keys) {
  Json c{{"architectures", Json::array({architecture})},
         {"model_type", model_type},
         {"vocab_size", s.vocab},
         {keys.width, s.width},
         {keys.layers, s.layers},
         {keys.heads, s.heads}};
  if (!keys.kv_heads.empty()) c[keys.kv_heads] = s.kv_heads;
  c[keys.positions] = s.max_positions;
  c["tie_word_embeddings"] = s.tied_head;
  if (s.padding_id >= 0) c["pad_token_id"] = s.padding_id;
  return c;
}

float read_epsilon(const JsonObject& config, Spellings keys, float otherwise) {
  std::string_view key = spelled(config, keys);
  if (!config.has(key)) return otherwise;
  double eps = config.number(key);
  check_data(eps >= 0 && eps < 1, "{}: key \"{}\" must lie in 0..1, found {}", config.origin(), key,
             eps);
  return float(eps);
}

Activation read_activation(const JsonObject& config, Activation otherwise, std::string_view key) {
  if (!config.has(key)) return otherwise;
  std::string name = config.string(key), known;
  for (auto [known_name, activation] : kActivations) {
    if (name == known_name) return activation;
    known += format("{}{}", known.empty() ? "" : ", ", known_name);
  }
  fail(ErrorKind::kUnsupported, "{}: key \"{}\" is \"{}\", supported are {}", config.origin(), key,
       name, known);
}

std::string_view activation_name(Activation activation) {
  for (auto [name, known] : kActivations)
    if (activation == known) return name;
  fail(ErrorKind::kUnsupported, "[families] this activation has no published name");
}

Rope read_rope(const JsonObject& config, int64_t head_size, const RopeKeys& keys) {
  auto parameters = nested(config, "rope_parameters"), scaling = nested(config, "rope_scaling");
  auto read = [&](Spellings spellings, double otherwise, double most) {
    const JsonObject& at =
        parameters && parameters->has(spelled(*parameters, spellings)) ? *parameters : config;
    std::string_view key = spelled(at, spellings);
    double value = at.number_or(key, otherwise);
    check_data(value > 0 && value <= most, "{}: key \"{}\" must lie in 0..{:g}, found {}",
               at.origin(), key, most, value);
    return std::pair(key, value);
  };
  auto [key, fraction] = read(keys.fraction, keys.default_fraction, 1);
  Rope rope{.dims = int64_t(double(head_size) * fraction),
            .theta = read(keys.theta, 10000, 1e12).second};
  check_data(rope.dims >= 2 && rope.dims % 2 == 0,
             "{}: key \"{}\" is {}, which rotates {} of the {} values of a head; expected an even "
             "number of at least 2",
             config.origin(), key, fraction, rope.dims, head_size);
  if (parameters) rope.scale = scaling_factor(*parameters);
  if (scaling) rope.scale = scaling_factor(*scaling);
  return rope;
}

double rope_fraction(const DecoderSpec& spec) {
  double fraction = double(spec.rope.dims) / double(spec.head_size);
  while (int64_t(double(spec.head_size) * fraction) < spec.rope.dims)
    fraction = std::nextafter(fraction, 2.0);
  return fraction;
}

void write_rope(Json& config, const DecoderSpec& spec, std::string_view fraction_key,
                std::string_view theta_key) {
  config[fraction_key] = rope_fraction(spec);
  config[theta_key] = spec.rope.theta;
  if (spec.rope.scale != 1)
    config["rope_scaling"] = {{"type", "linear"}, {"factor", spec.rope.scale}};
}

double shortest(float value) {
  std::string text = format("{}", value);
  double wide = 0;
  std::from_chars(text.data(), text.data() + text.size(), wide);
  return wide;
}

}  // namespace slm
