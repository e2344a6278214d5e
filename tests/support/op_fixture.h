// Inputs, results and gradients of single ops as PyTorch computes them: tests/fixtures/ops.
#pragma once

#include <string>
#include <vector>

#include "support/op_test.h"

namespace slm::testing {

class OpFixture {
 public:
  explicit OpFixture(std::string op) : op_(std::move(op)) {}

  bool has(const std::string& name) const;
  Tensor at(const std::string& name) const;    // absent when the op has no such tensor
  Tensor ids(const std::string& name) const;   // i64 in the file, here i32
  Tensor rows(const std::string& name) const;  // [B, G, T, E] in the file, here packed [B T, G, E]

 private:
  std::string op_;
};

}  // namespace slm::testing
