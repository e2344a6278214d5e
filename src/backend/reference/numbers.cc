#include "backend/reference/numbers.h"

#include <bit>
#include <cmath>

#include "util/error.h"

namespace slm::reference {
namespace {

// The nearest float towards zero, with its last bit set when digits were lost: rounding that once
// more, to a shorter format, gives what rounding x directly would give.
float to_odd(double x) {
  float f = float(x);
  if (double(f) == x || std::isnan(x)) return f;
  uint32_t bits = std::bit_cast<uint32_t>(f);
  if (std::abs(double(f)) > std::abs(x)) --bits;
  return std::bit_cast<float>(bits | 1);
}

template <class T, class Round>
void store(const Tensor& t, const Numbers& values, Round round) {
  T* out = t.data<T>();
  for (double x : values) *out++ = round(x);
}

}  // namespace

Numbers read(const Tensor& t) {
  if (t && t.quantized())
    fail(ErrorKind::kUnsupported,
         "[reference] no arithmetic on {} {}: only a linear's weight and an embedding table may be "
         "quantised",
         traits(t.dtype()).name, t.shape().to_string());
  return read_weight(t);
}

Numbers read_weight(const Tensor& t) {
  if (!t) return {};
  if (t.dtype() == DType::kF64) return {t.data<double>(), t.data<double>() + t.elements()};
  std::vector<float> floats(size_t(t.elements()));
  traits(t.dtype()).to_f32(t.bytes_data(), floats.data(), t.elements());
  return {floats.begin(), floats.end()};
}

void write(const Tensor& t, const Numbers& values) {
  check(int64_t(values.size()) == t.elements(), "[reference] {} results for a tensor {}",
        values.size(), t.shape().to_string());
  switch (t.dtype()) {
    case DType::kF64:
      return store<double>(t, values, [](double x) { return x; });
    case DType::kF32:
      return store<float>(t, values, [](double x) { return float(x); });
    case DType::kBF16:
      return store<uint16_t>(t, values, [](double x) { return f32_to_bf16(to_odd(x)); });
    case DType::kF16:
      return store<uint16_t>(t, values, [](double x) { return f32_to_f16(to_odd(x)); });
    default:
      fail(ErrorKind::kInvalid, "[reference] cannot write numbers as {}", traits(t.dtype()).name);
  }
}

void write(const GradSlot& slot, const Numbers& values) {
  if (!slot) return;
  if (slot.beta == 0) return write(slot.grad, values);
  Numbers sum = read(slot.grad);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] = slot.beta * sum[i] + values[i];
  write(slot.grad, sum);
}

}  // namespace slm::reference
