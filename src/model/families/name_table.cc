#include "model/families/name_table.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "util/error.h"

namespace slm {
namespace {

std::string replaced(std::string_view pattern, char wildcard, int64_t number) {
  std::string text(pattern);
  size_t at = text.find(wildcard);
  return at == std::string::npos ? text : text.replace(at, 1, std::to_string(number));
}

Shape with_rows(const Shape& shape, int64_t rows) {
  std::vector<int64_t> dims(shape.dims().begin(), shape.dims().end());
  dims[0] = rows;
  return Shape(dims);
}

// Copies between parts and a whole in which their rows alternate in runs: the first of `runs` equal
// runs of each part, then the second of each, and so on.
template <class Copy>
void interleave(const std::vector<Tensor>& parts, const Tensor& whole, int64_t runs, Copy copy) {
  std::byte* at = whole.bytes_data();
  for (int64_t run = 0; run < runs; ++run)
    for (const Tensor& part : parts) {
      int64_t bytes = part.bytes() / runs;
      copy(part.bytes_data() + run * bytes, at, size_t(bytes));
      at += bytes;
    }
}

Tensor transposed(const Tensor& t) {
  Tensor result = Tensor::host({t.dim(1), t.dim(0)}, t.dtype());
  int64_t rows = t.dim(0), columns = t.dim(1), bytes = bytes_of(t.dtype(), 1);
  constexpr int64_t kTile = 32;  // of both sides at a time: they stay in the first cache
  for (int64_t r0 = 0; r0 < rows; r0 += kTile)
    for (int64_t c0 = 0; c0 < columns; c0 += kTile)
      for (int64_t r = r0; r < std::min(rows, r0 + kTile); ++r)
        for (int64_t c = c0; c < std::min(columns, c0 + kTile); ++c)
          std::memcpy(result.bytes_data() + (c * rows + r) * bytes,
                      t.bytes_data() + (r * columns + c) * bytes, size_t(bytes));
  return result;
}

// Into '#', '^' and '$' of a table's names.
std::string of_layer(std::string_view pattern, int64_t layer, int64_t layers) {
  std::string name = replaced(pattern, '#', layer);
  return replaced(replaced(name, '^', layer + 1), '$', layers + 1);
}

// A checkpoint being read: looks tensors up and checks them.
struct Reader {
  const TensorFiles& files;
  const std::string& origin;

