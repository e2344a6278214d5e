// stablelm data: from text to the token files that training reads, and a look into them.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include "cli/commands.h"
#include "cli/resolve_model.h"
#include "data/prepare.h"
#include "data/token_file.h"
#include "model/load.h"
#include "util/error.h"
#include "util/json.h"
#include "util/progress.h"

namespace slm {
namespace {

constexpr const char* kPrepareFooter =
    "Inputs are .txt, .md, .jsonl and .json (array) files, also .gz or .zst, or directories of "
    "them.\n"
    "OUTPUT.bin and OUTPUT.idx are the mmap format of Megatron-LM and GPT-NeoX.\n"
    "Zephyr ends every message with <|endoftext|>, ChatML only the conversation: to train with\n"
    "reset_attention_mask, where nothing is seen past an end of text, prepare chats as chatml.\n"
    "Examples:\n"
    "  stablelm data prepare corpus.jsonl.gz --tokenizer MODEL --output data/corpus --append-eod\n"
    "  stablelm data prepare books/ --tokenizer tokenizer.json --output data/books --append-eod "
    "--valid-fraction 0.05\n"
    "  stablelm data prepare chats.jsonl --tokenizer MODEL --output data/chats --append-eod --chat "
    "chatml";

struct PrepareFlags {
  PrepareOptions options;
  std::filesystem::path tokenizer, template_file;
  std::string chat;
};

int64_t total_bytes(const std::vector<std::filesystem::path>& inputs) {
  int64_t total = 0;
  for (const auto& file : expand_inputs(inputs)) {
    std::error_code error;  // a file that is not there is reported when it is opened
    auto size = std::filesystem::file_size(file, error);
    if (!error) total += int64_t(size);
  }
  return total;
}

void report(const PrepareCounts& counts, const PrepareOptions& options, double seconds) {
  std::printf("%s: %lld documents, %lld tokens\n", options.output.c_str(),
              static_cast<long long>(counts.documents), static_cast<long long>(counts.tokens));
  if (options.valid_fraction > 0) {
    std::printf("%s_valid: %lld documents, %lld tokens\n", options.output.c_str(),
                static_cast<long long>(counts.valid_documents),
                static_cast<long long>(counts.valid_tokens));
  }
  if (counts.dropped > 0)
    std::printf("%lld of %lld records had nothing in them and were dropped\n",
                static_cast<long long>(counts.dropped), static_cast<long long>(counts.records));
  if (options.valid_fraction > 0 && counts.valid_documents == 0)
    std::printf(
        "too few documents for a validation set; --documents paragraph makes more of a .txt "
        "file\n");
  std::printf("%s, %s tokens/s\n", format_duration(seconds).c_str(),
              format_count(double(counts.tokens + counts.valid_tokens) / seconds).c_str());
}

void prepare(const PrepareFlags& flags) {
  PrepareOptions options = flags.options;
  auto tokenizer = open_tokenizer(resolve_model(flags.tokenizer));
  std::shared_ptr<const ChatFormat> chat;
  if (!flags.chat.empty() || !flags.template_file.empty()) {
    chat = choose_chat_format(*tokenizer, flags.chat, flags.template_file);
    check(
        chat != nullptr,
        "the tokenizer has no chat template, and no format is known by its tokens; name one of {}",
        fmt::join(chat_format_names(), ", "));
  }
  options.chat = chat.get();
  Progress progress({.label = "preparing", .unit = "bytes", .total = total_bytes(options.inputs)});
  PrepareCounts counts = prepare_tokens(*tokenizer, options, [&](const PrepareCounts& so_far) {
    progress.update(so_far.input_bytes,
                    format("{} tokens", format_count(double(so_far.tokens + so_far.valid_tokens))));
  });
  report(counts, options, progress.seconds());
}

void add_prepare(CLI::App& data) {
  auto flags = std::make_shared<PrepareFlags>();
  PrepareOptions& o = flags->options;
  CLI::App* app = data.add_subcommand("prepare", "Turn text into token files for training");
  app->footer(kPrepareFooter);
  app->add_option("inputs", o.inputs, "Files or directories")->required()->type_name("INPUT");
  app->add_option("--tokenizer", flags->tokenizer, "Tokenizer file or model directory")->required();
  app->add_option("--output", o.output, "Prefix of the files to write")
      ->required()
      ->type_name("PREFIX");
  app->add_option("--field", o.field, "Field of a JSON record that holds the text")
      ->capture_default_str();
  app->add_flag("--append-eod", o.append_eod, "End every document with <|endoftext|>");
  app->add_option("--documents", o.text_unit,
                  "What one document is in a .txt file: file, paragraph or line")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, TextUnit>{{"file", TextUnit::kFile},
                                          {"paragraph", TextUnit::kParagraph},
                                          {"line", TextUnit::kLine}}))
      ->option_text("UNIT");
  app->add_option("--chat", flags->chat,
                  "Read records as conversations, written in this chat format; auto: by the chat "
                  "template of the tokenizer")
      ->check(CLI::IsMember([] {
        auto names = chat_format_names();
        std::set<std::string> all(names.begin(), names.end());
        all.insert("auto");
        return all;
      }()));
  app->add_option("--template-file", flags->template_file,
                  "Read records as conversations, written by the chat template in this file")
      ->check(CLI::ExistingFile);
  app->add_option("--paths", o.tree_paths, "Conversations of a message tree: all or best")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, TreePaths>{{"all", TreePaths::kAll}, {"best", TreePaths::kBest}}))
      ->option_text("WHICH");
  app->add_option("--valid-fraction", o.valid_fraction,
                  "Share of the documents that goes to PREFIX_valid")
      ->capture_default_str();
  app->add_option("--workers", o.workers, "Threads; 0: one per core")->capture_default_str();
  app->callback([flags] { prepare(*flags); });
}

