#include "model/delta.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "format/safetensors.h"
#include "model/delta_arithmetic.h"
#include "model/delta_manifest.h"
#include "model/load.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/files.h"
#include "util/json.h"
#include "util/progress.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNoWeights = "rotary_emb.inv_freq";
constexpr std::string_view kGrowing[] = {"model.embed_tokens.weight", "lm_head.weight"};

// One of the two directories.
struct Side {
  explicit Side(const fs::path& directory)
      : path(directory), origin(directory.string()), files(open_checkpoint_dir(directory)) {}

  Tensor f16(const std::string& name) const { return to_dtype(files.load(name), DType::kF16); }

  fs::path path;
  std::string origin;
  TensorFiles files;
};

std::vector<std::string> names_missing_in(const Side& side, const Side& other) {
  std::vector<std::string> missing;
  for (const TensorEntry& entry : other.files.entries())
    if (!entry.name.ends_with(kNoWeights) && !side.files.find(entry.name))
      missing.push_back(entry.name);
  return missing;
}

void check_same_names(const Side& side, const Side& other) {
  auto missing = names_missing_in(side, other);
  size_t shown = std::min<size_t>(missing.size(), 3);
  check_data(missing.empty(),
             "{}: lacks {} tensors that {} has: {}{}; base and delta must be of one architecture, "
             "in the same (Hugging Face) layout",
             side.origin, missing.size(), other.origin,
             fmt::join(missing.begin(), missing.begin() + std::ptrdiff_t(shown), ", "),
             shown < missing.size() ? ", ..." : "");
}

struct Pair {
  std::string name;
  Shape base, other;
};

// `other`: the delta or the target. Its order is the order of the result.
std::vector<Pair> paired(const Side& base, const Side& other) {
  check_same_names(other, base);
  check_same_names(base, other);
  std::vector<Pair> pairs;
  for (const TensorEntry& entry : other.files.entries()) {
    if (entry.name.ends_with(kNoWeights)) continue;
    const TensorEntry& b = *base.files.find(entry.name);
    for (const TensorEntry* e : {&b, &entry})
      check_data(traits(e->dtype).floating, "tensor \"{}\" holds {}, expected floats", e->name,
                 traits(e->dtype).name);
    bool may_grow =
        std::find(std::begin(kGrowing), std::end(kGrowing), entry.name) != std::end(kGrowing);
    bool grown = may_grow && b.shape.rank() == 2 && entry.shape.rank() == 2 &&
                 b.shape[1] == entry.shape[1] && b.shape[0] <= entry.shape[0];
    check_data(b.shape == entry.shape || grown,
               "tensor \"{}\" has shape {} in {} and {} in {}; only the embeddings may have more "
               "rows than the base",
               entry.name, b.shape.to_string(), base.origin, entry.shape.to_string(), other.origin);
    pairs.push_back({entry.name, b.shape, entry.shape});
  }
  return pairs;
}

int64_t new_rows(const std::vector<Pair>& pairs) {
  int64_t rows = 0;
  std::string first;
  for (const Pair& p : pairs) {
    if (std::find(std::begin(kGrowing), std::end(kGrowing), p.name) == std::end(kGrowing)) continue;
    int64_t more = p.other[0] - p.base[0];
    check_data(first.empty() || more == rows, "\"{}\" has {} new rows, \"{}\" has {}", first, rows,
               p.name, more);
    first = p.name, rows = more;
  }
  return rows;
}

// The tensor with rows of zeros below, up to the shape.
Tensor with_zero_rows(const Tensor& tensor, const Shape& shape) {
  if (tensor.shape() == shape) return tensor;
  Tensor grown = Tensor::host(shape, tensor.dtype());
  std::memset(grown.bytes_data(), 0, size_t(grown.bytes()));
  std::memcpy(grown.bytes_data(), tensor.bytes_data(), size_t(tensor.bytes()));
  return grown;
}

std::string hash_of(const Tensor& tensor) {
  return sha256_hex({tensor.bytes_data(), size_t(tensor.bytes())});
}

