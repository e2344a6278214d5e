#include "format/pytorch_bin.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "format/pickle.h"
#include "format/zip.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/impostor.h"

namespace slm {
namespace {

using Kind = PickleValue::Kind;

constexpr size_t kMaxPickleBytes = size_t{1} << 26;
constexpr std::string_view kRebuildTensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils _rebuild_parameter";
constexpr std::string_view kSize = "torch Size";
constexpr std::pair<std::string_view, DType> kStorageTypes[] = {
    {"torch FloatStorage", DType::kF32},     {"torch HalfStorage", DType::kF16},
    {"torch BFloat16Storage", DType::kBF16}, {"torch DoubleStorage", DType::kF64},
    {"torch LongStorage", DType::kI64},      {"torch IntStorage", DType::kI32},
    {"torch ShortStorage", DType::kI16},     {"torch CharStorage", DType::kI8},
    {"torch ByteStorage", DType::kU8},       {"torch BoolStorage", DType::kBool},
};

std::span<const std::string_view> allowed_globals() {
  static const std::vector<std::string_view> kNames = [] {
    std::vector<std::string_view> names{kRebuildTensor, kRebuildParameter, kSize};
    for (auto [name, dtype] : kStorageTypes) names.push_back(name);
    return names;
  }();
  return kNames;
}

// The numbers that one or more tensors look into.
struct StorageRef {
  DType dtype;
  int64_t elements;
  int64_t byte_offset = 0;  // in the file, once located
};

// Turns the data a pickle holds into tensors.
class StateDict {
 public:
  StateDict(const Pickle& pickle, std::string origin)
      : pickle_(pickle), origin_(std::move(origin)) {
    for (const PickleValue& id : pickle.persistent_ids()) add_storage(id);
  }

  std::map<std::string, StorageRef, std::less<>>& storages() { return storages_; }

  TensorFiles tensors(const std::shared_ptr<const MappedFile>& file) const {
    TensorFiles out;
    auto items = pickle_.items(innermost());
    for (size_t i = 0; i < items.size(); i += 2) {
      require(items[i].kind == Kind::kString, "a key of the state dict is not a string");
      std::string name(items[i].text);
      auto [entry, place] = tensor(name, items[i + 1]);
      place.file = file;
      out.add(std::move(entry), std::move(place), origin_);
    }
    return out;
  }

 private:
  void require(bool ok, std::string_view what) const { check_data(ok, "{}: {}", origin_, what); }

  // ("storage", <type>, key, location, element count[, view]); location is where it once lived.
  void add_storage(const PickleValue& id) {
    require(id.kind == Kind::kTuple, "a storage reference is not a tuple");
    auto parts = pickle_.items(id);
    require((parts.size() == 5 || (parts.size() == 6 && parts[5].kind == Kind::kNone)) &&
                parts[0].kind == Kind::kString && parts[0].text == "storage" &&
                parts[1].kind == Kind::kGlobal && parts[2].kind == Kind::kString &&
                parts[4].kind == Kind::kInteger && parts[4].number >= 0,
            "a storage reference is malformed");
    StorageRef storage{storage_type(parts[1].text), parts[4].number};
    auto [it, fresh] = storages_.emplace(parts[2].text, storage);
    check_data(
        fresh || (it->second.dtype == storage.dtype && it->second.elements == storage.elements),
        "{}: storage \"{}\" is described in two ways", origin_, parts[2].text);
  }

  DType storage_type(std::string_view global) const {
    for (auto [name, dtype] : kStorageTypes)
      if (name == global) return dtype;
    fail(ErrorKind::kCorrupt, "{}: \"{}\" is not a storage type", origin_, global);
  }

  // Training programs put the state dict into a bigger one.
  PickleValue innermost() const {
    PickleValue dict = pickle_.root();
    require(dict.kind == Kind::kDict, "the top of the file is not a dict of tensors");
    constexpr int kMaxNesting = 4;
    for (int level = 0; level < kMaxNesting; ++level) {
      std::optional<PickleValue> inner;
      auto items = pickle_.items(dict);
      for (size_t i = 0; i < items.size(); i += 2) {
        bool wraps = items[i].kind == Kind::kString &&
                     (items[i].text == "state_dict" || items[i].text == "model" ||
                      items[i].text == "module");
        if (wraps && items[i + 1].kind == Kind::kDict) inner = items[i + 1];
      }
      if (!inner) break;
      dict = *inner;
    }
    return dict;
  }

