// The numbers GGUF gives to the types of tensors, and our number formats, both ways.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/dtype.h"

namespace slm {

// Absent: a type we do not read.
std::optional<DType> dtype_of_ggml(uint32_t type);
std::optional<uint32_t> ggml_of_dtype(DType type);

// "iq4_xs (23)", or the bare number when nobody defined it.
std::string ggml_type_name(uint32_t type);
// "f32, f16, ...": what dtype_of_ggml knows.
std::string supported_ggml_types();

}  // namespace slm
