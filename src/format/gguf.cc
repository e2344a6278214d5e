#include "format/gguf.h"

#include <fstream>
#include <utility>

#include "format/gguf_header.h"

namespace slm {

GgufFile open_gguf(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  std::string origin = path.string();
  GgufHeader header = parse_gguf_header(file->bytes(), origin);
  GgufFile gguf{.metadata = std::move(header.metadata)};
  for (auto& t : header.tensors)
    gguf.tensors.add({std::move(t.name), t.dtype, t.shape}, {file, t.begin}, origin);
  return gguf;
}

bool is_gguf(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) return false;
  std::ifstream file(path, std::ios::binary);
  uint32_t magic = 0;
  return file.read(reinterpret_cast<char*>(&magic), sizeof(magic)) && magic == kGgufMagic;
}

}  // namespace slm