  std::pair<TensorEntry, TensorFiles::Place> tensor(const std::string& name,
                                                    PickleValue value) const {
    while (value.kind == Kind::kCall && pickle_.items(value)[0].text == kRebuildParameter) {
      auto args = pickle_.items(pickle_.items(value)[1]);
      require(!args.empty(), "a parameter is rebuilt from nothing");
      value = args[0];
    }
    check_data(value.kind == Kind::kCall && pickle_.items(value)[0].text == kRebuildTensor,
               "{}: \"{}\" is not a tensor", origin_, name);
    auto args = pickle_.items(pickle_.items(value)[1]);
    check_data(args.size() >= 4 && args[0].kind == Kind::kPersistent &&
                   args[1].kind == Kind::kInteger && args[1].number >= 0,
               "{}: tensor \"{}\" is malformed", origin_, name);
    const PickleValue& id = pickle_.items(args[0])[0];
    const StorageRef& storage = storages_.find(pickle_.items(id)[2].text)->second;
    auto size = extents(name, args[2]), strides = extents(name, args[3]);
    check_data(size.size() == strides.size() && size.size() <= Shape::kMaxRank,
               "{}: tensor \"{}\" has {} axes and {} strides", origin_, name, size.size(),
               strides.size());
    check_window(name, storage, args[1].number, size, strides);
    if (row_major(size, strides)) strides.clear();
    int64_t byte_offset = storage.byte_offset + bytes_of(storage.dtype, args[1].number);
    return {{name, storage.dtype, Shape(size)}, {nullptr, byte_offset, std::move(strides)}};
  }

  std::vector<int64_t> extents(const std::string& name, PickleValue value) const {
    if (value.kind == Kind::kCall && pickle_.items(value)[0].text == kSize) {
      auto args = pickle_.items(pickle_.items(value)[1]);
      if (args.size() == 1) value = args[0];
    }
    check_data(value.kind == Kind::kTuple, "{}: tensor \"{}\": its size is not a tuple", origin_,
               name);
    std::vector<int64_t> out;
    for (const PickleValue& v : pickle_.items(value)) {
      check_data(v.kind == Kind::kInteger && v.number >= 0,
                 "{}: tensor \"{}\": sizes and strides must be whole numbers from 0", origin_,
                 name);
      out.push_back(v.number);
    }
    return out;
  }

  // Every element lies in the storage, and the tensor has no more elements than that: one that
  // repeats elements could claim any size.
  void check_window(const std::string& name, const StorageRef& storage, int64_t offset,
                    std::span<const int64_t> size, std::span<const int64_t> strides) const {
    std::string what = format("{}: extent of tensor \"{}\"", origin_, name);
    int64_t elements = 1, last = offset;
    for (size_t i = 0; i < size.size(); ++i) {
      elements = checked_mul(elements, size[i], what);
      if (size[i] > 0) last = checked_add(last, checked_mul(size[i] - 1, strides[i], what), what);
    }
    check_data(elements == 0 ? offset <= storage.elements
                             : last < storage.elements && elements <= storage.elements,
               "{}: tensor \"{}\" reaches element {} with {} elements, its storage has {}", origin_,
               name, last, elements, storage.elements);
  }

  static bool row_major(std::span<const int64_t> size, std::span<const int64_t> strides) {
    int64_t expected = 1;
    for (int64_t d : size)
      if (d == 0) return true;
    for (size_t i = size.size(); i-- > 0; expected *= size[i])
      if (size[i] != 1 && strides[i] != expected) return false;
    return true;
  }

