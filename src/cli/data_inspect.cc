// stablelm data inspect: a look into token files, and into what a run would read of them.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/data_commands.h"
#include "cli/resolve_model.h"
#include "data/token_summary.h"
#include "model/load.h"
#include "train/run_data.h"
#include "util/error.h"
#include "util/json.h"
#include "util/progress.h"

namespace slm {
namespace {

struct InspectFlags {
  std::filesystem::path prefix, tokenizer;
  std::string mixture;
  std::vector<std::string> overrides;
  int64_t count = 3, seq_length = 2048, seed = 1234;
  std::optional<int64_t> document, sample;
};

class Inspector {
 public:
  explicit Inspector(const InspectFlags& flags) : flags_(flags) {
    if (!flags.tokenizer.empty()) tokenizer_ = open_tokenizer(resolve_model(flags.tokenizer));
  }

  void show_file() const {
    TokenFile file(flags_.prefix);
    if (flags_.document) return show_document(file, *flags_.document, /*whole=*/true);
    if (flags_.sample) return show_samples(stream_of(file));
    TokenSummary s = summarize(file);
    say(format("{}: {} documents, {} tokens as {}", file.prefix().string(), s.documents, s.tokens,
               token_type_name(file.type())));
    say(format("lengths {} to {}, median {}, {} empty", s.shortest, s.longest, s.median, s.empty));
    std::fputs(draw_lengths(s).c_str(), stdout);
    for (int64_t d = 0; d < std::min(flags_.count, file.documents()); ++d)
      show_document(file, d, /*whole=*/false);
  }

  void show_mixture() const {
    check(!flags_.document, "[inspect] --document is for a file: give its PREFIX, not --mixture");
    RunConfig config = read_run_config({read_config_source(flags_.mixture)}, flags_.overrides);
    RunData data = open_run_data(config, {.vocab = int64_t{1} << 31});
    if (!flags_.sample) {
      auto sizes = data.train.source_sizes();
      auto usage = data.train.usage(data.train.size());
      say(format("{} samples of {} tokens", data.train.size(), data.train.seq_length()));
      for (size_t i = 0; i < usage.size(); ++i)
        say(format(
            "  {:5.1f} %  {}: {} documents, {} tokens; the run reads {} tokens, {:.2f} epochs",
            100 * sizes[i].share, usage[i].prefix, sizes[i].documents,
            format_count(double(sizes[i].tokens)), format_count(double(usage[i].tokens)),
            usage[i].epochs));
    }
    show_samples(data.train);
  }

 private:
  static void say(const std::string& line) { std::puts(line.c_str()); }

  // What a run over this file alone would read.
  SampleStream stream_of(const TokenFile& file) const {
    std::vector<DataSource> sources{{.prefix = file.prefix()}};
    int64_t one_epoch = std::max<int64_t>((file.tokens() - 1) / flags_.seq_length, 1);
    return SampleStream(sources, {.seq_length = flags_.seq_length,
                                  .samples_needed = std::max(one_epoch, *flags_.sample + 1),
                                  .seed = uint32_t(flags_.seed)});
  }

  void show_samples(const SampleStream& stream) const {
    int64_t first = flags_.sample.value_or(0);
    int64_t end = flags_.sample ? first + 1 : std::min(flags_.count, stream.size());
    std::vector<int32_t> ids(size_t(stream.seq_length()) + 1);
    for (int64_t i = first; i < end; ++i) {
      auto origin = stream.origin(i);
      stream.sample(i, ids);
      say(format("sample {}: number {} of {}", i, origin.sample, origin.prefix));
      size_t at = 0;
      for (const SamplePiece& piece : origin.pieces) {
        say(format(" document {}, tokens {} to {}", piece.document, piece.begin,
                   piece.begin + piece.count - 1));
        show_ids(std::span(ids).subspan(at, size_t(piece.count)), flags_.sample.has_value());
        at += size_t(piece.count);
      }
    }
  }

  void show_document(const TokenFile& file, int64_t d, bool whole) const {
    std::vector<int32_t> ids(size_t(file.length(d)));
    file.read_labels(d, 0, ids);  // a label file may be looked into as well
    say(format("document {}: {} tokens", d, ids.size()));
    show_ids(ids, whole);
  }

  void show_ids(std::span<const int32_t> ids, bool whole) const {
    constexpr size_t kShown = 64;
    size_t shown = whole ? ids.size() : std::min(ids.size(), kShown);
    std::string_view more = shown < ids.size() ? " ..." : "";
    bool text = tokenizer_ && std::all_of(ids.begin(), ids.end(), [](int32_t i) { return i >= 0; });
    if (!whole || !text) say(format("  {}{}", fmt::join(ids.first(shown), " "), more));
    if (text)
      say(whole ? tokenizer_->decode(ids)
                : format("  {}{}", Json(tokenizer_->decode(ids.first(shown))).dump(), more));
  }

  const InspectFlags& flags_;
  std::shared_ptr<const Tokenizer> tokenizer_;
};

void inspect(const InspectFlags& flags) {
  check(flags.prefix.empty() != flags.mixture.empty(),
        "[inspect] give the PREFIX of a token file, or --mixture CONFIG.yml");
  Inspector inspector(flags);
  if (flags.mixture.empty())
    inspector.show_file();
  else
    inspector.show_mixture();
}

constexpr const char* kInspectFooter =
    "Examples:\n"
    "  stablelm data inspect data/corpus --tokenizer tokenizer.json --document 12\n"
    "  stablelm data inspect --mixture run.yml --sample 1000";

}  // namespace

void add_data_inspect(CLI::App& data) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* app = data.add_subcommand(
      "inspect", "Show what token files hold, or what a run would read of them");
  app->footer(kInspectFooter);
  app->add_option("prefix", flags->prefix, "Prefix of the .bin and .idx files")
      ->type_name("PREFIX");
  app->add_option("--tokenizer", flags->tokenizer,
                  "Show the text, by this tokenizer file or model directory");
  app->add_option("-n", flags->count, "Documents or samples to show")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  auto* document = app->add_option("--document", flags->document, "Show only this one, whole")
                       ->check(CLI::NonNegativeNumber);
  app->add_option("--sample", flags->sample, "Show only this sample of the training order, whole")
      ->check(CLI::NonNegativeNumber)
      ->excludes(document);
  app->add_option("--seq-length", flags->seq_length, "Tokens of a sample, without --mixture")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option("--seed", flags->seed, "Of the order of samples, without --mixture")
      ->capture_default_str();
  app->add_option("--mixture", flags->mixture, "Show what a run with this configuration reads")
      ->type_name("CONFIG.yml");
  app->add_option("--set", flags->overrides, "With --mixture, override a key")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app->callback([flags] { inspect(*flags); });
}

}  // namespace slm
