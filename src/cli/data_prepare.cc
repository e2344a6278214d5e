// stablelm data prepare: from text to the token files that training reads.
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "cli/data_commands.h"
#include "cli/resolve_model.h"
#include "data/prepare.h"
#include "model/load.h"
#include "util/error.h"
#include "util/progress.h"

namespace slm {
namespace {

constexpr const char* kPrepareFooter =
    "Inputs are .parquet files and .txt, .md, .jsonl and .json (array) files, these also .gz or "
    ".zst;\n"
    "directories of them; or quoted patterns like 'data/*.jsonl.zst'.\n"
    "PREFIX.bin and PREFIX.idx are the mmap format of Megatron-LM and GPT-NeoX.\n"
    "A preparation that was stopped goes on where it was when the same command is given again.\n"
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

// Tells the person how far it is; one progress line for the texts, one for the joining of parts.
class PrepareProgress {
 public:
  explicit PrepareProgress(const PrepareOptions& options) : total_(total_bytes(options.inputs)) {}

  PrepareListener listener() {
    return {.progress = [this](const PrepareCounts& c) { update(c); },
            .continued = [this](const PrepareCounts& c) { resume(c); },
            .joining = [this](int64_t bytes, int64_t total) { join(bytes, total); }};
  }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }
  int64_t tokens_before() const { return tokens_before_; }
  int64_t bytes_before() const { return bytes_before_; }
  void close() { line_.reset(), joining_.reset(); }  // what is printed next begins a line

 private:
  using Clock = std::chrono::steady_clock;

  void resume(const PrepareCounts& c) {
    tokens_before_ = c.tokens + c.valid_tokens;
    bytes_before_ = c.input_bytes;
    std::fprintf(stderr, "continuing behind %s tokens that an earlier run prepared\n",
                 format_count(double(tokens_before_)).c_str());
  }
  void update(const PrepareCounts& c) {
    if (!line_)
      line_.emplace(ProgressOptions{
          .label = "preparing", .unit = "B", .total = total_, .start = bytes_before_});
    int64_t tokens = c.tokens + c.valid_tokens;
    double speed = double(tokens - tokens_before_) / seconds();
    line_->update(c.input_bytes, format("{} tokens, {} tokens/s", format_count(double(tokens)),
                                        format_count(speed)));
  }
  void join(int64_t bytes, int64_t total) {
    if (!joining_ || bytes < joined_)
      joining_.emplace(ProgressOptions{.label = "joining parts", .unit = "B", .total = total});
    joining_->update(joined_ = bytes);
  }

  int64_t total_, tokens_before_ = 0, bytes_before_ = 0, joined_ = 0;
  Clock::time_point begin_ = Clock::now();
  std::optional<Progress> line_, joining_;
};

void report(const PrepareCounts& counts, const PrepareOptions& options,
            const PrepareProgress& progress) {
  auto say = [](const std::string& line) { std::puts(line.c_str()); };
  bool many = options.fields.size() > 1 && !options.chat;
  auto name = [&](bool valid) {
    return prepared_prefix(options, options.chat ? "text" : options.fields[0], valid).string() +
           (many             ? " and other fields"
            : options.labels ? " and labels"
                             : "") +
           (options.shard_tokens > 0 ? "-*" : "");
  };
  say(format("{}: {} documents, {} tokens", name(false), counts.documents, counts.tokens));
  if (options.valid_fraction > 0)
    say(format("{}: {} documents, {} tokens", name(true), counts.valid_documents,
               counts.valid_tokens));
  if (counts.dropped > 0)
    say(format("{} of {} records had nothing in them and were dropped", counts.dropped,
               counts.records));
  if (options.valid_fraction > 0 && counts.valid_documents == 0)
    say("too few documents for a validation set; --documents paragraph makes more of a .txt file");
  double seconds = progress.seconds();
  int64_t tokens = counts.tokens + counts.valid_tokens;
  say(format("{}, {}/s, {} tokens/s", format_duration(seconds),
             format_bytes(double(counts.input_bytes - progress.bytes_before()) / seconds),
             format_count(double(tokens - progress.tokens_before()) / seconds)));
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
  PrepareProgress progress(options);
  PrepareCounts counts = prepare_tokens(*tokenizer, options, progress.listener());
  progress.close();
  report(counts, options, progress);
}

}  // namespace

void add_data_prepare(CLI::App& data) {
  auto flags = std::make_shared<PrepareFlags>();
  PrepareOptions& o = flags->options;
  CLI::App* app = data.add_subcommand("prepare", "Turn text into token files for training");
  app->footer(kPrepareFooter);
  app->add_option("inputs", o.inputs, "Files or directories")->required()->type_name("INPUT");
  app->add_option("--tokenizer", flags->tokenizer, "Tokenizer file or model directory")->required();
  app->add_option("--output", o.output, "Prefix of the files to write")
      ->required()
      ->type_name("PREFIX");
  app->add_option("--field", o.fields,
                  "Field of a record that holds the text; several: PREFIX_FIELD_document for each")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  app->add_flag("--document-names", o.document_names,
                "Name the output PREFIX_FIELD_document, as the original tools do");
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
  app->add_flag("--labels", o.labels,
                "Of conversations: write PREFIX_label too, for a loss on the answers alone");
  app->add_option("--paths", o.tree_paths, "Conversations of a message tree: all or best")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, TreePaths>{{"all", TreePaths::kAll}, {"best", TreePaths::kBest}}))
      ->option_text("WHICH");
  app->add_option("--valid-fraction", o.valid_fraction,
                  "Share of the documents that goes to PREFIX_valid")
      ->capture_default_str();
  app->add_option("--shard-tokens", o.shard_tokens,
                  "Write PREFIX-00000, PREFIX-00001 ... of about this many tokens; 0: one file")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_flag("--restart", o.restart, "Forget what a stopped preparation of other inputs left");
  app->add_option("--workers", o.workers, "Threads; 0: one per core")->capture_default_str();
  app->callback([flags] { prepare(*flags); });
}

}  // namespace slm