  const Pickle& pickle_;
  std::string origin_;
  std::map<std::string, StorageRef, std::less<>> storages_;
};

std::span<const std::byte> contents(const MappedFile& file, const ZipEntry& entry) {
  return file.bytes().subspan(size_t(entry.offset), size_t(entry.size));
}

// X/data.pkl, X/data/<key>, X/byteorder under one top folder of any name.
TensorFiles open_zip(const std::shared_ptr<const MappedFile>& file, const std::string& origin) {
  auto entries = read_zip_directory(file->bytes(), origin);
  std::string top;
  for (const auto& [name, entry] : entries)
    if (size_t slash = name.find('/'); name.substr(slash + 1) == "data.pkl")
      top = name.substr(0, slash + 1);
  auto pickled = entries.find(top + "data.pkl");
  check_data(!top.empty() && pickled != entries.end(),
             "{}: a zip archive without data.pkl; not a file written by torch.save", origin);
  if (auto order = entries.find(top + "byteorder"); order != entries.end()) {
    auto bytes = contents(*file, order->second);
    check_data(
        std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == "little",
        "{}: written on a big-endian machine", origin);
  }
  check_data(size_t(pickled->second.size) <= kMaxPickleBytes,
             "{}: data.pkl has {} bytes, at most {} are read", origin, pickled->second.size,
             kMaxPickleBytes);
  ByteReader in(contents(*file, pickled->second), origin + ": data.pkl");
  Pickle pickle = read_pickle(in, allowed_globals());
  StateDict state(pickle, origin);
  for (auto& [key, storage] : state.storages()) {
    auto it = entries.find(top + "data/" + key);
    check_data(it != entries.end(), "{}: the archive has no storage \"{}\"", origin, key);
    int64_t bytes =
        checked_mul<int64_t>(storage.elements, traits(storage.dtype).block_bytes, origin);
    check_data(it->second.size == bytes, "{}: storage \"{}\" has {} bytes, expected {}", origin,
               key, it->second.size, bytes);
    storage.byte_offset = it->second.offset;
  }
  return state.tensors(file);
}

constexpr std::string_view kLegacyMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr int64_t kLegacyProtocol = 1001;

// Five pickles (a magic number, a version, the writer's machine, the object, the storage keys),
// then for each key its element count and numbers.
TensorFiles open_legacy(const std::shared_ptr<const MappedFile>& file, const std::string& origin) {
  ByteReader in(file->bytes(), origin);
  Pickle magic = read_pickle(in, {});
  check_data(magic.root().kind == Kind::kWideInteger && magic.root().text == kLegacyMagic,
             "{}: not a file written by torch.save", origin);
  Pickle protocol = read_pickle(in, {});
  check_data(protocol.root().kind == Kind::kInteger && protocol.root().number == kLegacyProtocol,
             "{}: unknown version of the torch.save format", origin);
  read_pickle(in, {});
  Pickle pickle = read_pickle(in, allowed_globals());
  StateDict state(pickle, origin);
  Pickle keys = read_pickle(in, {});
  check_data(keys.root().kind == Kind::kList, "{}: the storage keys are not a list", origin);
  size_t located = 0;
  for (const PickleValue& key : keys.items(keys.root())) {
    auto it = state.storages().find(key.text);
    check_data(
        key.kind == Kind::kString && it != state.storages().end() && it->second.byte_offset == 0,
        "{}: storage key \"{}\" is unknown or listed twice", origin, key.text);
    StorageRef& storage = it->second;
    int64_t elements = in.number<int64_t>("a storage");
    check_data(elements == storage.elements, "{}: storage \"{}\" has {} elements, expected {}",
               origin, key.text, elements, storage.elements);
    storage.byte_offset = int64_t(in.position());
    in.take(size_t(checked_mul<int64_t>(elements, traits(storage.dtype).block_bytes, origin)),
            "a storage");
    ++located;
  }
  check_data(located == state.storages().size(), "{}: {} storages are missing", origin,
             state.storages().size() - located);
  return state.tensors(file);
}

}  // namespace

TensorFiles open_pytorch_bin(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  refuse_impostor(file->text(), path.string());
  ByteReader start(file->bytes(), path.string());
  std::string_view head = start.text(std::min<size_t>(4, start.remaining()), "the file");
  if (head == "PK\x03\x04") return open_zip(file, path.string());
  check_data(head.starts_with('\x80'), "{}: neither a zip archive nor a pickle", path.string());
  return open_legacy(file, path.string());
}

}  // namespace slm
