// A pickle read as data. The machine follows the stack program of Python's pickle format, protocols
// 2 to 5, as far as torch.save writes it, but executes nothing: a call becomes a value that says
// what would be called. Only globals on a given list may be named at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "format/byte_reader.h"

namespace slm {

struct PickleValue {
  enum class Kind : uint8_t {
    kNone,
    kBool,
    kInteger,
    kWideInteger,  // text: its little-endian bytes
    kFloat,
    kString,
    kGlobal,  // text: "module name"
    kTuple,
    kList,
    kDict,        // items: key, value, key, value, ...
    kCall,        // items: callable, arguments
    kPersistent,  // items: the id
  };
  Kind kind = Kind::kNone;
  int64_t number = 0;          // bool, integer, bits of the float, index of the items
  std::string_view text = {};  // looks into the pickle's bytes
};

// The bytes that were read must outlive it. Values refer to their items by index, so that neither
// deep nesting nor cycles need recursion anywhere.
class Pickle {
 public:
  const PickleValue& root() const { return root_; }
  std::span<const PickleValue> items(const PickleValue& container) const {
    return items_[size_t(container.number)];
  }
  // The id of every persistent reference, in the order of appearance.
  const std::vector<PickleValue>& persistent_ids() const { return persistent_ids_; }

 private:
  friend class PickleMachine;
  PickleValue root_;
  std::deque<std::vector<PickleValue>> items_;
  std::vector<PickleValue> persistent_ids_;
};

// Reads one pickle and leaves `in` behind it. `allowed` lists globals as "module name";
// "collections OrderedDict" needs no mention and reads as a dict. Objects of attributes given to a
// dict (BUILD) are dropped. Errors name the byte.
Pickle read_pickle(ByteReader& in, std::span<const std::string_view> allowed);

}  // namespace slm
