// Counter-based random numbers: every value is a pure function of (seed, stream, counter), so
// results do not depend on the number of threads and a generator's whole state is three integers.
// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
// 2011.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace slm {

class Rng {
 public:
  explicit Rng(uint64_t seed, uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  // The block of four 32-bit words at a counter.
  std::array<uint32_t, 4> block(uint64_t counter) const;

  uint32_t next_u32();
  double uniform();  // [0, 1), 53 bits
  double normal();   // mean 0, variance 1 (Box-Muller, both values used)

  uint64_t seed() const { return seed_; }
  uint64_t stream() const { return stream_; }
  uint64_t position() const { return position_; }  // 32-bit words drawn
  void seek(uint64_t position) { position_ = position, has_spare_ = false; }

 private:
  uint64_t seed_, stream_, position_ = 0;
  bool has_spare_ = false;
  double spare_ = 0;
};

// FNV-1a, for deriving a stream from a name.
uint64_t hash_name(std::string_view name);

}  // namespace slm