// What both ways share: a source for every pair, made by `combine`, with progress over all bytes.
std::vector<TensorSource> sources(const std::vector<Pair>& pairs, DType dtype, Progress& progress,
                                  const std::function<Tensor(const Pair&)>& combine) {
  std::vector<TensorSource> list;
  auto done = std::make_shared<int64_t>(0);
  for (const Pair& pair : pairs)
    list.push_back({pair.name, dtype, pair.other, [=, &progress] {
                      Tensor made = to_dtype(combine(pair), dtype);
                      *done += pair.other.elements() * 2;
                      progress.update(*done, pair.name);
                      return made;
                    }});
  return list;
}

int64_t f16_bytes(const std::vector<Pair>& pairs) {
  int64_t bytes = 0;
  for (const Pair& p : pairs) bytes += bytes_of(DType::kF16, p.other.elements());
  return bytes;
}

Json config_for(const Side& preferred, const Side& base, const std::vector<Pair>& pairs,
                DType dtype) {
  const Side& from = fs::exists(preferred.path / "config.json") ? preferred : base;
  fs::path file = from.path / "config.json";
  Json config = read_json_file(file);
  check_data(config.is_object(), "{}: expected a JSON object", file.string());
  for (const Pair& pair : pairs)
    if (pair.name == kGrowing[0]) {
      if (&from == &base) config["vocab_size"] = pair.other[0];
      int64_t vocab = JsonObject(config, file.string()).integer("vocab_size");
      check_data(vocab == pair.other[0], "{}: vocab_size is {}, but \"{}\" has {} rows",
                 file.string(), vocab, pair.name, pair.other[0]);
    }
  config["torch_dtype"] = torch_name(dtype);
  return config;
}

// Everything but the weights; config.json last, for it makes the folder a model.
void write_documents(const Side& from, const fs::path& out, const Json& config) {
  copy_tokenizer_files(from.path, out);
  fs::path generation = from.path / "generation_config.json";
  if (fs::exists(generation))
    write_file_atomically(out / generation.filename(), read_file(generation));
  write_file_atomically(out / "config.json", config.dump(2) + "\n");
}

void check_apart(const fs::path& out, const Side& a, const Side& b) {
  for (const Side* side : {&a, &b})
    check(!fs::exists(out) || !fs::equivalent(out, side->path),
          "{}: the result would overwrite what it is made from; name another folder", out.string());
}

class Application {
 public:
  Application(const Side& base, const Side& delta, const DeltaOptions& options)
      : base_(base),
        delta_(delta),
        options_(options),
        manifest_(read_delta_manifest(delta.path)),
        pool_(options.threads) {}

  Tensor combine(const Pair& pair) {
    Tensor base = base_.f16(pair.name), delta = delta_.f16(pair.name);
    check_base(pair.name, base);
    Tensor before = with_zero_rows(base, pair.other);
    Tensor sum = Tensor::host(pair.other, DType::kF16);
    BaseEvidence found =
        add_f16(before.span<uint16_t>(), delta.span<uint16_t>(), sum.span<uint16_t>(), pool_);
    check_data(found.overflows == 0, "{}: {} sums of tensor \"{}\" are not finite numbers",
               delta_.origin, found.overflows, pair.name);
    if (delta_.files.find(pair.name)->dtype == DType::kF16) weigh(found);
    check_result(pair.name, sum);
    return sum;
  }

  bool recorded() const { return manifest_.has_value(); }
  const DeltaManifest::Hashes& hashes() const { return hashes_; }

 private:
  bool bound() const { return manifest_ && !options_.any_base; }

  void check_base(const std::string& name, const Tensor& base) const {
    if (!bound()) return;
    auto it = manifest_->base.find(name);
    if (it != manifest_->base.end() && it->second == hash_of(base)) return;
    fail(ErrorKind::kInvalid,
         "{}: not the model that {} was made from: tensor \"{}\" has other numbers than {} "
         "records; find that base, or go on regardless with --any-base",
         base_.origin, delta_.origin, name, kDeltaManifest);
  }

