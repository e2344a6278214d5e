// stablelm tokenize, stablelm detokenize: text to ids and back, a line at a time.
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/resolve_model.h"
#include "model/load.h"
#include "text/tokenizer.h"
#include "util/files.h"
#include "util/json.h"
#include "util/thread_pool.h"

namespace slm {
namespace {

struct TokenizeOptions {
  std::string tokenizer, input, output;
  std::string format = "auto";
  EncodeOptions encode;
  bool text_only = false, skip_special = false;
  int threads = 0;
};

using LineFn = std::function<std::string(const std::string& line, const std::string& where)>;

// Where results go: a file that appears when complete, or the standard output as soon as possible.
class Output {
 public:
  explicit Output(const std::string& path) {
    if (!path.empty()) file_ = std::make_unique<AtomicFile>(path);
  }
  void write(const std::string& line) {
    if (file_) return file_->write(line);
    std::cout << line;
    check(bool(std::cout), "cannot write to the standard output");
  }
  void finish() {
    if (file_) return file_->commit();
    std::cout.flush();
  }

 private:
  std::unique_ptr<AtomicFile> file_;
};

// Applies `convert` to every line, several at a time, and writes the results in order.
void convert_lines(const TokenizeOptions& options, bool interactive, const LineFn& convert) {
  std::ifstream file;
  if (!options.input.empty()) {
    file.open(options.input);
    if (!file) fail(ErrorKind::kNotFound, "{}: cannot be opened for reading", options.input);
  }
  std::istream& in = options.input.empty() ? std::cin : file;
  std::string origin = options.input.empty() ? "standard input" : options.input;
  Output out(options.output);
  ThreadPool pool(options.threads);
  const size_t batch = interactive ? 1 : 1024;

  std::vector<std::string> lines, results;
  for (int64_t first = 1; in; first += int64_t(lines.size())) {
    lines.clear();
    for (std::string line; lines.size() < batch && std::getline(in, line);) lines.push_back(line);
    results.assign(lines.size(), {});
    pool.run(int64_t(lines.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        std::string where = format("{}:{}", origin, first + i);
        results[size_t(i)] = convert(lines[size_t(i)], where);
      }
    });
    for (const std::string& r : results) out.write(r);
    if (interactive) std::cout.flush();
  }
  check_data(in.eof(), "{}: cannot be read to its end", origin);
  out.finish();
}

std::string joined(const std::vector<int32_t>& ids, const char* separator) {
  return format("{}", fmt::join(ids, separator));
}

std::string text_to_ids(const Tokenizer& tokenizer, const EncodeOptions& options, bool plain,
                        const std::string& line, const std::string& where) {
  if (plain) return joined(tokenizer.encode(line, options), " ") + "\n";
  if (line.find_first_not_of(" \t\r") == std::string::npos) return {};
  Json json = parse_json(line, where);
  std::string text = JsonObject(json, where).string("text");
  return "{\"ids\":[" + joined(tokenizer.encode(text, options), ",") + "]}\n";
}

std::vector<int32_t> read_ids(const Json& list, const std::string& where) {
  check_data(list.is_array(), "{}: \"ids\" must be a list of token ids", where);
  std::vector<int32_t> ids;
  for (const Json& id : list) {
    bool ok = id.is_number_integer() && id >= 0 && id <= INT32_MAX;
    check_data(ok, "{}: \"ids\"[{}] is {}, expected a token id", where, ids.size(), id.dump());
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

std::string ids_to_text(const Tokenizer& tokenizer, bool skip_special, bool plain,
                        const std::string& line, const std::string& where) {
  if (line.find_first_not_of(" \t\r") == std::string::npos) return plain ? "\n" : "";
  if (plain) {  // numbers between spaces or commas
    std::string list = line;
    for (char& c : list) c = c == ',' || c == '[' || c == ']' ? ' ' : c;
    std::vector<std::string> words = CLI::detail::split_up(list);
    Json ids = parse_json(format("[{}]", fmt::join(words, ",")), where);
    return tokenizer.decode(read_ids(ids, where), skip_special) + "\n";
  }
  Json json = parse_json(line, where);
  auto ids = read_ids(JsonObject(json, where).at("ids"), where);
  return "{\"text\":" + Json(tokenizer.decode(ids, skip_special)).dump() + "}\n";
}

bool is_plain(const TokenizeOptions& options) {
  if (options.format != "auto") return options.format == "text";
  return options.input.empty() && isatty(STDIN_FILENO);
}

void add_shared_options(CLI::App& command, TokenizeOptions& o) {
  command
      .add_option("TOKENIZER_OR_MODEL", o.tokenizer,
                  "A tokenizer file, a model directory or a .gguf file")
      ->required();
  command.add_option("--input", o.input, "Read this file instead of the standard input");
  command.add_option("--output", o.output, "Write this file instead of the standard output");
  command.add_option("--format", o.format, "jsonl, text, or auto: text when typed at a terminal")
      ->check(CLI::IsMember({"auto", "jsonl", "text"}));
  command.add_option("--threads", o.threads, "CPU threads; 0 is one per core")
      ->check(CLI::NonNegativeNumber);
}

}  // namespace

void add_tokenize_command(CLI::App& app) {
  auto o = std::make_shared<TokenizeOptions>();
  CLI::App* command = app.add_subcommand(
      "tokenize", "Turn lines {\"text\": ...} into {\"ids\": [...]}, or plain text into ids");
  add_shared_options(*command, *o);
  command->add_flag("--bos", o->encode.bos, "Begin with the begin-of-text token");
  command->add_flag("--eos", o->encode.eos, "End with the end-of-text token");
  command->add_flag("--text-only", o->text_only, "Read special tokens in the text as plain text");
  command->callback([o] {
    o->encode.parse_special = !o->text_only;
    auto tokenizer = open_tokenizer(resolve_model(o->tokenizer));
    bool plain = is_plain(*o);
    convert_lines(*o, plain, [&](const std::string& line, const std::string& where) {
      return text_to_ids(*tokenizer, o->encode, plain, line, where);
    });
  });
}

void add_detokenize_command(CLI::App& app) {
  auto o = std::make_shared<TokenizeOptions>();
  CLI::App* command = app.add_subcommand(
      "detokenize", "Turn lines {\"ids\": [...]} into {\"text\": ...}, or ids into plain text");
  add_shared_options(*command, *o);
  command->add_flag("--skip-special", o->skip_special, "Leave out special tokens");
  command->callback([o] {
    auto tokenizer = open_tokenizer(resolve_model(o->tokenizer));
    bool plain = is_plain(*o);
    convert_lines(*o, plain, [&](const std::string& line, const std::string& where) {
      return ids_to_text(*tokenizer, o->skip_special, plain, line, where);
    });
  });
}

}  // namespace slm
