// Every subcommand of the program. Each is registered by one function, in a file of its name.
#pragma once

#include <CLI/CLI.hpp>

namespace slm {

void add_chat_command(CLI::App& app);
void add_generate_command(CLI::App& app);
void add_info_command(CLI::App& app);
void add_verify_command(CLI::App& app);
void add_logits_command(CLI::App& app);
void add_convert_command(CLI::App& app);
void add_quantize_command(CLI::App& app);
void add_init_command(CLI::App& app);
void add_tokenize_command(CLI::App& app);
void add_detokenize_command(CLI::App& app);
void add_tokenizer_command(CLI::App& app);
void add_data_command(CLI::App& app);
void add_pretrain_command(CLI::App& app);
void add_score_command(CLI::App& app);
void add_report_command(CLI::App& app);
void add_checkpoint_command(CLI::App& app);
void add_pull_command(CLI::App& app);
void add_delta_command(CLI::App& app);
void add_bench_command(CLI::App& app);
void add_evaluate_command(CLI::App& app);

// The list: one line each, in the order --help shows.
// clang-format off
inline constexpr void (*kCommands[])(CLI::App&) = {
    add_chat_command,
    add_generate_command,
    add_info_command,
    add_verify_command,
    add_logits_command,
    add_convert_command,
    add_quantize_command,
    add_init_command,
    add_tokenize_command,
    add_detokenize_command,
    add_tokenizer_command,
    add_data_command,
    add_pretrain_command,
    add_report_command,
    add_checkpoint_command,
    add_evaluate_command,
    add_score_command,
    add_pull_command,
    add_delta_command,
    add_bench_command,
};
// clang-format on

}  // namespace slm