  void weigh(const BaseEvidence& found) {
    evidence_.add(found);
    if (!evidence_.contradicts() || options_.any_base) return;
    fail(ErrorKind::kInvalid,
         "{}: almost certainly not the model that {} was made from: of {} sums that would be exact "
         "with the right base, {} are not. The base of a published delta is the original model "
         "(for StableVicuna: LLaMA 13B in Hugging Face format, not Vicuna); to go on regardless, "
         "use --any-base",
         base_.origin, delta_.origin, evidence_.sums, evidence_.inexact);
  }

  void check_result(const std::string& name, const Tensor& sum) {
    std::string hash = hash_of(sum);
    if (bound()) {
      auto it = manifest_->result.find(name);
      check_data(it != manifest_->result.end() && it->second == hash,
                 "{}: damaged: the base is right, but the sum of tensor \"{}\" is not what {} "
                 "records",
                 delta_.origin, name, kDeltaManifest);
    }
    hashes_[name] = hash;
  }

  const Side &base_, &delta_;
  const DeltaOptions& options_;
  std::optional<DeltaManifest> manifest_;
  ThreadPool pool_;
  BaseEvidence evidence_;
  DeltaManifest::Hashes hashes_;
};

}  // namespace

DeltaReport apply_delta(const fs::path& base_dir, const fs::path& delta_dir, const fs::path& out,
                        const DeltaOptions& options) {
  Side base(base_dir), delta(delta_dir);
  check_apart(out, base, delta);
  auto pairs = paired(base, delta);
  DeltaReport report{.tensors = std::ssize(pairs), .new_rows = new_rows(pairs)};
  Json config = config_for(delta, base, pairs, options.dtype);
  Application application(base, delta, options);
  Progress progress({.label = "adding", .unit = "B", .total = f16_bytes(pairs)});
  write_checkpoint_dir(out,
                       sources(pairs, options.dtype, progress,
                               [&](const Pair& pair) { return application.combine(pair); }),
                       {.max_shard_bytes = options.max_shard_bytes});
  Json hashes{{"algorithm", "sha256"}, {"of", "f16"}, {"tensors", Json(application.hashes())}};
  write_file_atomically(out / "tensor_hashes.json", hashes.dump(1) + "\n");
  write_documents(delta, out, config);
  report.base_recorded = application.recorded() && !options.any_base;
  return report;
}

DeltaReport make_delta(const fs::path& base_dir, const fs::path& target_dir, const fs::path& out,
                       const DeltaOptions& options) {
  Side base(base_dir), target(target_dir);
  check_apart(out, base, target);
  auto pairs = paired(base, target);
  DeltaReport report{.tensors = std::ssize(pairs), .new_rows = new_rows(pairs)};
  Json config = config_for(target, base, pairs, DType::kF16);
  DeltaManifest manifest;
  ThreadPool pool(options.threads);
  auto combine = [&](const Pair& pair) {
    Tensor before = base.f16(pair.name), after = target.f16(pair.name);
    manifest.base[pair.name] = hash_of(before);
    before = with_zero_rows(before, pair.other);
    Tensor difference = Tensor::host(pair.other, DType::kF16);
    report.lost += subtract_f16(after.span<uint16_t>(), before.span<uint16_t>(),
                                difference.span<uint16_t>(), pool);
    Tensor sum = Tensor::host(pair.other, DType::kF16);  // what apply_delta will give
    BaseEvidence found =
        add_f16(before.span<uint16_t>(), difference.span<uint16_t>(), sum.span<uint16_t>(), pool);
    check_data(found.overflows == 0, "tensor \"{}\": {} numbers are not finite, or too far apart",
               pair.name, found.overflows);
    manifest.result[pair.name] = hash_of(sum);
    return difference;
  };
  Progress progress({.label = "subtracting", .unit = "B", .total = f16_bytes(pairs)});
  write_checkpoint_dir(out, sources(pairs, DType::kF16, progress, combine),
                       {.max_shard_bytes = options.max_shard_bytes});
  write_delta_manifest(out, manifest);
  write_documents(target, out, config);
  return report;
}

}  // namespace slm
