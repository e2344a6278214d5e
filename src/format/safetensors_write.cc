#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "format/safetensors.h"
#include "util/checked.h"
#include "util/files.h"
#include "util/json.h"

namespace slm {
namespace {

// The order of the original writer: by descending element size, which keeps every tensor aligned to
// its own elements, with ties between types as below, then by name.
constexpr DType kFileOrder[] = {DType::kI64, DType::kF64, DType::kF32, DType::kI32, DType::kBF16,
                                DType::kF16, DType::kI16, DType::kI8,  DType::kU8,  DType::kBool};

std::vector<const TensorSource*> in_file_order(std::span<const TensorSource> tensors) {
  std::vector<const TensorSource*> order;
  std::set<std::string_view> names;
  for (const TensorSource& t : tensors) {
    check(t.name != "__metadata__" && names.insert(t.name).second,
          "[safetensors] cannot write a tensor named \"{}\"{}", t.name,
          t.name == "__metadata__" ? "" : " twice");
    check(traits(t.dtype).block_elems == 1, "[safetensors] tensor \"{}\" is {}: not plain numbers",
          t.name, traits(t.dtype).name);
    order.push_back(&t);
  }
  auto rank = [](const TensorSource* t) {
    return std::find(std::begin(kFileOrder), std::end(kFileOrder), t->dtype);
  };
  std::sort(order.begin(), order.end(), [&](const TensorSource* a, const TensorSource* b) {
    return std::pair(rank(a), std::string_view(a->name)) <
           std::pair(rank(b), std::string_view(b->name));
  });
  return order;
}

std::string quoted(const std::string& name) {
  try {
    return Json(name).dump();
  } catch (const Json::exception&) {
    fail(ErrorKind::kInvalid, "[safetensors] the tensor name \"{}\" is not UTF-8", name);
  }
}

std::string header_text(std::span<const TensorSource* const> order,
                        const TensorMetadata& metadata) {
  // Written piece by piece: a JSON tree would look up every name among all before it.
  std::string text = "{";
  if (!metadata.empty()) text += format("\"__metadata__\":{},", Json(metadata).dump());
  int64_t at = 0;
  for (const TensorSource* t : order) {
    int64_t end = checked_add(at, t->bytes(), "[safetensors] size of the file");
    text +=
        format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}},", quoted(t->name),
               traits(t->dtype).file_name, fmt::join(t->shape.dims(), ","), at, end);
    at = end;
  }
  if (text.back() == ',') text.pop_back();
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

// The whole file, under its temporary name.
void write_uncommitted(AtomicFile& file, std::span<const TensorSource> tensors,
                       const TensorMetadata& metadata) {
  auto order = in_file_order(tensors);
  std::string header = header_text(order, metadata);
  uint64_t length = header.size();
  file.write(&length, sizeof(length));
  file.write(header);
  for (const TensorSource* t : order) {
    Tensor numbers = load_checked(*t);
    file.write(numbers.bytes_data(), size_t(numbers.bytes()));
  }
}

constexpr std::string_view kSingle = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";

// Splits into runs of at most `max_bytes`, in order.
std::vector<std::span<const TensorSource>> shards_of(std::span<const TensorSource> tensors,
                                                     int64_t max_bytes) {
  std::vector<std::span<const TensorSource>> shards;
  size_t begin = 0;
  int64_t bytes = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    int64_t size = tensors[i].bytes();
    if (i > begin && size > max_bytes - bytes) {
      shards.push_back(tensors.subspan(begin, i - begin));
      begin = i, bytes = 0;
    }
    bytes += size;
  }
  shards.push_back(tensors.subspan(begin));
  return shards;
}

// model-00001-of-00002.safetensors
bool is_shard_name(std::string_view name) {
  constexpr std::string_view kPattern = "model-#####-of-#####.safetensors";
  auto fits = [](char wanted, char c) {
    return wanted == '#' ? c >= '0' && c <= '9' : c == wanted;
  };
  return std::equal(kPattern.begin(), kPattern.end(), name.begin(), name.end(), fits);
}

void remove_others(const std::filesystem::path& dir, const std::set<std::string>& keep) {
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    std::string name = entry.path().filename();
    bool ours = name == kSingle || name == kIndex || is_shard_name(name);
    if (ours && !keep.contains(name)) std::filesystem::remove(entry.path());
  }
}

std::string index_text(std::span<const std::span<const TensorSource>> shards,
                       std::span<const std::string> names) {
  std::map<std::string, std::string> weight_map;
  int64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i)
    for (const TensorSource& t : shards[i]) {
      check(weight_map.emplace(t.name, names[i]).second,
            "[safetensors] cannot write a tensor named \"{}\" twice", t.name);
      total += t.bytes();
    }
  return Json{{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}}.dump(2) + "\n";
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const TensorSource> tensors,
                       const TensorMetadata& metadata) {
  AtomicFile file(path);
  write_uncommitted(file, tensors, metadata);
  file.commit();
}

void write_checkpoint_dir(const std::filesystem::path& dir, std::span<const TensorSource> tensors,
                          const CheckpointOptions& options) {
  check(options.max_shard_bytes > 0, "[safetensors] shards of at most {} bytes make no sense",
        options.max_shard_bytes);
  auto shards = shards_of(tensors, options.max_shard_bytes);
  bool sharded = shards.size() > 1;
  std::vector<std::string> names;
  for (size_t i = 0; i < shards.size(); ++i)
    names.push_back(sharded ? format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size())
                            : std::string(kSingle));
  std::string index = index_text(shards, names);

  std::filesystem::create_directories(dir);
  std::vector<std::unique_ptr<AtomicFile>> files;
  for (size_t i = 0; i < shards.size(); ++i) {
    files.push_back(std::make_unique<AtomicFile>(dir / names[i]));
    write_uncommitted(*files.back(), shards[i], options.metadata);
    files.back()->flush();
  }
  for (std::string_view name : {std::string_view("config.json"), kIndex})
    std::filesystem::remove(dir / name);
  if (sharded) std::filesystem::remove(dir / kSingle);
  for (auto& file : files) file->commit();
  std::set<std::string> keep(names.begin(), names.end());
  if (sharded) {
    write_file_atomically(dir / kIndex, index);
    keep.insert(std::string(kIndex));
  }
  remove_others(dir, keep);
}

}  // namespace slm
