#include "backend/cpu/isa.h"

#include <cstdlib>
#include <string>

#include "util/error.h"

namespace slm::cpu {
namespace {

bool runs_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool runs_avx512vnni() { return runs_avx512() && __builtin_cpu_supports("avx512vnni"); }

bool runs_avx512bf16() { return runs_avx512vnni() && __builtin_cpu_supports("avx512bf16"); }

// All that have AVX2 convert f16 too, which clang 14 cannot ask for.
bool runs_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

std::vector<const CpuKernels*> available() {
  std::vector<const CpuKernels*> found;
  if (runs_avx2() && runs_avx512bf16()) found.push_back(&avx512bf16::kKernels);
#ifndef SLM_SANITIZED  // which takes minutes for each
  if (runs_avx2() && runs_avx512vnni()) found.push_back(&avx512vnni::kKernels);
  if (runs_avx2() && runs_avx512()) found.push_back(&avx512::kKernels);
  if (runs_avx2()) found.push_back(&avx2::kKernels);
#endif
  found.push_back(&portable::kKernels);
  return found;
}

}  // namespace

std::vector<std::string_view> available_isas() {
  std::vector<std::string_view> names;
  for (const CpuKernels* k : available()) names.push_back(k->name);
  return names;
}

const CpuKernels& choose_kernels(std::string_view wanted) {
  if (const char* forced = std::getenv("STABLELM_CPU_ISA"); wanted.empty() && forced)
    wanted = forced;
  std::string known;
  for (const CpuKernels* k : available()) {
    if (wanted.empty() || wanted == k->name) return *k;
    known += known.empty() ? k->name : std::string(", ") + k->name;
  }
  fail(ErrorKind::kInvalid, "[cpu] instruction set \"{}\": this processor runs {}", wanted, known);
}

}  // namespace slm::cpu
