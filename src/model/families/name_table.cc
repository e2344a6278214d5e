#include "model/families/name_table.h"

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

int64_t runs_of(const StoredGroup& group) {
  return group.layout == Layout::kPerHead ? group.heads : 1;
}

// A checkpoint being read: looks tensors up and checks them.
struct Reader {
  const TensorFiles& files;
  const std::string& origin;
  const std::function<void(const std::string&)>& used;

  Tensor load(const std::string& name, const Shape& shape) const {
    const TensorEntry* entry = files.find(name);
    check_data(entry, "{}: tensor \"{}\" is missing; config.json asks for it with shape {}", origin,
               name, shape.to_string());
    check_data(entry->shape == shape, "{}: tensor \"{}\" has shape {}, config.json asks for {}",
               origin, name, entry->shape.to_string(), shape.to_string());
    check_data(traits(entry->dtype).floating, "{}: tensor \"{}\" holds {}, expected floats", origin,
               name, traits(entry->dtype).name);
    used(name);
    return files.load(name);
  }
};

std::vector<Tensor> read_fused(const StoredGroup& group, const std::vector<ParameterSpec>& specs,
                               const Reader& reader) {
  int64_t rows = 0;
  for (size_t p : group.parameters) rows += specs[p].shape[0];
  Tensor whole = reader.load(group.name, with_rows(specs[group.parameters[0]].shape, rows));
  std::vector<Tensor> parts;
  for (size_t p : group.parameters) parts.push_back(Tensor::host(specs[p].shape, whole.dtype()));
  interleave(parts, whole, runs_of(group), [](std::byte* part, std::byte* from, size_t bytes) {
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

Tensor zeros(const Shape& shape) {
  Tensor t = Tensor::host(shape, DType::kF32);
  std::memset(t.bytes_data(), 0, size_t(t.bytes()));
  return t;
}

}  // namespace

std::vector<StoredGroup> stored_groups(const Family& family, const DecoderSpec& spec,
                                       const std::vector<ParameterSpec>& parameters) {
  std::unordered_map<std::string, size_t> index;
  for (size_t i = 0; i < parameters.size(); ++i) index[parameters[i].name] = i;
  std::vector<bool> named(parameters.size());
  std::vector<StoredGroup> groups;
  auto add = [&](const StoredName& row, int64_t layer) {
    StoredGroup group{{},
                      replaced(row.stored, '#', layer),
                      replaced(row.alias, '#', layer),
                      row.layout,
                      spec.heads,
                      row.zero_if_absent};
    for (std::string_view name : row.parameters) {
      auto it = index.find(replaced(name, '#', layer));
      if (it == index.end()) return;
      group.parameters.push_back(it->second);
    }
    for (size_t p : group.parameters) named[p] = true;
    groups.push_back(std::move(group));
  };
  for (const StoredName& row : family.names) {
    bool layered = row.stored.find('#') != std::string_view::npos;
    for (int64_t layer = 0; layer < (layered ? spec.layers : 1); ++layer) add(row, layer);
  }
  for (size_t i = 0; i < parameters.size(); ++i)
    check(named[i], "[families] {} checkpoints have no tensor for \"{}\"", family.model_types[0],
          parameters[i].name);
  return groups;
}

std::vector<Tensor> read_group(const StoredGroup& group,
                               const std::vector<ParameterSpec>& parameters,
                               const TensorFiles& files, const std::string& origin,
                               const std::function<void(const std::string&)>& used) {
  Reader reader{files, origin, used};
  const ParameterSpec& first = parameters[group.parameters[0]];
  if (!group.alias.empty() && files.find(group.alias))
    return {reader.load(group.alias, first.shape)};
  if (group.zero_if_absent && !files.find(group.name)) return {zeros(first.shape)};
  switch (group.layout) {
    case Layout::kPlain:
      return {reader.load(group.name, first.shape)};
    case Layout::kRowTensors:
      return {read_row_tensors(group, first, reader)};
    case Layout::kStacked:
    case Layout::kPerHead:
      break;
  }
  return read_fused(group, parameters, reader);
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
  int64_t rows = 0;
  for (size_t p : group.parameters) rows += parameters[p].shape[0];
  Shape shape = with_rows(first, rows);
  return {{group.name, dtype, shape, [=, runs = runs_of(group)] {
             Tensor whole = Tensor::host(shape, dtype);
             interleave(values(), whole, runs, [](std::byte* part, std::byte* to, size_t bytes) {
               std::memcpy(to, part, bytes);
             });
             return whole;
           }}};
}

}  // namespace slm
