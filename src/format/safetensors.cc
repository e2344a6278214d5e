#include "format/safetensors.h"

#include <utility>

#include "format/safetensors_header.h"
#include "util/impostor.h"

namespace slm {

TensorFiles open_safetensors(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  std::string origin = path.string();
  refuse_impostor(file->text(), origin);
  SafetensorsHeader header = parse_safetensors_header(file->bytes(), origin);
  TensorFiles tensors;
  for (auto& t : header.tensors)
    tensors.add({std::move(t.name), t.dtype, t.shape}, {file, header.data_start + t.begin}, origin);
  tensors.set_metadata(std::move(header.metadata));
  return tensors;
}

}  // namespace slm
