// Every task there is, and how people name them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/task.h"

namespace slm {

const std::vector<Task>& known_tasks();  // sorted by name; of one name, the current version first

struct TaskGroup {
  struct Member {
    std::string_view pattern;         // a name or glob
    std::optional<int> version = {};  // none: the current one
    std::optional<int> shots = {};    // examples when the user does not say
  };
  std::string_view name, about;
  std::vector<Member> members;
};
const std::vector<TaskGroup>& task_groups();

// The tasks of a list separated by commas: names, groups, globs such as hendrycksTest-*, any of
// them with @VERSION, and the .yml files of tasks of the user's own. Sorted by name, each once.
// Unknown names are refused, and the nearest is suggested.
std::vector<Task> find_tasks(std::string_view list);

}  // namespace slm
