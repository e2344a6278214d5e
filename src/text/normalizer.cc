#include "text/normalizer.h"

namespace slm {
namespace {

std::string run(NormalForm form, std::string_view text) { return normalize(text, form); }
std::string run(Lowercase, std::string_view text) { return to_lower(text); }
std::string run(const Replace& r, std::string_view text) { return replace_all(text, r); }

std::string run(const Prepend& p, std::string_view text) {
  return text.empty() ? std::string() : p.prefix + std::string(text);
}

std::string run(const ReplaceRegex& r, std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    Match m = r.from->find(text, at);
    out.append(text, at, m.from - at);
    if (m.to > m.from) out += r.to;
    at = m.to;
  }
  return out;
}

std::string run(CollapseSpaces, std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  }
  return out;
}

std::string run(const TrimEnd& t, std::string_view text) {
  while (text.ends_with(t.unit)) text.remove_suffix(t.unit.size());
  return std::string(text);
}

}  // namespace

std::string replace_all(std::string_view text, const Replace& replace) {
  std::string out;
  size_t done = 0;
  for (size_t at; (at = text.find(replace.from, done)) != std::string_view::npos;
       done = at + replace.from.size()) {
    out.append(text, done, at - done).append(replace.to);
  }
  return out.append(text, done);
}

std::string Normalizer::apply(std::string_view text) const {
  std::string current(text);
  for (const Step& step : steps) {
    current = std::visit([&](const auto& s) { return run(s, current); }, step);
  }
  return current;
}

}  // namespace slm
