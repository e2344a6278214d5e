#include "model/gguf/tensor_names.h"

namespace slm {

StoredNames gguf_common_names() {
  return {
      {{"embed.weight"}, "token_embd.weight"},
      {{"positions.weight"}, "position_embd.weight"},
      {{"embed_norm.weight"}, "token_embd_norm.weight"},
      {{"embed_norm.bias"}, "token_embd_norm.bias"},
      {{"blocks.#.norm1.weight"}, "blk.#.attn_norm.weight"},
      {{"blocks.#.norm1.bias"}, "blk.#.attn_norm.bias"},
      {{"blocks.#.attn.out.weight"}, "blk.#.attn_output.weight"},
      {{"blocks.#.attn.out.bias"}, "blk.#.attn_output.bias"},
      {{"blocks.#.norm2.weight"}, "blk.#.ffn_norm.weight"},
      {{"blocks.#.norm2.bias"}, "blk.#.ffn_norm.bias"},
      {{"blocks.#.mlp.gate.weight"}, "blk.#.ffn_gate.weight"},
      {{"blocks.#.mlp.gate.bias"}, "blk.#.ffn_gate.bias"},
      {{"blocks.#.mlp.up.weight"}, "blk.#.ffn_up.weight"},
      {{"blocks.#.mlp.up.bias"}, "blk.#.ffn_up.bias"},
      {{"blocks.#.mlp.down.weight"}, "blk.#.ffn_down.weight"},
      {{"blocks.#.mlp.down.bias"}, "blk.#.ffn_down.bias"},
      {{"final_norm.weight"}, "output_norm.weight"},
      {{"final_norm.bias"}, "output_norm.bias"},
      {{"head.weight"}, "output.weight"},
      {{"head.bias"}, "output.bias"},
  };
}

StoredNames gguf_separate_qkv() {
  return {
      {{"blocks.#.attn.q.weight"}, "blk.#.attn_q.weight"},
      {{"blocks.#.attn.q.bias"}, "blk.#.attn_q.bias"},
      {{"blocks.#.attn.k.weight"}, "blk.#.attn_k.weight"},
      {{"blocks.#.attn.k.bias"}, "blk.#.attn_k.bias"},
      {{"blocks.#.attn.v.weight"}, "blk.#.attn_v.weight"},
      {{"blocks.#.attn.v.bias"}, "blk.#.attn_v.bias"},
      {{"blocks.#.attn.q_norm.weight"}, "blk.#.attn_q_norm.weight"},
      {{"blocks.#.attn.k_norm.weight"}, "blk.#.attn_k_norm.weight"},
  };
}

StoredNames gguf_paired_qkv() {
  StoredNames names = gguf_separate_qkv();
  for (StoredName& row : names) {
    std::string_view parameter = row.parameters[0];
    bool rotated =
        parameter.starts_with("blocks.#.attn.q.") || parameter.starts_with("blocks.#.attn.k.");
    if (rotated) row.layout = Layout::kRotaryPairs;
  }
  return names;
}

StoredNames gguf_stacked_qkv() {
  return {
      {{"blocks.#.attn.q.weight", "blocks.#.attn.k.weight", "blocks.#.attn.v.weight"},
       "blk.#.attn_qkv.weight",
       Layout::kStacked},
      {{"blocks.#.attn.q.bias", "blocks.#.attn.k.bias", "blocks.#.attn.v.bias"},
       "blk.#.attn_qkv.bias",
       Layout::kStacked},
  };
}

}  // namespace slm
