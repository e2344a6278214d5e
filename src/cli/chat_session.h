// What happens between the prompt and the answer of `stablelm chat`: messages, commands, streaming.
#pragma once

#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/model_options.h"
#include "cli/sampling_options.h"
#include "cli/speculation_options.h"
#include "generate/conversation.h"

namespace slm {

struct ChatOptions {
  ModelOptions model;
  SamplingFlags sampling;
  SpeculationFlags speculation;
  std::optional<std::string> system;
  std::string format = "auto";  // or the name of a format
  std::filesystem::path template_file;
  bool stats = false, warm = false;
};

class ChatSession {
 public:
  explicit ChatSession(const ChatOptions& options);

  void greet() const;
  // A message, which is answered on standard output, or a command. False to leave.
  bool handle(std::string_view line);

 private:
  struct Command;
  static const Command kCommands[];
  struct Setting;
  static const Setting kSettings[];

  bool run_command(std::string_view line);
  void answer(std::string_view message);
  GenerationResult stream_answer(const GenerationRequest& request);
  void help() const;
  void reset();
  void show_or_set_system(std::string_view text);
  void save(std::string_view file) const;
  void load(std::string_view file);
  void show_settings() const;
  void set(const Setting& setting, std::string_view value);

  ChatOptions options_;
  OpenModel opened_;
  Backend& backend_;
  const Model& model_;
  Decoder decoder_;
  std::shared_ptr<const ChatFormat> format_;
  Conversation conversation_;
  Generator generator_;
  std::future<void> warming_;  // uses the generator; waited for before it goes
};

}  // namespace slm
