#include "model/checkpoint.h"

#include <unordered_set>

#include "format/gguf.h"
#include "model/gguf/gguf_config.h"
#include "model/gguf/vocabulary.h"
#include "text/tokenizer_json_write.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

// Buffers that old checkpoints carry beside the weights: causal masks, rotary tables, ALiBi slopes.
constexpr std::string_view kIgnoredEndings[] = {
    ".attention.bias",        ".attention.masked_bias", ".attn.bias",
    ".attn.masked_bias",      ".rotary_emb.inv_freq",   ".rotary_emb.cos_cached",
    ".rotary_emb.sin_cached", ".relative_pe.slopes"};

bool ignored(std::string_view name) {
  for (std::string_view ending : kIgnoredEndings)
    if (name.ends_with(ending)) return true;
  return false;
}

// The name of the output matrix: when it is tied, some checkpoints carry a copy.
std::string head_name(const StoredNames& names) {
  for (const StoredName& row : names)
    if (row.parameters[0] == "head.weight") return std::string(row.stored);
  return {};
}

}  // namespace

Checkpoint::Checkpoint(const std::filesystem::path& path) : path_(path), origin_(path.string()) {
  if (is_gguf(path))
    open_gguf_file(path);
  else
    open_directory(path);
}

void Checkpoint::open_directory(const std::filesystem::path& directory) {
  config_ = read_model_config(directory);
  files_ = open_checkpoint_dir(directory);
  if (has_tokenizer(directory)) tokenizer_ = load_tokenizer(directory);
  stop_ids_ = slm::stop_ids(config_);
  index(names_of_files(family_of(config_.model_type, origin_), files_));
}

void Checkpoint::open_gguf_file(const std::filesystem::path& path) {
  GgufFile file = open_gguf(path);
  config_ = read_gguf_config(file);
  if (has_vocabulary(file.metadata)) {
    lists_ = read_vocabulary(file.metadata);
    tokenizer_ = make_tokenizer(*lists_, origin_);
  }
  stop_ids_ = gguf_stop_ids(config_, file.metadata);
  files_ = std::move(file.tensors);
  index(gguf_architecture_of(file.metadata).names);
}

void Checkpoint::index(const StoredNames& names) {
  parameters_ = parameter_specs(config_.spec);
  groups_ = stored_groups(names, config_.spec, parameters_);
  group_of_.resize(parameters_.size());
  for (size_t g = 0; g < groups_.size(); ++g)
    for (size_t p : groups_[g].parameters) group_of_[p] = g;
  refuse_unexpected(config_.spec.tied_head ? head_name(names) : "");
}

void Checkpoint::refuse_unexpected(const std::string& head) const {
  std::unordered_set<std::string> known{head};
  for (const StoredGroup& group : groups_)
    for (std::string& name : stored_names(group, parameters_)) known.insert(std::move(name));
  std::string names;
  int64_t count = 0;
  for (const TensorEntry& entry : files_.entries()) {
    if (known.contains(entry.name) || ignored(entry.name)) continue;
    if (++count <= 3) names += format("{}\"{}\"", names.empty() ? "" : ", ", entry.name);
  }
  check_data(count == 0, "{}: {} tensors that its config does not account for: {}{}", origin_,
             count, names, count > 3 ? ", ..." : "");
}

std::optional<PortableVocabulary> Checkpoint::vocabulary() const {
  if (lists_ || !tokenizer_) return lists_;
  return export_vocabulary(*tokenizer_, config_.spec.vocab);
}

void Checkpoint::write_tokenizer(const std::filesystem::path& directory) const {
  if (std::filesystem::is_directory(path_)) return copy_tokenizer_files(path_, directory);
  if (!lists_) return;
  write_file_atomically(directory / "tokenizer.json", tokenizer_json(*lists_, origin_));
  write_file_atomically(directory / "tokenizer_config.json", tokenizer_config_json(*lists_));
}

TensorFiles open_weights(const std::filesystem::path& path) {
  return is_gguf(path) ? open_gguf(path).tensors : open_checkpoint_dir(path);
}

std::shared_ptr<const Tokenizer> open_tokenizer(const std::filesystem::path& path) {
  if (!is_gguf(path)) return load_tokenizer(path);
  GgufMetadata metadata = open_gguf(path).metadata;
  check_data(has_vocabulary(metadata), "{}: the file has no tokenizer", path.string());
  return make_tokenizer(read_vocabulary(metadata), path.string());
}

DType Checkpoint::stored_type(size_t parameter) const {
  for (const std::string& name : stored_names(groups_[group_of_[parameter]], parameters_))
    if (const TensorEntry* entry = files_.find(name)) return entry->dtype;
  return DType::kF32;
}

Tensor Checkpoint::load(size_t parameter) {
  release_pages();
  auto kept = kept_.find(parameter);
  if (kept != kept_.end()) {
    Tensor value = std::move(kept->second);
    kept_.erase(kept);
    return value;
  }
  const StoredGroup& group = groups_[group_of_[parameter]];
  std::vector<Tensor> parts = read_group(group, parameters_, files_, origin_);
  Tensor value;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (group.parameters[i] == parameter)
      value = std::move(parts[i]);
    else
      kept_[group.parameters[i]] = std::move(parts[i]);
  }
  return value;
}

}  // namespace slm
