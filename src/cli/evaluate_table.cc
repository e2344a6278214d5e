#include "cli/evaluate_table.h"

#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "eval/comparison.h"
#include "eval/difference.h"
#include "util/error.h"
#include "util/files.h"

namespace slm {
namespace {

constexpr const char* kTableFooter =
    "FILE is a result file of this program or of lm-evaluation-harness. Its row is named by the\n"
    "model in it, or by you: NAME=FILE; files of one name are one row.\n"
    "Columns: readme-1 (StableLM-3B-4E1T), readme-2 (StableLM-Alpha v2), leaderboard, or\n"
    "task:metric,... Each takes the metric that the published table takes: ARC is acc in the first "
    "and\nacc_norm in the second.\n"
    "Examples:\n"
    "  stablelm evaluate table evals/*.json\n"
    "  stablelm evaluate table base=base.json tuned=tuned.json --columns arc_easy:acc,mmlu:acc "
    "--html page.html";

struct TableFlags {
  std::vector<std::string> files;
  std::string columns = "readme-1", markdown, csv, html;
  bool sort = false;
};

NamedResults read_named(const std::string& text) {
  size_t equals = text.find('=');
  if (equals == text.npos || std::filesystem::exists(text)) {
    Results results = read_results(text);
    std::string name = model_name(results, text);
    return {name, std::move(results)};
  }
  return {text.substr(0, equals), read_results(text.substr(equals + 1))};
}

void table(const TableFlags& flags) {
  std::vector<NamedResults> files;
  for (const std::string& file : flags.files) files.push_back(read_named(file));
  Comparison comparison = compare(comparison_columns(flags.columns), files, flags.sort);
  std::string text = comparison_markdown(comparison);
  if (!flags.markdown.empty()) write_file_atomically(flags.markdown, text);
  if (!flags.csv.empty()) write_file_atomically(flags.csv, comparison_csv(comparison));
  if (!flags.html.empty()) write_file_atomically(flags.html, comparison_html(comparison));
  fmt::print("{}", text);
}

struct DiffFlags {
  std::string a, b;
  double level = 0.05;
};

void diff(const DiffFlags& flags) {
  std::vector<Difference> rows = differences(flags.a, flags.b);
  fmt::print("A: {}\nB: {}\n\n{}", flags.a, flags.b, difference_table(rows, flags.level));
  bool all_paired = true;
  for (const Difference& row : rows) all_paired = all_paired && row.documents > 0;
  if (!all_paired)
    fmt::print(
        "\nWithout per-document samples of both runs (--log-samples) only large differences show: "
        "a\npaired test sees much smaller ones.\n");
}

}  // namespace

void add_evaluate_table(CLI::App& evaluate) {
  auto flags = std::make_shared<TableFlags>();
  CLI::App* app = evaluate.add_subcommand("table", "One table of many result files");
  app->footer(kTableFooter);
  app->add_option("files", flags->files, "Result files")->required()->type_name("FILE");
  app->add_option("--columns", flags->columns, "readme-1, readme-2, leaderboard or task:metric,...")
      ->capture_default_str();
  app->add_flag("--sort", flags->sort, "The highest average first");
  app->add_option("--markdown", flags->markdown, "Also write the table to this file");
  app->add_option("--csv", flags->csv, "Also write it as comma-separated values, with errors");
  app->add_option("--html", flags->html, "Also write a page with a bar chart per task");
  app->callback([flags] { table(*flags); });
}

void add_evaluate_diff(CLI::App& evaluate) {
  auto flags = std::make_shared<DiffFlags>();
  CLI::App* app =
      evaluate.add_subcommand("diff", "Say which differences of two runs are within noise");
  app->footer(
      "With the samples of both runs (--log-samples) documents are compared in pairs: McNemar's "
      "exact\ntest for right or wrong, a bootstrap for other figures. Else a z test of the "
      "standard "
      "errors.");
  app->add_option("a", flags->a, "Result file")->required()->type_name("A.json");
  app->add_option("b", flags->b, "Result file")->required()->type_name("B.json");
  app->add_option("--level", flags->level, "Call p values below this a difference")
      ->capture_default_str();
  app->callback([flags] { diff(*flags); });
}

}  // namespace slm
