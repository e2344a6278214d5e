#include <map>
#include <string_view>

#include "format/pytorch_bin.h"
#include "format/safetensors.h"
#include "format/tensor_files.h"
#include "util/error.h"
#include "util/files.h"
#include "util/json.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxIndexBytes = int64_t{1} << 26;

using Open = TensorFiles (*)(const fs::path&);

void check_shard_name(const std::string& name, const std::string& origin) {
  bool plain = !name.empty() && name != "." && name.find("..") == std::string::npos &&
               name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
  check_data(plain, "{}: shard name {} must be a plain file name", origin, Json(name).dump());
}

// All of them in one sentence: whoever has to fetch them wants to know how many.
void check_shards_exist(const std::map<std::string, std::vector<std::string>>& tensors_of,
                        const fs::path& folder, const std::string& origin) {
  std::string missing;
  size_t count = 0;
  for (const auto& [name, tensors] : tensors_of)
    if (!fs::exists(folder / name) && ++count <= 3)
      missing += format("{}{}", missing.empty() ? "" : ", ", name);
  if (count > 0)
    fail(ErrorKind::kNotFound,
         "{}: of the {} files it lists, {} {} missing: {}{}; the download is not complete: go on "
         "with it (`stablelm pull ORG/NAME`), or copy {} here",
         origin, tensors_of.size(), count, count == 1 ? "is" : "are", missing,
         count > 3 ? ", ..." : "", count == 1 ? "it" : "them");
}

// {"metadata": {...}, "weight_map": {tensor: file}}. Every tensor must be where the index says,
// and in one shard only.
TensorFiles open_sharded(const fs::path& index_path, Open open_shard) {
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
  for (const auto& [name, tensors] : tensors_of) check_shard_name(name, origin);
  check_shards_exist(tensors_of, index_path.parent_path(), origin);
  TensorFiles all;
  for (const auto& [name, tensors] : tensors_of) {
    TensorFiles shard = open_shard(index_path.parent_path() / name);
    for (const std::string& tensor : tensors)
      check_data(shard.find(tensor), "{}: \"{}\" is not in {} as the index says", origin, tensor,
                 name);
    all.absorb(std::move(shard), origin);
  }
  return all;
}

// What may be there instead, for the person who looks for the weights.
std::string other_contents(const fs::path& dir) {
  std::error_code unreadable;
  for (fs::directory_iterator it(dir, unreadable), end; !unreadable && it != end;
       it.increment(unreadable)) {
    std::string name = it->path().filename();
    if (name.ends_with(".gguf")) return format("; there is {}: name that file itself", name);
    bool unfinished = is_temporary_name(name) && name.find(".safetensors.") != std::string::npos;
    if (unfinished || name.ends_with(".safetensors.tmp") || name.ends_with(".incomplete") ||
        name.ends_with(".part") || name.ends_with(".crdownload"))
      return format("; {} looks like a download or save that was stopped", name);
    if (name.ends_with(".safetensors") || name.ends_with(".bin"))
      return format("; there is {}, but not the index that goes with it", name);
  }
  return {};
}

}  // namespace

TensorFiles open_checkpoint_dir(const fs::path& dir) {
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
  check(!fs::is_regular_file(dir),
        "{}: this is a file; expected the directory of a model, with config.json and weights",
        dir.string());
  for (const Layout& layout : kLayouts) {
    fs::path path = dir / layout.name;
    if (!fs::exists(path)) continue;
    return layout.sharded ? open_sharded(path, layout.open) : layout.open(path);
  }
  fail(ErrorKind::kNotFound,
       "{}: no weights here; looked for model.safetensors, pytorch_model.bin and their "
       ".index.json{}",
       dir.string(), other_contents(dir));
}

}  // namespace slm
