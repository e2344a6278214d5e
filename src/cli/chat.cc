// stablelm chat: a conversation in the terminal.
#include <cstdio>

#include "cli/chat_session.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"

namespace slm {
namespace {

constexpr const char* kFooter =
    "Type /help in the conversation for its commands. Ctrl-C stops an answer, Ctrl-D leaves.\n"
    "A line that ends in a backslash goes on in the next; pasted text may have several lines.\n"
    "Input that is no terminal is read line by line, and only the answers are printed.\n"
    "Examples:\n"
    "  stablelm chat\n"
    "  stablelm chat MODEL --system 'Answer in one sentence.' --temperature 0.3\n"
    "  echo 'Who are you?' | stablelm chat MODEL --seed 1";

// What the user typed, until they leave.
void converse(ChatSession& session, LineEditor& editor) {
  bool interrupted = false;  // Ctrl-C was the last thing typed
  for (std::string line;;) {
    switch (editor.read(">", line)) {
      case LineEditor::Outcome::kEnd:
        return;
      case LineEditor::Outcome::kInterrupted:
        std::puts(interrupted ? "" : "\n(Ctrl-C once more, Ctrl-D or /exit leaves)");
        if (interrupted) return;
        interrupted = true;
        continue;
      case LineEditor::Outcome::kLine:
        break;
    }
    interrupted = false;
    if (!session.handle(line)) return;
  }
}

void run(const ChatOptions& options) {
  ChatSession session(options);
  LineEditor editor;
  if (!editor.interactive()) return converse(session, editor);
  session.greet();
  InterruptGuard guard;
  converse(session, editor);
  std::puts("");
}

}  // namespace

void add_chat_command(CLI::App& app) {
  auto options = std::make_shared<ChatOptions>();
  CLI::App* command = app.add_subcommand("chat", "Talk to a model in the terminal");
  command->footer(kFooter);
  options->model.add_to(*command, false);
  command->add_option("--system", options->system,
                      "Instructions before the first message (default: the format's own)");
  std::vector<std::string> formats = {"auto"};
  for (std::string_view name : chat_format_names()) formats.emplace_back(name);
  formats.emplace_back(plain_chat_format().name);
  command
      ->add_option(
          "--template", options->format,
          "How messages are marked. auto: by the model's own chat template, else told from "
          "its tokens; plain: not at all")
      ->capture_default_str()
      ->check(CLI::IsMember(formats));
  command
      ->add_option("--template-file", options->template_file,
                   "Mark messages by the chat template (Jinja) in this file")
      ->check(CLI::ExistingFile);
  options->sampling.max_new_tokens = 512;
  options->sampling.add_to(*command);
  options->speculation.add_to(*command);
  command->add_flag("--warm", options->warm,
                    "Read the weights while the first message is typed, so that its answer comes "
                    "sooner");
  command->add_flag("--stats", options->stats, "Print timings after every answer");
  command->callback([options] { run(*options); });
}

}  // namespace slm