  Tensor load(const std::string& name, const Shape& shape) const {
    const TensorEntry* entry = files.find(name);
    check_data(entry, "{}: tensor \"{}\" is missing; config.json asks for it with shape {}", origin,
               name, shape.to_string());
    check_data(entry->shape == shape, "{}: tensor \"{}\" has shape {}, config.json asks for {}",
               origin, name, entry->shape.to_string(), shape.to_string());
    check_data(traits(entry->dtype).floating, "{}: tensor \"{}\" holds {}, expected floats", origin,
               name, traits(entry->dtype).name);
    return files.load(name);
  }
};

std::vector<Tensor> read_fused(const StoredGroup& group, const std::vector<ParameterSpec>& specs,
                               const Reader& reader) {
  int64_t rows = 0;
  for (size_t p : group.parameters) rows += specs[p].shape[0];
  const Shape& first = specs[group.parameters[0]].shape;
  Tensor whole;
  if (group.layout == Layout::kTransposed)
    whole = transposed(reader.load(group.name, {first[1], rows}));
  else
    whole = reader.load(group.name, with_rows(first, rows));
  if (group.parameters.size() == 1) return {whole};
  std::vector<Tensor> parts;
  for (size_t p : group.parameters) parts.push_back(Tensor::host(specs[p].shape, whole.dtype()));
  interleave(parts, whole, group.runs, [](std::byte* part, std::byte* from, size_t bytes) {
    std::memcpy(part, from, bytes);
  });
  return parts;
}

Tensor read_row_tensors(const StoredGroup& group, const ParameterSpec& spec, const Reader& reader) {
  std::vector<Tensor> rows;  // all found before room is made for them
  for (int64_t row = 0; row < spec.shape[0]; ++row)
    rows.push_back(
        to_dtype(reader.load(replaced(group.name, '*', row), {spec.shape[1]}), DType::kF32));
  Tensor whole = Tensor::host(spec.shape, DType::kF32);
  interleave(rows, whole, 1,
             [](std::byte* row, std::byte* to, size_t bytes) { std::memcpy(to, row, bytes); });
  return whole;
}

// Copies between rows in the order of the parameter and rows of each head in pairs:
// 0, half, 1, half + 1, ...
template <class Copy>
void pair_rows(const Tensor& plain, const Tensor& paired, int64_t head_size, Copy copy) {
  int64_t rows = plain.dim(0), bytes = plain.bytes() / rows, half = head_size / 2;
  std::byte* at = paired.bytes_data();
  for (int64_t head = 0; head < rows; head += head_size)
    for (int64_t i = 0; i < head_size; ++i, at += bytes)
      copy(plain.bytes_data() + (head + i / 2 + i % 2 * half) * bytes, at, size_t(bytes));
}

Tensor read_paired(const StoredGroup& group, const ParameterSpec& spec, const Reader& reader) {
  Tensor paired = reader.load(group.name, spec.shape);
  Tensor plain = Tensor::host(spec.shape, paired.dtype());
  pair_rows(plain, paired, group.head_size,
            [](std::byte* to, std::byte* from, size_t bytes) { std::memcpy(to, from, bytes); });
  return plain;
}

Tensor zeros(const Shape& shape) {
  Tensor t = Tensor::host(shape, DType::kF32);
  std::memset(t.bytes_data(), 0, size_t(t.bytes()));
  return t;
}

}  // namespace

const StoredNames& names_of_files(const Family& family, const TensorFiles& files) {
  for (const StoredName& row : family.other_names)
    if (row.parameters[0] == "embed.weight" && files.find(std::string(row.stored)))
      return family.other_names;
  return family.names;
}

std::vector<StoredGroup> stored_groups(const StoredNames& names, const DecoderSpec& spec,
                                       const std::vector<ParameterSpec>& parameters) {
  std::unordered_map<std::string, size_t> index;
  for (size_t i = 0; i < parameters.size(); ++i) index[parameters[i].name] = i;
  std::vector<bool> named(parameters.size());
  std::vector<StoredGroup> groups;
  auto add = [&](const StoredName& row, int64_t layer) {
    if (row.when && !row.when(spec)) return;
    StoredGroup group{{},
                      of_layer(row.stored, layer, spec.layers),
                      of_layer(row.alias, layer, spec.layers),
                      row.layout,
                      row.layout == Layout::kPerHead ? spec.kv_heads : 1,
                      spec.head_size,
                      row.zero_if_absent};
    for (std::string_view name : row.parameters) {
      auto it = index.find(replaced(name, '#', layer));
      if (it == index.end()) return;
      group.parameters.push_back(it->second);
    }
    for (size_t p : group.parameters) named[p] = true;
    groups.push_back(std::move(group));
  };
  for (const StoredName& row : names) {
    bool layered = row.stored.find_first_of("#^") != std::string_view::npos;
    for (int64_t layer = 0; layer < (layered ? spec.layers : 1); ++layer) add(row, layer);
  }
  for (size_t i = 0; i < parameters.size(); ++i)
    check(named[i], "[families] checkpoints of this model_type have no tensor for \"{}\"",
          parameters[i].name);
  return groups;
}

std::vector<Tensor> read_group(const StoredGroup& group,
                               const std::vector<ParameterSpec>& parameters,
                               const TensorFiles& files, const std::string& origin) {
  Reader reader{files, origin};
  const ParameterSpec& first = parameters[group.parameters[0]];
  if (!group.alias.empty() && files.find(group.alias))
    return {reader.load(group.alias, first.shape)};
  if (group.zero_if_absent && !files.find(group.name)) return {zeros(first.shape)};
  switch (group.layout) {
    case Layout::kPlain:
      return {reader.load(group.name, first.shape)};
    case Layout::kRowTensors:
      return {read_row_tensors(group, first, reader)};
    case Layout::kRotaryPairs:
      return {read_paired(group, first, reader)};
    case Layout::kStacked:
    case Layout::kPerHead:
    case Layout::kTransposed:
      break;
  }
  return read_fused(group, parameters, reader);
}

std::vector<std::string> stored_names(const StoredGroup& group,
                                      const std::vector<ParameterSpec>& parameters) {
  std::vector<std::string> names;
  if (!group.alias.empty()) names.push_back(group.alias);
  int64_t count =
      group.layout == Layout::kRowTensors ? parameters[group.parameters[0]].shape[0] : 1;
  for (int64_t row = 0; row < count; ++row) names.push_back(replaced(group.name, '*', row));
  return names;
}

std::vector<TensorSource> stored_tensors(const StoredGroup& group,
                                         const std::vector<ParameterSpec>& parameters, DType dtype,
                                         const std::function<std::vector<Tensor>()>& values) {
  const Shape& first = parameters[group.parameters[0]].shape;
  if (group.layout == Layout::kPlain)
    return {{group.name, dtype, first, [values] { return values()[0]; }}};
  if (group.layout == Layout::kRowTensors) {
    std::vector<TensorSource> rows;
    for (int64_t row = 0; row < first[0]; ++row)
      rows.push_back({replaced(group.name, '*', row), dtype, {first[1]}, [values, row] {
                        Tensor whole = values()[0];
                        return whole.rows(row, row + 1).reshape({whole.dim(1)});
                      }});
    return rows;
  }
  if (group.layout == Layout::kRotaryPairs)
    return {{group.name, dtype, first, [values, first, dtype, size = group.head_size] {
               Tensor plain = values()[0], paired = Tensor::host(first, dtype);
               pair_rows(plain, paired, size, [](std::byte* from, std::byte* to, size_t bytes) {
                 std::memcpy(to, from, bytes);
               });
               return paired;
             }}};
  int64_t rows = 0;
  for (size_t p : group.parameters) rows += parameters[p].shape[0];
  Shape shape = with_rows(first, rows);
  bool transpose = group.layout == Layout::kTransposed;
  Shape stored = transpose ? Shape{shape[1], shape[0]} : shape;
  return {{group.name, dtype, stored, [=, runs = group.runs] {
             Tensor whole = Tensor::host(shape, dtype);
             interleave(values(), whole, runs, [](std::byte* part, std::byte* to, size_t bytes) {
               std::memcpy(to, part, bytes);
             });
             return transpose ? transposed(whole) : whole;
           }}};
}

std::vector<TensorSource> stored_sources(const StoredNames& names, const DecoderSpec& spec,
                                         const std::function<DType(const StoredGroup&)>& dtype,
                                         const ParameterReader& value) {
  std::vector<ParameterSpec> parameters = parameter_specs(spec);
  std::vector<TensorSource> tensors;
  for (const StoredGroup& group : stored_groups(names, spec, parameters)) {
    DType type = dtype(group);
    auto values = [members = group.parameters, value, type] {
      std::vector<Tensor> converted;
      for (size_t p : members) converted.push_back(to_dtype(value(p), type));
      return converted;
    };
    for (TensorSource& t : stored_tensors(group, parameters, type, values))
      tensors.push_back(std::move(t));
  }
  return tensors;
}

}  // namespace slm
