// pytorch_model.bin: a state dict pickled by torch.save, read without running anything in it.
#pragma once

#include <filesystem>

#include "format/tensor_files.h"

namespace slm {

// Both layouts: the zip archive (PyTorch >= 1.6) and the older plain pickle stream. The tensors may
// lie under "state_dict", "model" or "module". Refuses files that name any Python function or class
// beyond what a tensor needs.
TensorFiles open_pytorch_bin(const std::filesystem::path& path);

}  // namespace slm
