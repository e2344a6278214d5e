// stablelm tokenizer train: a byte-level BPE vocabulary from text.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "text/bpe_trainer.h"
#include "util/files.h"
#include "util/json.h"

namespace slm {
namespace {

struct TrainOptions {
  std::vector<std::string> inputs;
  std::string output;
  BpeTrainerOptions bpe{.special_tokens = {"<|endoftext|>", "<|padding|>"}};
};

// A .jsonl file holds a {"text": ...} per line; any other file is text as a whole.
void add_file(BpeTrainer& trainer, const std::string& path) {
  if (!path.ends_with(".jsonl")) return trainer.add(read_file(path));
  std::ifstream in(path);
  if (!in) fail(ErrorKind::kNotFound, "{}: cannot be opened for reading", path);
  int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    std::string where = format("{}:{}", path, ++number);
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    Json json = parse_json(line, where);
    trainer.add(JsonObject(json, where).string("text"));
  }
  check_data(in.eof(), "{}: cannot be read to its end", path);
}

void train(const TrainOptions& options) {
  BpeTrainer trainer(options.bpe);
  for (const std::string& path : options.inputs) add_file(trainer, path);
  bool live = isatty(STDERR_FILENO);
  int64_t last = 0;
  std::string json = trainer.train_to_json([&](int64_t done, int64_t total) {
    last = done;
    if (live && done % 256 == 0) fmt::print(stderr, "\r{} of {} merges", done, total);
  });
  if (live) fmt::print(stderr, "\n");
  std::filesystem::path path = options.output;
  if (std::filesystem::is_directory(path)) path /= "tokenizer.json";
  write_file_atomically(path, json);
  auto size = last + 256 + int64_t(options.bpe.special_tokens.size());
  fmt::print(stderr, "{}: {} tokens\n", path.string(), size);
  if (size < options.bpe.vocab_size) {
    fmt::print(stderr,
               "The text has no more pairs that occur {} times; {} tokens were asked for.\n",
               options.bpe.min_frequency, options.bpe.vocab_size);
  }
}

}  // namespace

void add_tokenizer_command(CLI::App& app) {
  CLI::App* group = app.add_subcommand("tokenizer", "Make tokenizers");
  group->require_subcommand(1);
  auto o = std::make_shared<TrainOptions>();
  CLI::App* command = group->add_subcommand(
      "train", "Train a byte-level BPE vocabulary and write it as a tokenizer.json");
  command->add_option("--input", o->inputs, "Text files, or .jsonl files with a \"text\" per line")
      ->required();
  command->add_option("--output", o->output, "The tokenizer.json to write, or its directory")
      ->required();
  command->add_option("--vocab-size", o->bpe.vocab_size, "Tokens, with bytes and special tokens")
      ->capture_default_str();
  command
      ->add_option("--special-token", o->bpe.special_tokens,
                   "Special tokens, ids from 0 on; the first ends a text")
      ->capture_default_str();
  command->add_option("--min-frequency", o->bpe.min_frequency, "Leave rarer pairs apart")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->callback([o] { train(*o); });
}

}  // namespace slm
