#include "format/gguf_types.h"

#include <string_view>

#include "util/format.h"

namespace slm {
namespace {

// Every type the format defines, under ggml's names, which are ours where we have the type.
struct Row {
  uint32_t number;
  std::string_view name;
};
constexpr Row kTypes[] = {
    {0, "f32"},     {1, "f16"},    {2, "q4_0"},     {3, "q4_1"},    {6, "q5_0"},     {7, "q5_1"},
    {8, "q8_0"},    {9, "q8_1"},   {10, "q2_k"},    {11, "q3_k"},   {12, "q4_k"},    {13, "q5_k"},
    {14, "q6_k"},   {15, "q8_k"},  {16, "iq2_xxs"}, {17, "iq2_xs"}, {18, "iq3_xxs"}, {19, "iq1_s"},
    {20, "iq4_nl"}, {21, "iq3_s"}, {22, "iq2_s"},   {23, "iq4_xs"}, {24, "i8"},      {25, "i16"},
    {26, "i32"},    {27, "i64"},   {28, "f64"},     {29, "iq1_m"},  {30, "bf16"},    {34, "tq1_0"},
    {35, "tq2_0"},  {39, "mxfp4"},
};

}  // namespace

std::optional<DType> dtype_of_ggml(uint32_t type) {
  for (const Row& row : kTypes)
    if (row.number == type) return dtype_from_name(row.name);
  return {};
}

std::optional<uint32_t> ggml_of_dtype(DType type) {
  for (const Row& row : kTypes)
    if (row.name == traits(type).name) return row.number;
  return {};
}

std::string ggml_type_name(uint32_t type) {
  for (const Row& row : kTypes)
    if (row.number == type) return format("{} ({})", row.name, type);
  return std::to_string(type);
}

std::string supported_ggml_types() {
  std::string names;
  for (const Row& row : kTypes)
    if (dtype_from_name(row.name)) names += format("{}{}", names.empty() ? "" : ", ", row.name);
  return names;
}

}  // namespace slm
