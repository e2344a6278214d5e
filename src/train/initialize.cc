#include "train/initialize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <memory>
#include <numbers>
#include <span>
#include <vector>

#include "util/error.h"
#include "util/rng.h"

namespace slm {
namespace {

struct Dimensions {
  double width, layers, in, out, std;
};

struct Method {
  std::string_view name;
  enum Kind { kNormal, kUniform, kOrthogonal } kind;
  double (*size)(const Dimensions&);  // standard deviation, half-width or gain
};

constexpr std::array kMethods{
    Method{"normal", Method::kNormal, [](const Dimensions& d) { return d.std; }},
    Method{"scaled_normal", Method::kNormal,
           [](const Dimensions& d) { return d.std / std::sqrt(2 * d.layers); }},
    Method{"single_residual_scaled_normal", Method::kNormal,
           [](const Dimensions& d) { return d.std / std::sqrt(d.layers); }},
    Method{"small_init", Method::kNormal,
           [](const Dimensions& d) { return std::sqrt(2 / (5 * d.width)); }},
    Method{"wang_init", Method::kNormal,
           [](const Dimensions& d) { return 2 / (d.layers * std::sqrt(d.width)); }},
    Method{"xavier_normal", Method::kNormal,
           [](const Dimensions& d) { return std::sqrt(2 / (d.in + d.out)); }},
    Method{"xavier_uniform", Method::kUniform,
           [](const Dimensions& d) { return std::sqrt(6 / (d.in + d.out)); }},
    Method{"orthogonal", Method::kOrthogonal, [](const Dimensions&) { return std::sqrt(2.0); }},
    Method{"scaled_orthogonal", Method::kOrthogonal,
           [](const Dimensions& d) { return std::sqrt(2 / d.layers); }},
};

const Method& find_method(std::string_view name) {
  auto it = std::find_if(kMethods.begin(), kMethods.end(),
                         [&](const Method& m) { return m.name == name; });
  std::string known;
  for (const Method& m : kMethods) known += (known.empty() ? "" : ", ") + std::string(m.name);
  check(it != kMethods.end(), "[config] initialisation \"{}\" is unknown; known are {}", name,
        known);
  return *it;
}

// Gram-Schmidt, done twice for orthogonality to rounding, on `count` vectors of `length` whose
// elements are `stride` apart. The first pass leaves what QR with a positive diagonal would.
void orthonormalise(std::vector<double>& a, size_t count, size_t length, size_t vector_step,
                    size_t stride) {
  auto dot = [&](size_t i, size_t j) {
    double sum = 0;
    for (size_t k = 0; k < length; ++k)
      sum += a[i * vector_step + k * stride] * a[j * vector_step + k * stride];
    return sum;
  };
  for (size_t i = 0; i < count; ++i) {
    for (int pass = 0; pass < 2; ++pass)
      for (size_t j = 0; j < i; ++j) {
        double shadow = dot(i, j);
        for (size_t k = 0; k < length; ++k)
          a[i * vector_step + k * stride] -= shadow * a[j * vector_step + k * stride];
      }
    double norm = std::sqrt(dot(i, i));
    for (size_t k = 0; k < length; ++k) a[i * vector_step + k * stride] /= norm;
  }
}

// A block of the generator holds four words: the two uniform numbers, and from those the two normal
// ones, that Rng::uniform and Rng::normal draw in this order.
struct Pair {
  double first, second;
};

Pair uniform_pair(const Rng& rng, uint64_t index) {
  std::array<uint32_t, 4> w = rng.block(index);
  auto unit = [](uint64_t high, uint64_t low) {
    return double((high << 32 | low) >> 11) * 0x1p-53;
  };
  return {unit(w[0], w[1]), unit(w[2], w[3])};
}

Pair normal_pair(const Rng& rng, uint64_t index) {
  Pair u = uniform_pair(rng, index);
  double radius = std::sqrt(-2 * std::log(1 - u.first)), angle = 2 * std::numbers::pi * u.second;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

// Numbers [first, first + out.size()) of a generator's sequence, each times `size`.
void fill_normal(const Rng& rng, double size, int64_t first, std::span<float> out) {
  for (int64_t i = 0, count = std::ssize(out); i < count;) {
    Pair pair = normal_pair(rng, uint64_t(first + i) / 2);
    if ((first + i) % 2 == 0) out[size_t(i++)] = float(size * pair.first);
    if (i < count && (first + i) % 2 == 1) out[size_t(i++)] = float(size * pair.second);
  }
}

void fill_uniform(const Rng& rng, double size, int64_t first, std::span<float> out) {
  for (int64_t i = 0, count = std::ssize(out); i < count;) {
    Pair pair = uniform_pair(rng, uint64_t(first + i) / 2);
    if ((first + i) % 2 == 0) out[size_t(i++)] = float(size * (2 * pair.first - 1));
    if (i < count && (first + i) % 2 == 1) out[size_t(i++)] = float(size * (2 * pair.second - 1));
  }
}

std::vector<float> orthogonal_matrix(const Rng& rng, double size, size_t rows, size_t columns) {
  std::vector<double> a(rows * columns);
  for (size_t i = 0; i < a.size(); ++i) {
    Pair pair = normal_pair(rng, i / 2);
    a[i] = i % 2 == 0 ? pair.first : pair.second;
  }
  if (rows <= columns)
    orthonormalise(a, rows, columns, columns, 1);
  else
    orthonormalise(a, columns, rows, 1, columns);
  std::vector<float> out(a.size());
  std::transform(a.begin(), a.end(), out.begin(), [&](double x) { return float(size * x); });
  return out;
}

// Rows [begin, end) of a tensor, as its parameter begins.
using FillRows = std::function<void(int64_t begin, int64_t end, std::span<float> out)>;

FillRows rows_of(const ParameterSpec& p, const DecoderSpec& spec, const RunConfig::Init& init,
                 uint64_t seed) {
  if (p.role == ParameterRole::kNormWeight || p.role == ParameterRole::kBias)
    return [value = p.role == ParameterRole::kBias ? 0.0f : 1.0f](
               int64_t, int64_t, std::span<float> out) { std::ranges::fill(out, value); };
  bool writes_stream = p.role == ParameterRole::kOutput;
  const Method& method = find_method(writes_stream ? init.output_method : init.method);
  Rng rng(seed, hash_name(p.name));
  int64_t rows = p.shape[0], columns = p.shape[1];
  double size = method.size({.width = double(spec.width),
                             .layers = double(spec.layers),
                             .in = double(columns),
                             .out = double(rows),
                             .std = init.std});
  if (method.kind == Method::kOrthogonal) {
    auto whole = std::make_shared<std::vector<float>>(
        orthogonal_matrix(rng, size, size_t(rows), size_t(columns)));
    return [whole, columns](int64_t begin, int64_t end, std::span<float> out) {
      std::copy(whole->begin() + begin * columns, whole->begin() + end * columns, out.begin());
    };
  }
  auto fill = method.kind == Method::kNormal ? fill_normal : fill_uniform;
  return
      [=](int64_t begin, int64_t, std::span<float> out) { fill(rng, size, begin * columns, out); };
}

}  // namespace

void check_init_method(std::string_view name) { find_method(name); }

Tensor initial_value(const ParameterSpec& p, const DecoderSpec& spec, const RunConfig::Init& init,
                     uint64_t seed, DType dtype, ThreadPool& pool) {
  constexpr int64_t kPiece = 1 << 14;  // numbers made at a time, in the first cache
  FillRows fill = rows_of(p, spec, init, seed);
  Tensor value = Tensor::host(p.shape, dtype);
  int64_t width = p.shape[-1], rows = value.elements() / width;
  int64_t step = std::max<int64_t>(1, kPiece / width), row_bytes = bytes_of(dtype, width);
  pool.run(rows, step, [&](int64_t begin, int64_t end) {
    std::vector<float> numbers;
    for (int64_t r = begin; r < end; r += step) {
      int64_t until = std::min(r + step, end);
      numbers.resize(size_t((until - r) * width));
      fill(r, until, numbers);
      for (int64_t i = r; i < until; ++i)
        traits(dtype).from_f32(numbers.data() + (i - r) * width, value.bytes_data() + i * row_bytes,
                               width);
    }
  });
  return value;
}

Parameters initial_parameters(const DecoderSpec& spec, const RunConfig::Init& init, uint64_t seed) {
  return initial_parameters(ModelPart(spec), init, seed);
}

Parameters initial_parameters(const ModelPart& mine, const RunConfig::Init& init, uint64_t seed) {
  Parameters parameters;
  ThreadPool pool;
  for (size_t i = 0; i < mine.parameters().size(); ++i) {
    const auto& [p, shape] = mine.parameters()[i];
    ParameterSpec whole{p.name, shape, p.role};
    parameters.add(p,
                   mine.take(i, initial_value(whole, mine.whole(), init, seed, DType::kF32, pool)));
  }
  return parameters;
}

}  // namespace slm
