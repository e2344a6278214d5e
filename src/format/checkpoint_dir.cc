#include <map>
#include <string_view>

#include "format/pytorch_bin.h"
#include "format/safetensors.h"
#include "format/tensor_files.h"
#include "util/error.h"
#include "util/json.h"

namespace slm {
namespace {

constexpr int64_t kMaxIndexBytes = int64_t{1} << 26;

using Open = TensorFiles (*)(const std::filesystem::path&);

void check_shard_name(const std::string& name, const std::string& origin) {
  bool plain = !name.empty() && name != "." && name.find("..") == std::string::npos &&
               name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
  check_data(plain, "{}: shard name \"{}\" must be a plain file name", origin, name);
}

// {"metadata": {...}, "weight_map": {tensor: file}}. Every tensor must be where the index says,
// and in one shard only.
TensorFiles open_sharded(const std::filesystem::path& index_path, Open open_shard) {
  Json json = read_json_file(index_path, kMaxIndexBytes);
  JsonObject index(json, index_path.string());
  const std::string& origin = index.origin();
  const Json& weight_map = index.at("weight_map");
  check_data(weight_map.is_object(), "{}: \"weight_map\" must be an object", origin);
  std::map<std::string, std::vector<std::string>> tensors_of;
  for (const auto& [tensor, file] : weight_map.items()) {
    check_data(file.is_string(), "{}: \"weight_map\": the file of \"{}\" must be a string", origin,
               tensor);
    tensors_of[file.get<std::string>()].push_back(tensor);
  }
  TensorFiles all;
  for (const auto& [name, tensors] : tensors_of) {
    check_shard_name(name, origin);
    TensorFiles shard = open_shard(index_path.parent_path() / name);
    for (const std::string& tensor : tensors)
      check_data(shard.find(tensor), "{}: \"{}\" is not in {} as the index says", origin, tensor,
                 name);
    all.absorb(std::move(shard), origin);
  }
  return all;
}

}  // namespace

TensorFiles open_checkpoint_dir(const std::filesystem::path& dir) {
  struct Layout {
    std::string_view name;
    Open open;
    bool sharded;
  };
  constexpr Layout kLayouts[] = {
      {"model.safetensors", open_safetensors, false},
      {"model.safetensors.index.json", open_safetensors, true},
      {"pytorch_model.bin", open_pytorch_bin, false},
      {"pytorch_model.bin.index.json", open_pytorch_bin, true},
  };
  for (const Layout& layout : kLayouts) {
    std::filesystem::path path = dir / layout.name;
    if (!std::filesystem::exists(path)) continue;
    return layout.sharded ? open_sharded(path, layout.open) : layout.open(path);
  }
  fail(ErrorKind::kNotFound,
       "{}: no weights here; looked for model.safetensors, pytorch_model.bin and their .index.json",
       dir.string());
}

}  // namespace slm
