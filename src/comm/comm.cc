#include "comm/comm.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "comm/flight_recorder.h"
#include "comm/tree_order.h"
#include "util/error.h"

namespace slm {
namespace {

// Longer sums are shared out: each rank adds up a part and hands it round.
constexpr size_t kShortSum = 4096;
constexpr int kAllHalvings = 62;

template <class T>
std::span<std::byte> bytes_of_span(std::span<T> data) {
  return std::as_writable_bytes(data);
}

// The sum of pieces[0], pieces[1], …, in pieces[0], in the order of tree_order.h. Overwrites them.
template <class T>
void add_up(std::span<const std::span<T>> pieces) {
  std::vector<std::span<T>> slots(pieces.size());
  auto add = [](std::span<T> into, std::span<const T> from) {
    for (size_t i = 0; i < into.size(); ++i) into[i] += from[i];
  };
  tree_sum(
      0, int64_t(pieces.size()), kAllHalvings,
      [&](int64_t i, int slot, bool more) {
        if (more)
          add(slots[size_t(slot)], pieces[size_t(i)]);
        else
          slots[size_t(slot)] = pieces[size_t(i)];
      },
      [&](int slot, int other) { add(slots[size_t(slot)], slots[size_t(other)]); });
}

void check_cuts(std::string_view operation, std::span<const int64_t> cuts, int ranks,
                size_t elements) {
  check(cuts.size() == size_t(ranks) + 1 && cuts.front() >= 0 && cuts.back() <= int64_t(elements) &&
            std::is_sorted(cuts.begin(), cuts.end()),
        "[{}] {} cuts of {} elements for {} ranks", operation, cuts.size(), elements, ranks);
}

template <class T>
std::span<T> piece(std::span<T> data, std::span<const int64_t> cuts, int rank) {
  int64_t begin = cuts[size_t(rank)];
  return data.subspan(size_t(begin), size_t(cuts[size_t(rank) + 1] - begin));
}

}  // namespace

Comm::Comm(std::shared_ptr<Transport> transport)
    : transport_(std::move(transport)), rank_(transport_->rank()) {
  for (int r = 0; r < transport_->size(); ++r) members_.push_back(r);
  channel_ = transport_->open_channel();
}

Comm::Comm(std::shared_ptr<Transport> transport, std::vector<int> members, int rank, int channel)
    : transport_(std::move(transport)),
      members_(std::move(members)),
      rank_(rank),
      channel_(channel) {}

void Comm::exchange(std::span<Outgoing> sends, std::span<Incoming> receives) {
  for (Outgoing& s : sends) s.to = members_[size_t(s.to)];
  for (Incoming& r : receives) r.from = members_[size_t(r.from)];
  transport_->exchange(channel_, sends, receives);
}

void Comm::send(std::span<const std::byte> data, int to) {
  FlightRecorder::Entry entry(recorder(), "send", int64_t(data.size()), channel_);
  Outgoing out{to, data};
  exchange({&out, 1}, {});
}

void Comm::receive(std::span<std::byte> data, int from) {
  FlightRecorder::Entry entry(recorder(), "receive", int64_t(data.size()), channel_);
  Incoming in{from, data};
  exchange({}, {&in, 1});
}

// Round k tells rank + 2^k and hears from rank - 2^k; after log2 rounds everybody has heard,
// directly or not, from everybody.
void Comm::barrier() {
  if (size() == 1) return;
  FlightRecorder::Entry entry(recorder(), "barrier", 0, channel_);
  for (int distance = 1; distance < size(); distance *= 2) {
    std::byte out{}, in{};
    Outgoing send{(rank_ + distance) % size(), {&out, 1}};
    Incoming receive{(rank_ + size() - distance) % size(), {&in, 1}};
    exchange({&send, 1}, {&receive, 1});
  }
}

// Round by round the number of ranks that have the data doubles.
void Comm::broadcast(std::span<std::byte> data, int root) {
  if (size() == 1) return;
  FlightRecorder::Entry entry(recorder(), "broadcast", int64_t(data.size()), channel_);
  int place = (rank_ + size() - root) % size();
  for (int have = 1; have < size(); have *= 2) {
    Outgoing send{(rank_ + have) % size(), data};
    Incoming receive{(rank_ + size() - have) % size(), data};
    if (place < have && place + have < size()) exchange({&send, 1}, {});
    if (place >= have && place < 2 * have) exchange({}, {&receive, 1});
  }
}

template <class T>
void Comm::sum_everywhere(std::span<T> data) {
  std::vector<T> others(data.size() * size_t(size()));
  std::vector<std::span<T>> pieces;
  std::vector<Outgoing> sends;
  std::vector<Incoming> receives;
  for (int r = 0; r < size(); ++r) {
    pieces.push_back(std::span(others).subspan(data.size() * size_t(r), data.size()));
    if (r == rank_) continue;
    sends.push_back({r, bytes_of_span(data)});
    receives.push_back({r, bytes_of_span(pieces.back())});
  }
  std::copy(data.begin(), data.end(), pieces[size_t(rank_)].begin());
  exchange(sends, receives);
  add_up<T>(pieces);
  std::copy(pieces[0].begin(), pieces[0].end(), data.begin());
}

void Comm::all_reduce(std::span<float> data) {
  if (size() == 1) return;
  if (data.size() > kShortSum) {
    std::vector<int64_t> cuts = even_cuts(int64_t(data.size()), size());
    reduce_scatter(data, cuts);
    for (int64_t& c : cuts) c *= int64_t(sizeof(float));
    return all_gather(bytes_of_span(data), cuts);
  }
  FlightRecorder::Entry entry(recorder(), "all-reduce", int64_t(data.size_bytes()), channel_);
  sum_everywhere(data);
}

void Comm::all_reduce(std::span<double> data) {
  if (size() == 1) return;
  FlightRecorder::Entry entry(recorder(), "all-reduce", int64_t(data.size_bytes()), channel_);
  sum_everywhere(data);
}

bool Comm::any(bool here) {
  double count = here;
  all_reduce(std::span(&count, 1));
  return count > 0;
}

void Comm::reduce_scatter(std::span<float> data, std::span<const int64_t> cuts) {
  check_cuts("reduce-scatter", cuts, size(), data.size());
  if (size() == 1) return;
  FlightRecorder::Entry entry(recorder(), "reduce-scatter", int64_t(data.size_bytes()), channel_);
  std::span<float> own = piece(data, cuts, rank_);
  std::vector<float> others(own.size() * size_t(size() - 1));
  std::vector<std::span<float>> pieces;
  std::vector<Outgoing> sends;
  std::vector<Incoming> receives;
  for (int r = 0, at = 0; r < size(); ++r) {
    if (r == rank_) {
      pieces.push_back(own);
      continue;
    }
    pieces.push_back(std::span(others).subspan(own.size() * size_t(at++), own.size()));
    if (!own.empty()) receives.push_back({r, bytes_of_span(pieces.back())});
    if (auto theirs = piece(data, cuts, r); !theirs.empty())
      sends.push_back({r, bytes_of_span(theirs)});
  }
  exchange(sends, receives);
  add_up<float>(pieces);
  if (rank_ != 0) std::copy(pieces[0].begin(), pieces[0].end(), own.begin());
}

void Comm::all_gather(std::span<std::byte> data, std::span<const int64_t> cuts) {
  check_cuts("all-gather", cuts, size(), data.size());
  if (size() == 1) return;
  FlightRecorder::Entry entry(recorder(), "all-gather", int64_t(data.size()), channel_);
  std::vector<Outgoing> sends;
  std::vector<Incoming> receives;
  std::span<std::byte> own = piece(data, cuts, rank_);
  for (int r = 0; r < size(); ++r) {
    if (r == rank_) continue;
    if (!own.empty()) sends.push_back({r, own});
    if (auto theirs = piece(data, cuts, r); !theirs.empty()) receives.push_back({r, theirs});
  }
  exchange(sends, receives);
}

void Comm::all_gather(std::span<double> data, std::span<const int64_t> cuts) {
  std::vector<int64_t> bytes(cuts.begin(), cuts.end());
  for (int64_t& c : bytes) c *= int64_t(sizeof(double));
  all_gather(bytes_of_span(data), bytes);
}

std::vector<std::string> Comm::gather(const std::string& text, int root) {
  FlightRecorder::Entry entry(recorder(), "gather", int64_t(text.size()), channel_);
  uint64_t length = text.size();
  std::vector<std::string> texts;
  if (rank_ != root) {
    std::array<Outgoing, 2> sends{
        {{root, std::as_bytes(std::span(&length, 1))}, {root, std::as_bytes(std::span(text))}}};
    exchange(std::span(sends).first(text.empty() ? 1 : 2), {});
    return texts;
  }
  std::vector<uint64_t> lengths(size_t(size()), length);
  std::vector<Incoming> receives;
  for (int r = 0; r < size(); ++r)
    if (r != root)
      receives.push_back({r, std::as_writable_bytes(std::span(&lengths[size_t(r)], 1))});
  exchange({}, receives);
  receives.clear();
  for (uint64_t n : lengths) texts.emplace_back(n, '\0');
  texts[size_t(root)] = text;
  for (int r = 0; r < size(); ++r)
    if (r != root && !texts[size_t(r)].empty())
      receives.push_back({r, std::as_writable_bytes(std::span(texts[size_t(r)]))});
  exchange({}, receives);
  return texts;
}

std::unique_ptr<Comm> Comm::split(int color) {
  std::vector<double> colors(size_t(size()), 0);
  colors[size_t(rank_)] = color;
  all_gather(std::span(colors), even_cuts(size(), size()));
  std::vector<int> members;
  int rank = 0;
  for (int r = 0; r < size(); ++r) {
    if (colors[size_t(r)] != double(color)) continue;
    if (r == rank_) rank = int(members.size());
    members.push_back(members_[size_t(r)]);
  }
  return std::unique_ptr<Comm>(
      new Comm(transport_, std::move(members), rank, transport_->open_channel()));
}

void Comm::abort(int exit_code) {
  transport_->abort(exit_code);
  std::_Exit(exit_code);  // not reached, which the compiler cannot see through a virtual call
}

std::vector<int64_t> even_cuts(int64_t count, int parts) {
  std::vector<int64_t> cuts;
  for (int p = 0; p <= parts; ++p)
    cuts.push_back(count / parts * p + std::min<int64_t>(p, count % parts));
  return cuts;
}

}  // namespace slm
