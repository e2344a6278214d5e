"""What PyTorch and transformers do with StableLM-3B-4E1T's shape in bf16 on the same GPU: for bench/cuda-check.

    cuda-peer.py decode | prefill | attention | train

Random weights, no network. Each is measured after a run that is not; SDPA is the attention everywhere.
"""
import sys
import time

import torch
from transformers import StableLmConfig, StableLmForCausalLM

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
# The second column is for trying this file where there is no GPU.
LAYERS, WIDTH, HEADS, MLP, VOCAB, PROMPT = (32, 2560, 32, 6912, 50304, 4096) if GPU else (2, 64, 4, 128, 512, 32)


def model(layers=LAYERS):
    config = StableLmConfig(vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=MLP, num_hidden_layers=layers,
                            num_attention_heads=HEADS, num_key_value_heads=HEADS, partial_rotary_factor=0.25,
                            max_position_embeddings=PROMPT, attn_implementation="sdpa")
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(DEVICE):
        made = StableLmForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    return made


def ids(count):
    return torch.randint(VOCAB, (1, count), device=DEVICE)


def seconds(work, runs=3):
    work()
    best = float("inf")
    for _ in range(runs):
        if GPU:
            torch.cuda.synchronize()
        begin = time.perf_counter()
        work()
        if GPU:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begin)
    return best


def decode():
    net, tokens = model().eval(), 128 if GPU else 8
    prompt = ids(1)
    mask = torch.ones_like(prompt)
    with torch.inference_mode():
        took = seconds(lambda: net.generate(prompt, attention_mask=mask, do_sample=False, min_new_tokens=tokens,
                                            max_new_tokens=tokens, pad_token_id=0))
    print(f"write {tokens}: {tokens / took:.2f} tokens/s")


def prefill():
    net, prompt = model().eval(), ids(PROMPT)
    with torch.inference_mode():
        took = seconds(lambda: net(prompt, use_cache=True, logits_to_keep=1))
    print(f"read {PROMPT}: {PROMPT / took:.2f} tokens/s")


def attention():
    size = WIDTH // HEADS
    q, k, v = (torch.randn(1, HEADS, PROMPT, size, device=DEVICE, dtype=torch.bfloat16, requires_grad=True)
               for _ in range(3))
    kinds = [torch.nn.attention.SDPBackend.MATH]
    if GPU:
        kinds = [torch.nn.attention.SDPBackend.CUDNN_ATTENTION, torch.nn.attention.SDPBackend.FLASH_ATTENTION]
    for kind in kinds:
        with torch.nn.attention.sdpa_kernel(kind):
            y = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            dy = torch.randn_like(y)
            forward = seconds(lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True))
            backward = seconds(lambda: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True))
        print(f"{kind.name} attention of {PROMPT}: forward {1e3 * forward:.3f} ms, backward {1e3 * backward:.3f} ms")


def train():
    net, batch = model(16 if GPU else 2).train(), ids(PROMPT)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=GPU)
    step_of = torch.compile(net) if GPU else net

    def step():
        step_of(batch, labels=batch, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    took = seconds(step)
    print(f"train {PROMPT}: {PROMPT / took:.2f} tokens/s")


if __name__ == "__main__":
    {f.__name__: f for f in (decode, prefill, attention, train)}[sys.argv[1]]()
