// Between canonical parameters and the tensors of a checkpoint, both ways, by a family's table.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/parameters.h"
#include "format/tensor_files.h"
#include "format/tensor_source.h"
#include "model/families/families.h"

namespace slm {

// The parameters one row of the table stands for in one layer, and how they are stored.
struct StoredGroup {
  std::vector<size_t> parameters;  // indices into the parameter list given
  std::string name;                // with '*' where the row number goes (kRowTensors)
  std::string alias;               // empty: none
  Layout layout;
  int64_t runs;       // into which kPerHead divides each parameter's rows
  int64_t head_size;  // rows of a head, for kRotaryPairs
  bool zero_if_absent;
};

// The table of the family's that these files follow.
const StoredNames& names_of_files(const Family& family, const TensorFiles& files);

// Every parameter of a decoder exactly once. Error when the table has no name for one of them.
// `parameters`: those of parameter_specs(spec).
std::vector<StoredGroup> stored_groups(const StoredNames& names, const DecoderSpec& spec,
                                       const std::vector<ParameterSpec>& parameters);

// Reads the values of the group's parameters, in their order, in the types stored: views into the
// files where the layout allows. Errors name a tensor that is missing, has another shape than the
// parameters ask for, or is not of floating type.
std::vector<Tensor> read_group(const StoredGroup& group,
                               const std::vector<ParameterSpec>& parameters,
                               const TensorFiles& files, const std::string& origin);

// Every name under which checkpoints may store the group, the alias included.
std::vector<std::string> stored_names(const StoredGroup& group,
                                      const std::vector<ParameterSpec>& parameters);

// The inverse: the tensors that store the group's values. `values` gives them, in the order of
// group.parameters and all of type `dtype`, whenever one of the tensors is made.
std::vector<TensorSource> stored_tensors(const StoredGroup& group,
                                         const std::vector<ParameterSpec>& parameters, DType dtype,
                                         const std::function<std::vector<Tensor>()>& values);

// The tensors that store every parameter of a decoder, in the order of the table, each made when
// asked for: `dtype` says in which type, `value` gives the numbers and is kept by the sources.
std::vector<TensorSource> stored_sources(const StoredNames& names, const DecoderSpec& spec,
                                         const std::function<DType(const StoredGroup&)>& dtype,
                                         const ParameterReader& value);

}  // namespace slm
