// The program. Turns errors into exit codes; everything else is in the subcommands.
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "cli/commands.h"
#include "cli/report_error.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  stablelm chat                                talk to the built-in model\n"
    "  stablelm generate MODEL --prompt \"Once\"      continue a text\n"
    "  stablelm pull ORG/NAME                       download a model\n"
    "  stablelm pretrain run.yml --data corpus      train from a GPT-NeoX style config\n"
    "MODEL is a directory in the Hugging Face layout, a .gguf file, or the ORG/NAME of a pulled "
    "model;\nnone means the built-in model.\n"
    "`stablelm COMMAND --help` explains each command.\n"
    "Exit codes: 0 success, 1 a check failed, 2 usage, 3 not found, 4 broken file, 5 unsupported, "
    "6 input/output, 7 memory.";

int run(int argc, char** argv) {
  CLI::App app("Run, train and chat with StableLM language models: one native program.",
               "stablelm");
  app.set_version_flag("--version", "stablelm " STABLELM_VERSION);
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Print the help of every command");
  for (auto add : kCommands) add(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help, --version
    return app.exit(e);
  } catch (const CLI::RuntimeError& e) {  // a command that ran, and found what it was to find
    return e.get_exit_code();
  } catch (const CLI::ParseError& e) {
    app.exit(e);
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace slm

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // a closed pipe ends us quietly, like any Unix tool
  try {
    return slm::run(argc, argv);
  } catch (...) {
    return slm::report_error();
  }
}
