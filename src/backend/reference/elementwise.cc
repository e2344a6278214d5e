#include <cstring>

#include "backend/reference/numbers.h"
#include "backend/reference/reference.h"

namespace slm {

using namespace reference;

void ReferenceBackend::zero(const Tensor& t) { std::memset(t.bytes_data(), 0, size_t(t.bytes())); }

void ReferenceBackend::copy(const Tensor& from, const Tensor& to) {
  if (to.quantized() && to.dtype() != from.dtype()) {
    Numbers values = read(from);
    std::vector<float> floats(values.begin(), values.end());
    return traits(to.dtype()).from_f32(floats.data(), to.bytes_data(), to.elements());
  }
  if (from.dtype() == to.dtype())
    std::memmove(to.bytes_data(), from.bytes_data(), size_t(from.bytes()));
  else
    write(to, read(from));
}

void ReferenceBackend::add(const AddArgs& args) {
  Numbers a = read(args.a), y = read(args.b);
  for (size_t i = 0; i < y.size(); ++i) y[i] += args.alpha * a[i];
  write(args.y, y);
}

void ReferenceBackend::accumulate(float alpha, const Tensor& x, const GradSlot& into) {
  Numbers scaled = read(x);
  for (double& value : scaled) value *= alpha;
  write(into, scaled);
}

double ReferenceBackend::sum_squares(const Tensor& x) {
  double sum = 0;
  for (double value : read(x)) sum += value * value;
  return sum;
}

}  // namespace slm