struct InspectFlags {
  std::filesystem::path prefix, tokenizer;
  int64_t count = 3;
};

std::string_view type_name(TokenType type) {
  switch (type) {
    case TokenType::kU8:
      return "u8";
    case TokenType::kI8:
      return "i8";
    case TokenType::kI16:
      return "i16";
    case TokenType::kI32:
      return "i32";
    case TokenType::kI64:
      return "i64";
    case TokenType::kU16:
      return "u16";
  }
  return "?";
}

void show_document(const TokenFile& file, int64_t d, const Tokenizer* tokenizer) {
  constexpr int64_t kShown = 64;
  std::vector<int32_t> ids(size_t(std::min(file.length(d), kShown)));
  file.read(d, 0, ids);
  std::string_view more = file.length(d) > kShown ? " ..." : "";
  std::string text =
      format("document {}: {} tokens\n  {}{}\n", d, file.length(d), fmt::join(ids, " "), more);
  if (tokenizer) text += format("  {}{}\n", Json(tokenizer->decode(ids)).dump(), more);
  std::fputs(text.c_str(), stdout);
}

void inspect(const InspectFlags& flags) {
  TokenFile file(flags.prefix);
  std::shared_ptr<const Tokenizer> tokenizer;
  if (!flags.tokenizer.empty()) tokenizer = open_tokenizer(resolve_model(flags.tokenizer));
  int64_t longest = 0, empty = 0;
  for (int64_t d = 0; d < file.documents(); ++d) {
    longest = std::max(longest, file.length(d));
    empty += file.length(d) == 0;
  }
  std::string text =
      format("{}: {} documents, {} tokens as {}, longest {}, empty {}\n", file.prefix().string(),
             file.documents(), file.tokens(), type_name(file.type()), longest, empty);
  std::fputs(text.c_str(), stdout);
  for (int64_t d = 0; d < std::min(flags.count, file.documents()); ++d)
    show_document(file, d, tokenizer.get());
}

void add_inspect(CLI::App& data) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* app = data.add_subcommand("inspect", "Show what token files hold");
  app->add_option("prefix", flags->prefix, "Prefix of the .bin and .idx files")
      ->required()
      ->type_name("PREFIX");
  app->add_option("--tokenizer", flags->tokenizer,
                  "Show the text, by this tokenizer file or model directory");
  app->add_option("-n", flags->count, "Documents to show")->capture_default_str();
  app->callback([flags] { inspect(*flags); });
}

}  // namespace

void add_data_command(CLI::App& app) {
  CLI::App* data =
      app.add_subcommand("data", "Prepare text for training, and look at what was prepared");
  data->require_subcommand(1);
  add_prepare(*data);
  add_inspect(*data);
}

}  // namespace slm
