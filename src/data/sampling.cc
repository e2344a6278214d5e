#include "data/sampling.h"

#include <algorithm>
#include <numeric>

#include "data/legacy_shuffle.h"
#include "util/checked.h"

namespace slm {
namespace {

constexpr std::string_view kWhat = "[data] size of the training stream";

// How many epochs are shuffled together, group by group.
std::vector<int64_t> epoch_groups(EpochShuffle mode, int64_t epochs, int64_t tokens,
                                  int64_t seq_length, int64_t samples) {
  if (mode == EpochShuffle::kPerEpoch) return std::vector<int64_t>(size_t(epochs), 1);
  if (mode == EpochShuffle::kMegatron && epochs > 1) {
    int64_t before_last = ((epochs - 1) * tokens - 1) / seq_length;
    int64_t per_epoch = (tokens - 1) / seq_length;
    if (samples - before_last < int64_t(0.8 * double(per_epoch))) return {epochs - 1, 1};
  }
  return {epochs};
}

}  // namespace

SampleOrder::SampleOrder(const TokenFile& file, int64_t first, int64_t end, int64_t seq_length,
                         int64_t samples, uint32_t seed, EpochShuffle mode) {
  std::string name = file.prefix().string();
  check(seq_length >= 1 && samples >= 1, "[data] {} samples of {} tokens", samples, seq_length);
  check(0 <= first && first <= end && end <= file.documents() && end < INT32_MAX,
        "{}: documents {}..{} of {}", name, first, end, file.documents());
  tokens_ = 0;
  for (int64_t d = first; d < end; ++d) tokens_ += file.length(d);
  check(tokens_ > 0, "{}: documents {}..{} hold no tokens", name, first, end);

  int64_t needed = checked_add<int64_t>(checked_mul(samples, seq_length, kWhat), 1, kWhat);
  epochs_ = needed / tokens_ + (needed % tokens_ != 0);
  int64_t total = checked_mul(epochs_, tokens_, kWhat);
  int64_t positions = checked_mul(epochs_, end - first, kWhat);
  check(positions <= int64_t{UINT32_MAX}, "{}: {} epochs of {} documents are too many to shuffle",
        name, epochs_, end - first);

  LegacyShuffler shuffler(seed);
  auto groups = epoch_groups(mode, epochs_, tokens_, seq_length, samples);
  documents_.reserve(size_t(positions));
  for (int64_t group : groups) {
    size_t begin = documents_.size();
    for (int64_t e = 0; e < group; ++e)
      for (int64_t d = first; d < end; ++d) documents_.push_back(int32_t(d));
    shuffler.shuffle(std::span(documents_).subspan(begin));
  }
  build_starts(file, seq_length, (total - 1) / seq_length);

  shuffle_.resize(starts_.size() - 1);
  std::iota(shuffle_.begin(), shuffle_.end(), int64_t{0});
  int64_t epoch = 0;
  size_t begin = 0;
  for (int64_t group : groups) {
    epoch += group;
    size_t stop = size_t((epoch * tokens_ - 1) / seq_length);
    shuffler.shuffle(std::span(shuffle_).subspan(begin, stop - begin));
    begin = stop;
  }
}

void SampleOrder::build_starts(const TokenFile& file, int64_t seq_length, int64_t samples) {
  starts_.reserve(size_t(samples) + 1);
  starts_.push_back({0, 0});
  uint32_t position = 0;
  int64_t offset = 0;
  for (int64_t i = 0; i < samples; ++i) {
    int64_t remaining = seq_length + 1;
    while (true) {
      int64_t left = file.length(documents_[position]) - offset;
      if (left >= remaining) break;
      remaining -= left;
      ++position;
      offset = 0;
    }
    offset += remaining - 1;  // the last token of this sample is the first of the next
    starts_.push_back({position, int32_t(offset)});
  }
}

void SampleOrder::read(const TokenFile& file, int64_t i, std::span<int32_t> out) const {
  size_t k = size_t(shuffle_[size_t(i % size())]);
  Start from = starts_[k], to = starts_[k + 1];
  int64_t offset = from.offset;
  for (uint32_t p = from.position; p <= to.position; ++p, offset = 0) {
    int64_t stop = p == to.position ? int64_t{to.offset} + 1 : file.length(documents_[p]);
    size_t count = size_t(stop - offset);
    check(count <= out.size(), "[data] a sample needs room for S + 1 ids");
    file.read(documents_[p], offset, out.first(count));
    out = out.subspan(count);
  }
  check(out.empty(), "[data] a sample needs room for exactly S + 1 ids");
}

std::vector<int64_t> SampleOrder::documents_of(int64_t i) const {
  size_t k = size_t(shuffle_[size_t(i % size())]);
  return {documents_.begin() + starts_[k].position,
          documents_.begin() + starts_[k + 1].position + 1};
}

}  // namespace slm
