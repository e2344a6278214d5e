// stablelm report: the curves of runs, as a page or as data.
#include "train/report/report.h"

#include <cstdio>
#include <memory>
#include <thread>

#include "cli/commands.h"
#include "util/files.h"
#include "util/progress.h"
#include "util/stop_request.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "RUN is a directory that `stablelm pretrain --save` writes to, also while it writes. The page\n"
    "needs nothing but a browser. Examples:\n"
    "  stablelm report run/out\n"
    "  stablelm report run/a run/b --output compare.html\n"
    "  stablelm report run/out --watch 30\n"
    "  stablelm report run/out --format csv > curves.csv";

struct ReportFlags {
  std::vector<std::filesystem::path> runs;
  std::filesystem::path output;
  std::string format = "html";
  int watch = 0;
};

std::vector<RunHistory> read_runs(const ReportFlags& flags) {
  Progress progress({.label = "reading", .total = int64_t(flags.runs.size())});
  std::vector<RunHistory> runs;
  for (const auto& directory : flags.runs) {
    runs.push_back(read_run_history(directory));
    progress.update(int64_t(runs.size()));
  }
  return runs;
}

std::string rendered(const ReportFlags& flags, const std::vector<RunHistory>& runs) {
  if (flags.format == "csv") return report_csv(runs);
  if (flags.format == "json")
    return report_json(runs).dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  return report_page(runs, flags.watch);
}

void write_once(const ReportFlags& flags) {
  std::string text = rendered(flags, read_runs(flags));
  if (flags.output.empty()) {
    std::fwrite(text.data(), 1, text.size(), stdout);
  } else {
    write_file_atomically(flags.output, text);
    if (flags.watch == 0) std::printf("%s\n", flags.output.c_str());
  }
}

void run(ReportFlags& flags) {
  check(flags.watch == 0 || flags.format == "html",
        "--watch rewrites a page: it cannot be used with --format {}", flags.format);
  if (flags.output.empty() && flags.format == "html") flags.output = "report.html";
  write_once(flags);
  if (flags.watch == 0) return;
  std::printf("%s: written again every %d s; Ctrl-C ends\n", flags.output.c_str(), flags.watch);
  StopRequest stop;
  for (int slept = 0; !stop.requested(); ++slept) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    if ((slept + 1) % flags.watch == 0) write_once(flags);
  }
}

}  // namespace

void add_report_command(CLI::App& app) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* command = app.add_subcommand("report", "Show and compare the curves of training runs");
  command->footer(kFooter);
  command->add_option("runs", flags->runs, "Directories of runs")->required()->type_name("RUN");
  command->add_option("--output", flags->output,
                      "File to write (default: report.html; csv and json: standard output)");
  command->add_option("--format", flags->format, "html, csv or json")
      ->check(CLI::IsMember({"html", "csv", "json"}))
      ->capture_default_str();
  command->add_option("--watch", flags->watch, "Write it again every so many seconds")
      ->check(CLI::Range(1, 86400))
      ->type_name("SECONDS");
  command->callback([flags] { run(*flags); });
}

}  // namespace slm
