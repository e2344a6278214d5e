#include <set>
#include <string>
#include <string_view>

#include "format/gguf.h"
#include "format/gguf_header.h"
#include "format/gguf_types.h"
#include "util/checked.h"
#include "util/files.h"

namespace slm {
namespace {

// Little-endian bytes of the header.
class HeaderText {
 public:
  template <class T>
  void number(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void string(std::string_view text) {
    number(uint64_t(text.size()));
    text_ += text;
  }
  void value(const GgufValue& value) {
    number(uint32_t(value.index()));
    std::visit([&](const auto& x) { one(x); }, value);
  }
  std::string take() { return std::move(text_); }

 private:
  template <class T>
  void one(const T& x) {
    if constexpr (std::is_same_v<T, GgufArray>)
      array(x);
    else if constexpr (std::is_same_v<T, std::string>)
      string(x);
    else if constexpr (std::is_same_v<T, bool>)
      number(uint8_t(x));
    else
      number(x);
  }
  void array(const GgufArray& array) {
    number(uint32_t(array.index()));
    std::visit(
        [&](const auto& list) {
          if constexpr (std::is_same_v<std::decay_t<decltype(list)>, std::monostate>) {
            fail(ErrorKind::kUnsupported, "[gguf] an array of arrays cannot be written");
          } else {
            number(uint64_t(list.size()));
            for (const auto& x : list) one<typename std::decay_t<decltype(list)>::value_type>(x);
          }
        },
        array);
  }

  std::string text_;
};

int64_t padded(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

uint32_t checked_type(const TensorSource& t) {
  check(!t.name.empty() && t.name.size() <= kGgufMaxTensorName,
        "[gguf] a tensor name has 1 to {} bytes, not \"{}\"", kGgufMaxTensorName, t.name);
  check(t.shape.rank() >= 1 && t.shape.rank() <= kGgufMaxRank && t.shape.elements() > 0,
        "[gguf] tensor \"{}\" has shape {}, expected 1 to {} axes and at least one number", t.name,
        t.shape.to_string(), kGgufMaxRank);
  check(t.shape[-1] % traits(t.dtype).block_elems == 0,
        "[gguf] tensor \"{}\" has rows of {} numbers, not a whole number of {} blocks of {}",
        t.name, t.shape[-1], traits(t.dtype).name, traits(t.dtype).block_elems);
  auto type = ggml_of_dtype(t.dtype);
  check(type.has_value(), "[gguf] tensor \"{}\": GGUF files hold no {}; they hold {}", t.name,
        traits(t.dtype).name, supported_ggml_types());
  return *type;
}

std::string header_text(const GgufMetadata& metadata, std::span<const TensorSource> tensors,
                        int64_t alignment) {
  HeaderText header;
  header.number(kGgufMagic);
  header.number(kGgufVersion);
  header.number(uint64_t(tensors.size()));
  header.number(uint64_t(metadata.items().size()));
  for (const auto& [key, value] : metadata.items()) {
    header.string(key);
    header.value(value);
  }
  std::set<std::string_view> names;
  int64_t offset = 0;
  for (const TensorSource& t : tensors) {
    uint32_t type = checked_type(t);
    check(names.insert(t.name).second, "[gguf] cannot write a tensor named \"{}\" twice", t.name);
    header.string(t.name);
    header.number(uint32_t(t.shape.rank()));
    for (int axis = t.shape.rank() - 1; axis >= 0; --axis) header.number(uint64_t(t.shape[axis]));
    header.number(type);
    header.number(uint64_t(offset));
    offset += padded(t.bytes(), alignment);
  }
  std::string text = header.take();
  text.resize(size_t(padded(int64_t(text.size()), alignment)));
  return text;
}

}  // namespace

void write_gguf(const std::filesystem::path& path, const GgufMetadata& metadata,
                std::span<const TensorSource> tensors) {
  int64_t alignment = gguf_alignment(metadata);
  std::string header = header_text(metadata, tensors, alignment);
  std::string padding(size_t(alignment), '\0');
  AtomicFile file(path);
  file.write(header);
  for (const TensorSource& source : tensors) {
    Tensor t = load_checked(source);
    file.write(t.bytes_data(), size_t(t.bytes()));
    file.write(padding.data(), size_t(padded(t.bytes(), alignment) - t.bytes()));
  }
  file.commit();
}

}  // namespace slm
