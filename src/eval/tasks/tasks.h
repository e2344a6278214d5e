// Every task definition: one function and one file each.
#pragma once

#include <vector>

#include "eval/task.h"

namespace slm {

std::vector<Task> arc_tasks();
std::vector<Task> boolq_tasks();
std::vector<Task> gsm8k_tasks();
std::vector<Task> hellaswag_tasks();
std::vector<Task> lambada_tasks();
std::vector<Task> mmlu_tasks();
std::vector<Task> openbookqa_tasks();
std::vector<Task> perplexity_tasks();
std::vector<Task> piqa_tasks();
std::vector<Task> sciq_tasks();
std::vector<Task> siqa_tasks();
std::vector<Task> truthfulqa_tasks();
std::vector<Task> winogrande_tasks();

inline constexpr std::vector<Task> (*kTaskFiles[])() = {
    arc_tasks,        boolq_tasks, gsm8k_tasks,      hellaswag_tasks,  lambada_tasks,
    mmlu_tasks,       piqa_tasks,  sciq_tasks,       openbookqa_tasks, perplexity_tasks,
    truthfulqa_tasks, siqa_tasks,  winogrande_tasks,
};

}  // namespace slm
