// The names llama.cpp gives to tensors, in the groups its architectures are put together from.
#pragma once

#include <initializer_list>
#include <vector>

#include "model/families/families.h"

namespace slm {

// Embedding, final norm and head; the norm before attention; attention output; norm2 and MLP as
// "ffn". Names of parameters a decoder does not have are skipped, so one list serves all.
StoredNames gguf_common_names();
StoredNames gguf_separate_qkv();  // attn_q, attn_k, attn_v
StoredNames
gguf_paired_qkv();  // the same, rows of q and k in pairs, as interleaved rotation has them
StoredNames gguf_stacked_qkv();  // attn_qkv: all of q, all of k, all of v

inline StoredNames joined(std::initializer_list<StoredNames> lists) {
  StoredNames all;
  for (const StoredNames& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

}  // namespace slm
