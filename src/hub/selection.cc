#include "hub/selection.h"

#include <fnmatch.h>

#include <algorithm>
#include <string_view>

#include "util/error.h"

namespace slm {
namespace {

// Never of use here.
constexpr const char* kForeign[] = {"*.msgpack",    "*.h5",         "*.ot",          "*.onnx",
                                    "*.onnx_data",  "onnx/*",       "*.tflite",      "coreml/*",
                                    "*.mlmodel*",   "*.mlpackage*", "openvino*",     "*.pdparams",
                                    "*.ckpt.index", "*.nemo",       ".gitattributes"};
// The same weights again, when safetensors are there.
constexpr const char* kPickled[] = {"*.bin", "*.bin.index.json", "*.pt",
                                    "*.pth", "original/*",       "consolidated*"};

bool fits(const std::string& path, std::string pattern) {
  if (pattern.ends_with('/')) pattern += '*';
  return ::fnmatch(pattern.c_str(), path.c_str(), 0) == 0;
}

template <class Patterns>
bool fits_any(const std::string& path, const Patterns& patterns) {
  return std::any_of(std::begin(patterns), std::end(patterns),
                     [&](const auto& pattern) { return fits(path, pattern); });
}

bool any_file(std::span<const HubFile> files, const char* pattern) {
  return std::any_of(files.begin(), files.end(),
                     [&](const HubFile& f) { return fits(f.path, pattern); });
}

// Two quantisations of a model are two models: whoever asks for all wants one of them.
void refuse_many_gguf(std::span<const HubFile> files) {
  std::string names;
  int count = 0;
  for (const HubFile& f : files)
    if (fits(f.path, "*.gguf") && ++count <= 8) names += "\n  --include " + f.path;
  check(count <= 1, "{} .gguf files, one model each; choose with --include:{}{}", count, names,
        count > 8 ? "\n  ..." : "");
}

}  // namespace

std::vector<HubFile> select_files(std::span<const HubFile> files,
                                  std::span<const std::string> include,
                                  std::span<const std::string> exclude) {
  bool safetensors = any_file(files, "model*.safetensors");
  bool weights = safetensors || any_file(files, "pytorch_model*.bin");
  auto wanted = [&](const std::string& path) {
    if (fits_any(path, exclude)) return false;
    if (!include.empty()) return fits_any(path, include);
    if (fits_any(path, kForeign) || (safetensors && fits_any(path, kPickled))) return false;
    return !(weights && fits(path, "*.gguf"));
  };
  std::vector<HubFile> chosen;
  for (const HubFile& f : files)
    if (wanted(f.path)) chosen.push_back(f);
  check(!chosen.empty(), "none of the {} files is wanted; look at --include and --exclude",
        files.size());
  if (include.empty()) refuse_many_gguf(chosen);
  return chosen;
}

}  // namespace slm
