#include "format/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "format/byte_reader.h"
#include "util/checked.h"
#include "util/error.h"

namespace slm {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;

// What the JSON said about one tensor, before anything is believed.
struct Claim {
  std::string name;
  std::optional<std::string> dtype;
  std::optional<std::vector<uint64_t>> shape, offsets;
};

// Receives the header's JSON piece by piece. No tree is built: a header of a million tensors costs
// a million claims and nothing else, and nesting deeper than the schema is refused where it starts.
class HeaderEvents {
 public:
  using Parser = nlohmann::json;
  explicit HeaderEvents(const std::string& origin) : origin_(origin) {}

  std::vector<Claim> claims;
  std::map<std::string, std::string> metadata;

  bool key(std::string& name) {
    if (state_ == State::kTop) {
      check_data(names_.insert(name).second, "{}: \"{}\" appears twice in the header", origin_,
                 name);
    } else if (state_ == State::kMetadata) {
      check_data(!metadata.contains(name), "{}: __metadata__ has \"{}\" twice", origin_, name);
    } else {
      check_data(name == "dtype" || name == "shape" || name == "data_offsets",
                 "{}: tensor \"{}\" has the unknown key \"{}\"", origin_, claims.back().name, name);
    }
    key_ = std::move(name);
    return true;
  }

