#include "eval/python_json.h"

#include <charconv>
#include <cmath>

#include "text/unicode.h"
#include "util/digest.h"
#include "util/error.h"

namespace slm {
namespace {

void append_escape(std::string& out, char32_t c) {
  if (c <= 0xFFFF) {
    out += format("\\u{:04x}", uint32_t(c));
    return;
  }
  c -= 0x10000;
  out += format("\\u{:04x}\\u{:04x}", 0xD800 + uint32_t(c >> 10), 0xDC00 + uint32_t(c & 0x3FF));
}

class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  void write(const Json& value) {
    if (value.is_object()) {
      members('{', '}', value, [&](auto& it) {
        out_ += python_string(it.key()) + ": ";
        write(it.value());
      });
    } else if (value.is_array()) {
      members('[', ']', value, [&](auto& it) { write(it.value()); });
    } else if (value.is_string()) {
      out_ += python_string(value.get_ref<const std::string&>());
    } else {
      out_ += value.is_number_float() ? python_number(value.get<double>()) : value.dump();
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void members(char open, char close, const Json& value, const auto& write_one) {
    out_ += open;
    ++depth_;
    for (auto it = value.begin(); it != value.end(); ++it) {
      if (it != value.begin()) out_ += indent_ < 0 ? ", " : ",";
      new_line();
      write_one(it);
    }
    --depth_;
    if (!value.empty()) new_line();
    out_ += close;
  }
  void new_line() {
    if (indent_ >= 0) out_ += '\n' + std::string(size_t(indent_ * depth_), ' ');
  }

  int indent_, depth_ = 0;
  std::string out_;
};

}  // namespace

std::string python_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  const double size = std::abs(value);
  const bool fixed = size == 0 || (size >= 1e-4 && size < 1e16);
  char text[64];
  auto end = std::to_chars(text, text + sizeof text, value,
                           fixed ? std::chars_format::fixed : std::chars_format::scientific);
  std::string out(text, end.ptr);
  if (fixed && out.find('.') == out.npos) out += ".0";
  return out;
}

std::string python_string(std::string_view text) {
  std::string out = "\"";
  for (int length; !text.empty(); text.remove_prefix(size_t(length))) {
    Decoded d = decode_utf8(text);
    length = d.length;
    constexpr std::string_view kNamed = "\"\\\n\r\t\b\f", kLetters = "\"\\nrtbf";
    size_t named = d.c < 0x80 ? kNamed.find(char(d.c)) : kNamed.npos;
    if (named != kNamed.npos)
      (out += '\\') += kLetters[named];
    else if (d.c >= 0x20 && d.c <= 0x7E)
      out += char(d.c);
    else
      append_escape(out, d.c);
  }
  return out += '"';
}

std::string python_json(const Json& value, int indent) {
  Writer writer(indent);
  writer.write(value);
  return writer.take();
}

std::string request_list_hash(std::span<const Request> requests) {
  Digest digest(DigestKind::kSha256);
  digest.update("[");
  for (const Request& r : requests) {
    std::string second = r.kind == Request::Kind::kGreedyUntil ? python_json(Json(r.stop))
                                                               : python_string(r.continuation);
    digest.update(
        format("{}[{}, {}]", &r == &requests[0] ? "" : ", ", python_string(r.context), second));
  }
  digest.update("]");
  return digest.hex();
}

std::string request_hash(const Request& request) {
  using Kind = Request::Kind;
  Json key = Json::array();
  if (request.kind == Kind::kGreedyUntil)
    key = {"greedy_until", request.context, {{"until", request.stop}}};
  else if (request.kind == Kind::kRolling)
    key = {"loglikelihood_rolling", request.continuation};
  else
    key = {"loglikelihood", request.context, request.continuation};
  std::string text = python_json(key);
  return sha256_hex(std::as_bytes(std::span(text)));
}

}  // namespace slm
