// Weights published as a difference: TARGET = BASE + DELTA, tensor by tensor, in f16. This is how
// StableVicuna-13B came out: its base, LLaMA, could not be passed on.
//
// Both directories are read as f16. Where DELTA has more rows of an embedding
// ("model.embed_tokens", "lm_head") than BASE, for tokens that were added, BASE counts as zero
// there. Tensors whose names end in "rotary_emb.inv_freq" are no weights and do not count.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/dtype.h"

namespace slm {

struct DeltaOptions {
  DType dtype = DType::kF16;  // of the files written by apply_delta; the sum is in f16 in any case
  int64_t max_shard_bytes = int64_t{5'000'000'000};
  bool any_base = false;  // go on although BASE is not what DELTA was made from
  int threads = 0;        // 0: one per core
};

struct DeltaReport {
  int64_t tensors = 0, new_rows = 0;
  bool base_recorded = false;  // apply: DELTA says which base it was made from, and BASE is it
  int64_t lost = 0;            // make: numbers of TARGET that apply will not give back exactly
};

// Writes OUT = BASE + DELTA: weights, config and tokenizer of DELTA, and tensor_hashes.json, the
// SHA-256 of every tensor's f16 numbers. Streams: a few tensors are in memory at a time. Nothing is
// left in OUT by an attempt that fails. Errors: the sets of names differ (the rotary tables apart);
// shapes differ otherwise than above; BASE is not what DELTA's manifest says; without a manifest,
// the sums show that DELTA was made from something else (delta_arithmetic.h); a sum overflows.
DeltaReport apply_delta(const std::filesystem::path& base, const std::filesystem::path& delta,
                        const std::filesystem::path& out, const DeltaOptions& options);

// Writes OUT = TARGET - BASE, with config and tokenizer of TARGET, and a manifest by which
// apply_delta knows BASE again.
DeltaReport make_delta(const std::filesystem::path& base, const std::filesystem::path& target,
                       const std::filesystem::path& out, const DeltaOptions& options);

}  // namespace slm
