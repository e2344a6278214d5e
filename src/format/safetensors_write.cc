#include <algorithm>
#include <cstring>
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

std::vector<const NamedTensor*> in_file_order(std::span<const NamedTensor> tensors) {
  std::vector<const NamedTensor*> order;
  std::set<std::string_view> names;
  for (const NamedTensor& t : tensors) {
    check(t.name != "__metadata__" && names.insert(t.name).second,
          "[safetensors] cannot write a tensor named \"{}\"{}", t.name,
          t.name == "__metadata__" ? "" : " twice");
    check(t.tensor && t.tensor.device() == Device::kHost && !t.tensor.quantized(),
          "[safetensors] tensor \"{}\" must be plain numbers on the host", t.name);
    order.push_back(&t);
  }
  auto rank = [](const NamedTensor* t) {
    return std::find(std::begin(kFileOrder), std::end(kFileOrder), t->tensor.dtype());
  };
  std::sort(order.begin(), order.end(), [&](const NamedTensor* a, const NamedTensor* b) {
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

std::string header_text(std::span<const NamedTensor* const> order, const TensorMetadata& metadata) {
  // Written piece by piece: a JSON tree would look up every name among all before it.
  std::string text = "{";
  if (!metadata.empty()) text += format("\"__metadata__\":{},", Json(metadata).dump());
  int64_t at = 0;
  for (const NamedTensor* t : order) {
    int64_t end = at + t->tensor.bytes();
    text += format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}},",
                   quoted(t->name), traits(t->tensor.dtype()).file_name,
                   fmt::join(t->tensor.shape().dims(), ","), at, end);
    at = end;
  }
  if (text.back() == ',') text.pop_back();
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

constexpr std::string_view kSingle = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";

// Splits into runs of at most `max_bytes`, in order.
std::vector<std::span<const NamedTensor>> shards_of(std::span<const NamedTensor> tensors,
                                                    int64_t max_bytes) {
  std::vector<std::span<const NamedTensor>> shards;
  size_t begin = 0;
  int64_t bytes = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    int64_t size = tensors[i].tensor.bytes();
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

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const TensorMetadata& metadata) {
  auto order = in_file_order(tensors);
  std::string header = header_text(order, metadata);
  uint64_t length = header.size();
  AtomicFile file(path);
  file.write(&length, sizeof(length));
  file.write(header);
  for (const NamedTensor* t : order) file.write(t->tensor.bytes_data(), size_t(t->tensor.bytes()));
  file.commit();
}

void write_checkpoint_dir(const std::filesystem::path& dir, std::span<const NamedTensor> tensors,
                          int64_t max_shard_bytes) {
  check(max_shard_bytes > 0, "[safetensors] shards of at most {} bytes make no sense",
        max_shard_bytes);
  std::filesystem::create_directories(dir);
  auto shards = shards_of(tensors, max_shard_bytes);
  if (shards.size() == 1) {
    write_safetensors(dir / kSingle, tensors);
    return remove_others(dir, {std::string(kSingle)});
  }
  std::set<std::string> written{std::string(kIndex)};
  std::map<std::string, std::string> weight_map;
  int64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    std::string name = format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    write_safetensors(dir / name, shards[i]);
    written.insert(name);
    for (const NamedTensor& t : shards[i]) {
      check(weight_map.emplace(t.name, name).second,
            "[safetensors] cannot write a tensor named \"{}\" twice", t.name);
      total += t.tensor.bytes();
    }
  }
  Json index{{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
  write_file_atomically(dir / kIndex, index.dump(2) + "\n");
  remove_others(dir, written);
}

}  // namespace slm
