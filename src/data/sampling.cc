#include "data/sampling.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "data/legacy_shuffle.h"
#include "data/order_cache.h"
#include "util/checked.h"
#include "util/nearest_name.h"

namespace slm {
namespace {

constexpr std::string_view kWhat = "[data] size of the training stream";
constexpr int64_t kCacheFrom = int64_t{1} << 25;  // bytes; about half a second of shuffling

constexpr std::array<std::string_view, 3> kModes{"neox", "megatron", "per_epoch"};

// How many epochs are shuffled together, group by group.
std::vector<int64_t> epoch_groups(const SampleOrderSpec& spec, const SampleOrderSize& size) {
  if (spec.mode == EpochShuffle::kPerEpoch) return std::vector<int64_t>(size_t(size.epochs), 1);
  if (spec.mode == EpochShuffle::kMegatron && size.epochs > 1) {
    int64_t before_last = ((size.epochs - 1) * size.tokens - 1) / spec.seq_length;
    int64_t per_epoch = (size.tokens - 1) / spec.seq_length;
    if (spec.samples - before_last < int64_t(0.8 * double(per_epoch))) return {size.epochs - 1, 1};
  }
  return {size.epochs};
}

template <class T>
std::span<const T> as_array(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

}  // namespace

EpochShuffle epoch_shuffle_named(std::string_view name) {
  for (size_t i = 0; i < kModes.size(); ++i)
    if (kModes[i] == name) return EpochShuffle(i);
  std::string nearest = nearest_name(name, kModes);
  fail(ErrorKind::kInvalid,
       "[config] epoch_shuffle is \"{}\", expected neox, megatron or per_epoch{}", name,
       nearest.empty() ? "" : format("; did you mean {}?", nearest));
}

SampleOrderSize sample_order_size(const TokenFile& file, const SampleOrderSpec& spec) {
  std::string name = file.prefix().string();
  auto [first, end, seq_length, samples, seed, mode] = spec;
  check(seq_length >= 1 && samples >= 1, "[data] {} samples of {} tokens", samples, seq_length);
  check(0 <= first && first <= end && end <= file.documents() && end < INT32_MAX,
        "{}: documents {}..{} of {}", name, first, end, file.documents());
  SampleOrderSize size;
  if (first == 0 && end == file.documents())
    size.tokens = file.tokens();
  else
    for (int64_t d = first; d < end; ++d) size.tokens += file.length(d);
  check(size.tokens > 0, "{}: documents {}..{} hold no tokens", name, first, end);

  int64_t needed = checked_add<int64_t>(checked_mul(samples, seq_length, kWhat), 1, kWhat);
  size.epochs = needed / size.tokens + (needed % size.tokens != 0);
  size.positions = checked_mul(size.epochs, end - first, kWhat);
  check(size.positions <= int64_t{UINT32_MAX},
        "{}: {} epochs of {} documents are too many to shuffle", name, size.epochs, end - first);
  size.samples = (checked_mul(size.epochs, size.tokens, kWhat) - 1) / seq_length;
  check(size.samples < int64_t{UINT32_MAX},
        "{}: {} samples are too many to shuffle; split the file", name, size.samples);
  return size;
}

struct SampleOrder::Arrays {
  std::vector<int32_t> documents;
  std::vector<Start> starts;
  std::vector<uint32_t> shuffle;
};

SampleOrder::SampleOrder(const TokenFile& file, const SampleOrderSpec& spec,
                         const std::filesystem::path& cache)
    : size_(sample_order_size(file, spec)) {
  bool large = size_.bytes() >= kCacheFrom && !cache.empty();
  std::filesystem::path cached = large ? order_cache_file(cache, file, spec) : cache;
  if (large && look_into(cached)) return;
  auto arrays = std::make_shared<Arrays>();
  build(file, spec, *arrays);
  keeper_ = arrays;
  look_at(arrays->documents, arrays->starts, arrays->shuffle);
  if (!large) return;
  write_order_cache(cached,
                    {std::as_bytes(documents_), std::as_bytes(starts_), std::as_bytes(shuffle_)});
  look_into(cached);
}

bool SampleOrder::look_into(const std::filesystem::path& cached) {
  MappedOrder found = map_order_cache(
      cached,
      {4 * size_.positions, int64_t{sizeof(Start)} * (size_.samples + 1), 4 * size_.samples});
  if (!found.file) return false;
  keeper_ = found.file;
  look_at(as_array<int32_t>(found.arrays[0]), as_array<Start>(found.arrays[1]),
          as_array<uint32_t>(found.arrays[2]));
  return true;
}

void SampleOrder::look_at(std::span<const int32_t> documents, std::span<const Start> starts,
                          std::span<const uint32_t> shuffle) {
  documents_ = documents;
  starts_ = starts;
  shuffle_ = shuffle;
}

void SampleOrder::build(const TokenFile& file, const SampleOrderSpec& spec, Arrays& out) const {
  LegacyShuffler shuffler(spec.seed);
  auto groups = epoch_groups(spec, size_);
  out.documents.reserve(size_t(size_.positions));
  for (int64_t group : groups) {
    size_t begin = out.documents.size();
    for (int64_t e = 0; e < group; ++e)
      for (int64_t d = spec.first; d < spec.end; ++d) out.documents.push_back(int32_t(d));
    shuffler.shuffle(std::span(out.documents).subspan(begin));
  }

  out.starts.reserve(size_t(size_.samples) + 1);
  out.starts.push_back({0, 0});
  Start at{0, 0};
  for (int64_t i = 0; i < size_.samples; ++i) {
    int64_t remaining = spec.seq_length + 1, offset = at.offset;
    while (true) {
      int64_t left = file.length(out.documents[at.position]) - offset;
      if (left >= remaining) break;
      remaining -= left;
      ++at.position;
      offset = 0;
    }
    at.offset = int32_t(offset + remaining - 1);  // the last token is the next sample's first
    out.starts.push_back(at);
  }

  out.shuffle.resize(size_t(size_.samples));
  std::iota(out.shuffle.begin(), out.shuffle.end(), uint32_t{0});
  int64_t epoch = 0;
  size_t begin = 0;
  for (int64_t group : groups) {
    epoch += group;
    size_t stop = size_t((epoch * size_.tokens - 1) / spec.seq_length);
    shuffler.shuffle(std::span(out.shuffle).subspan(begin, stop - begin));
    begin = stop;
  }
}

// The arrays may come from a file that somebody damaged, so their entries are checked.
template <class Visit>
void SampleOrder::each_piece(const TokenFile& file, int64_t i, const Visit& visit) const {
  size_t k = shuffle_[size_t(i % size())];
  check_data(k < shuffle_.size(), "{}: a damaged order of samples; delete the cache",
             file.prefix().string());
  Start from = starts_[k], to = starts_[k + 1];
  check_data(to.position < documents_.size(), "{}: a damaged order of samples; delete the cache",
             file.prefix().string());
  int64_t offset = from.offset;
  for (uint32_t p = from.position; p <= to.position; ++p, offset = 0) {
    int64_t document = documents_[p];
    int64_t stop = p == to.position ? int64_t{to.offset} + 1 : file.length(document);
    if (stop > offset) visit(SamplePiece{document, offset, stop - offset});
  }
}

std::vector<SamplePiece> SampleOrder::pieces(const TokenFile& file, int64_t i) const {
  std::vector<SamplePiece> out;
  each_piece(file, i, [&](const SamplePiece& piece) { out.push_back(piece); });
  return out;
}

namespace {

// The next `count` places of what is left to fill.
std::span<int32_t> take(std::span<int32_t>& out, int64_t count) {
  check(size_t(count) <= out.size(), "[data] a sample needs room for S + 1 ids");
  auto taken = out.first(size_t(count));
  out = out.subspan(size_t(count));
  return taken;
}

}  // namespace

void SampleOrder::read(const TokenFile& file, int64_t i, std::span<int32_t> out) const {
  each_piece(file, i,
             [&](const SamplePiece& p) { file.read(p.document, p.begin, take(out, p.count)); });
  check(out.empty(), "[data] a sample needs room for exactly S + 1 ids");
}

void SampleOrder::read_labels(const TokenFile& labels, int64_t i, std::span<int32_t> out) const {
  each_piece(labels, i, [&](const SamplePiece& p) {
    labels.read_labels(p.document, p.begin, take(out, p.count));
  });
  check(out.empty(), "[data] a sample needs room for exactly S + 1 labels");
}

}  // namespace slm