  bool start_object(size_t) {
    if (state_ == State::kStart) {
      state_ = State::kTop;
    } else if (state_ == State::kTop && key_ == "__metadata__") {
      state_ = State::kMetadata;
    } else if (state_ == State::kTop) {
      state_ = State::kTensor;
      claims.push_back({key_, {}, {}, {}});
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool end_object() {
    state_ = state_ == State::kTop ? State::kStart : State::kTop;
    return true;
  }

  bool start_array(size_t) {
    if (state_ != State::kTensor || key_ == "dtype") unexpected("an array");
    set_once(key_ == "shape" ? claims.back().shape : claims.back().offsets, {});
    state_ = State::kNumbers;
    return true;
  }

  bool end_array() {
    state_ = State::kTensor;
    return true;
  }

  bool string(std::string& text) {
    if (state_ == State::kMetadata) {
      metadata.emplace(key_, std::move(text));
    } else if (state_ == State::kTensor && key_ == "dtype") {
      set_once(claims.back().dtype, std::move(text));
    } else {
      unexpected("a string");
    }
    return true;
  }

  bool number_unsigned(uint64_t value) {
    if (state_ != State::kNumbers) unexpected("a number");
    (key_ == "shape" ? claims.back().shape : claims.back().offsets)->push_back(value);
    return true;
  }

  bool number_integer(int64_t) { unexpected("a negative number"); }
  bool number_float(double, const std::string&) { unexpected("a number that is not whole"); }
  bool null() { unexpected("null"); }
  bool boolean(bool) { unexpected("true or false"); }
  bool binary(Parser::binary_t&) { unexpected("binary data"); }

  bool parse_error(size_t, const std::string&, const Parser::exception& e) {
    fail(ErrorKind::kCorrupt, "{}: the header is not valid JSON: {}", origin_, e.what());
  }

 private:
  enum class State { kStart, kTop, kMetadata, kTensor, kNumbers };

  template <class T>
  void set_once(std::optional<T>& field, T value) {
    check_data(!field, "{}: tensor \"{}\" has \"{}\" twice", origin_, claims.back().name, key_);
    field = std::move(value);
  }

  [[noreturn]] void unexpected(std::string_view found) {
    switch (state_) {
      case State::kMetadata:
        fail(ErrorKind::kCorrupt, "{}: __metadata__ \"{}\" must be a string, found {}", origin_,
             key_, found);
      case State::kTensor:
      case State::kNumbers:
        fail(ErrorKind::kCorrupt, "{}: tensor \"{}\": unexpected {} in \"{}\"", origin_,
             claims.back().name, found, key_);
      default:
        fail(ErrorKind::kCorrupt, "{}: \"{}\" must be an object, found {}", origin_, key_, found);
    }
  }

  const std::string& origin_;
  State state_ = State::kStart;
  std::string key_;
  std::unordered_set<std::string> names_;
};

DType dtype_of(const Claim& claim, const std::string& origin) {
  check_data(claim.dtype.has_value(), "{}: tensor \"{}\" has no \"dtype\"", origin, claim.name);
  if (auto dtype = dtype_from_file_name(*claim.dtype)) return *dtype;
  fail(ErrorKind::kUnsupported, "{}: tensor \"{}\" has dtype \"{}\", which is not supported",
       origin, claim.name, *claim.dtype);
}

Shape shape_of(const Claim& claim, const std::string& origin) {
  check_data(claim.shape.has_value(), "{}: tensor \"{}\" has no \"shape\"", origin, claim.name);
  const auto& claimed = *claim.shape;
  check_data(claimed.size() <= Shape::kMaxRank,
             "{}: tensor \"{}\" has {} axes, at most {} are supported", origin, claim.name,
             claimed.size(), Shape::kMaxRank);
  std::vector<int64_t> dims;
  for (uint64_t d : claimed) {
    check_data(d <= uint64_t(INT64_MAX), "{}: tensor \"{}\" has an axis of {}", origin, claim.name,
               d);
    dims.push_back(int64_t(d));
  }
  return Shape(dims);
}

int64_t byte_size(const SafetensorsHeader::Entry& t, const std::string& origin) {
  std::string what = format("{}: size of tensor \"{}\"", origin, t.name);
  int64_t bytes = traits(t.dtype).block_bytes;
  for (int64_t d : t.shape.dims()) bytes = checked_mul(bytes, d, what);
  return bytes;
}

SafetensorsHeader::Entry validated(const Claim& claim, int64_t data_bytes,
                                   const std::string& origin) {
  check_data(claim.offsets.has_value(), "{}: tensor \"{}\" has no \"data_offsets\"", origin,
             claim.name);
  check_data(claim.offsets->size() == 2, "{}: tensor \"{}\" has {} data_offsets, expected 2",
             origin, claim.name, claim.offsets->size());
  uint64_t begin = claim.offsets->front(), end = claim.offsets->back();
  check_data(begin <= end, "{}: tensor \"{}\" ends at byte {}, before it begins at {}", origin,
             claim.name, end, begin);
  check_data(
      end <= uint64_t(data_bytes),
      "{}: tensor \"{}\" ends at byte {} of {} bytes of data; the file is cut short (a download "
      "that was stopped?)",
      origin, claim.name, end, data_bytes);
  SafetensorsHeader::Entry entry{claim.name, dtype_of(claim, origin), shape_of(claim, origin),
                                 int64_t(begin), int64_t(end)};
  int64_t bytes = byte_size(entry, origin);
  check_data(entry.end - entry.begin == bytes,
             "{}: tensor \"{}\" {} {} needs {} bytes, its data has {}", origin, claim.name,
             *claim.dtype, entry.shape.to_string(), bytes, end - begin);
  return entry;
}

void check_tiling(const SafetensorsHeader& header, int64_t data_bytes, const std::string& origin) {
  int64_t covered = 0;
  for (const auto& t : header.tensors) {
    check_data(t.begin == covered,
               "{}: tensor \"{}\" begins at byte {} of the data, expected {} ({})", origin, t.name,
               t.begin, covered, t.begin < covered ? "overlap" : "gap");
    covered = t.end;
  }
  check_data(covered == data_bytes, "{}: {} bytes after the last tensor belong to none", origin,
             data_bytes - covered);
}

std::string_view header_text(ByteReader& file) {
  check_data(file.remaining() >= 8, "{}: {} bytes, too short for a safetensors file", file.origin(),
             file.remaining());
  uint64_t length = file.number<uint64_t>("the header length");
  check_data(length <= kMaxHeaderBytes, "{}: header length {} is over the limit of {} bytes",
             file.origin(), length, kMaxHeaderBytes);
  check_data(length <= file.remaining(),
             "{}: header length {} exceeds the {} bytes that follow; truncated, or not safetensors",
             file.origin(), length, file.remaining());
  std::string_view text = file.text(length, "the header");
  check_data(text.starts_with('{'), "{}: the header does not start with '{{'", file.origin());
  // The parser takes a NUL for the end of its input and would not look at what follows.
  check_data(text.find('\0') == text.npos, "{}: the header is not valid JSON: it holds a NUL byte",
             file.origin());
  return text;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::span<const std::byte> bytes,
                                           const std::string& origin) {
  ByteReader file(bytes, origin);
  std::string_view text = header_text(file);
  HeaderEvents events(origin);
  nlohmann::json::sax_parse(text.begin(), text.end(), &events);

  SafetensorsHeader header{{}, std::move(events.metadata), int64_t(file.position())};
  int64_t data_bytes = int64_t(file.remaining());
  header.tensors.reserve(events.claims.size());
  for (const Claim& claim : events.claims)
    header.tensors.push_back(validated(claim, data_bytes, origin));
  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  check_tiling(header, data_bytes, origin);
  return header;
}

}  // namespace slm
