// The loss curve as a picture, for people who look rather than read.
#include <algorithm>
#include <cmath>

#include "train/metrics.h"
#include "util/format.h"

namespace slm {
namespace {

constexpr double kWidth = 880, kHeight = 480, kLeft = 64, kRight = 24, kTop = 40, kBottom = 48;
constexpr size_t kMostPoints = 1000;  // more than there are pixels to show

struct Range {
  double low = INFINITY, high = -INFINITY;

  void include(double v) { low = std::min(low, v), high = std::max(high, v); }
  double span() const { return std::max(high - low, 1e-9); }
  // The smallest of 1, 2, 5 x 10^k that makes at most eight ticks.
  double tick() const {
    double unit = std::pow(10, std::floor(std::log10(span() / 8)));
    for (double factor : {1.0, 2.0, 5.0})
      if (span() / (unit * factor) <= 8) return unit * factor;
    return unit * 10;
  }
};

class Axes {
 public:
  Axes(Range x, Range y) : x_(x), y_(y) {}

  double across(double v) const {
    return kLeft + (v - x_.low) / x_.span() * (kWidth - kLeft - kRight);
  }
  double down(double v) const {
    return kHeight - kBottom - (v - y_.low) / y_.span() * (kHeight - kTop - kBottom);
  }

  std::string grid() const {
    std::string out;
    for (double v = std::ceil(y_.low / y_.tick()) * y_.tick(); v <= y_.high; v += y_.tick())
      out += format(
          "<line stroke=\"#ddd\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
          "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.4g}</text>\n",
          kLeft, kWidth - kRight, down(v), down(v), kLeft - 8, down(v) + 4, v);
    for (double v = std::ceil(x_.low / x_.tick()) * x_.tick(); v <= x_.high; v += x_.tick())
      out += format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.6g}</text>\n", across(v),
                    kHeight - kBottom + 20, v);
    return out;
  }

 private:
  Range x_, y_;
};

// Neighbours averaged until at most kMostPoints remain.
std::vector<CurvePoint> thinned(const std::vector<CurvePoint>& points) {
  size_t group = (points.size() + kMostPoints - 1) / kMostPoints;
  std::vector<CurvePoint> out;
  for (size_t i = 0; group > 0 && i < points.size(); i += group) {
    size_t end = std::min(points.size(), i + group);
    CurvePoint mean{0, 0};
    for (size_t j = i; j < end; ++j) mean.step += points[j].step, mean.loss += points[j].loss;
    out.push_back({mean.step / double(end - i), mean.loss / double(end - i)});
  }
  return out;
}

std::string polyline(const std::vector<CurvePoint>& points, const Axes& axes,
                     std::string_view colour, double width) {
  std::string path;
  for (const CurvePoint& p : points)
    path += format("{:.1f},{:.1f} ", axes.across(p.step), axes.down(p.loss));
  return format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" points=\"{}\"/>\n",
                colour, width, path);
}

std::string legend(double x, std::string_view colour, std::string_view name,
                   const std::vector<CurvePoint>& points) {
  if (points.empty()) return {};
  return format("<text x=\"{}\" y=\"24\" fill=\"{}\">{}: {:.4f} at step {:.0f}</text>\n", x, colour,
                name, points.back().loss, points.back().step);
}

}  // namespace

std::string plot_loss(const LossCurves& curves) {
  std::vector<CurvePoint> train = thinned(curves.train), valid = thinned(curves.valid);
  Range x, y;
  for (const auto* points : {&train, &valid})
    for (const CurvePoint& p : *points) x.include(p.step), y.include(p.loss);
  std::string out = format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" "
      "font-size=\"12\" fill=\"#444\" stroke-linejoin=\"round\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
      kWidth, kHeight);
  if (!train.empty() || !valid.empty()) {
    Axes axes(x, y);
    out += axes.grid();
    out += polyline(train, axes, "#4878cf", 1.5) + polyline(valid, axes, "#d65f5f", 2.5);
    out += legend(kLeft, "#4878cf", "training loss", curves.train);
    out += legend(kLeft + 330, "#d65f5f", "validation loss", curves.valid);
    out += format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">step</text>\n", kWidth - kRight,
                  kHeight - 8);
  }
  return out + "</svg>\n";
}

}  // namespace slm
