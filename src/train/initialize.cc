#include "train/initialize.h"

#include <algorithm>
#include <array>
#include <cmath>
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

void fill_matrix(const Tensor& w, const Method& method, const Dimensions& d, Rng& rng) {
  std::span<float> out = w.span<float>();
  double size = method.size(d);
  if (method.kind == Method::kNormal) {
    for (float& x : out) x = float(size * rng.normal());
  } else if (method.kind == Method::kUniform) {
    for (float& x : out) x = float(size * (2 * rng.uniform() - 1));
  } else {
    auto rows = size_t(w.dim(0)), columns = size_t(w.dim(1));
    std::vector<double> a(out.size());
    for (double& x : a) x = rng.normal();
    if (rows <= columns)
      orthonormalise(a, rows, columns, columns, 1);
    else
      orthonormalise(a, columns, rows, 1, columns);
    std::transform(a.begin(), a.end(), out.begin(), [&](double x) { return float(size * x); });
  }
}

}  // namespace

void check_init_method(std::string_view name) { find_method(name); }

Parameters initial_parameters(const DecoderSpec& spec, const RunConfig::Init& init, uint64_t seed) {
  return initial_parameters(ModelPart(spec), init, seed);
}

Parameters initial_parameters(const ModelPart& mine, const RunConfig::Init& init, uint64_t seed) {
  Parameters parameters;
  for (size_t i = 0; i < mine.parameters().size(); ++i) {
    const auto& [p, shape] = mine.parameters()[i];
    Tensor value = Tensor::host(shape, DType::kF32);
    std::span<float> numbers = value.span<float>();
    if (p.role == ParameterRole::kNormWeight || p.role == ParameterRole::kBias) {
      std::fill(numbers.begin(), numbers.end(), p.role == ParameterRole::kBias ? 0.0f : 1.0f);
    } else {
      const Method& method =
          find_method(p.role == ParameterRole::kOutput ? init.output_method : init.method);
      Rng rng(seed, hash_name(p.name));
      fill_matrix(value, method,
                  {.width = double(mine.whole().width),
                   .layers = double(mine.whole().layers),
                   .in = double(shape[1]),
                   .out = double(shape[0]),
                   .std = init.std},
                  rng);
    }
    parameters.add(p, mine.take(i, value));
  }
  return parameters;
}

}  // namespace slm
