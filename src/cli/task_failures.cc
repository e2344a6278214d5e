#include "cli/task_failures.h"

#include <algorithm>

#include "util/error.h"

namespace slm {
namespace {

// The reason with the task's name taken out.
std::string pattern_of(const TaskFailure& failure) {
  std::string text = failure.message;
  for (size_t at; (at = text.find(failure.task)) != text.npos;)
    text.replace(at, failure.task.size(), "\n");
  return text;
}

}  // namespace

std::vector<std::string> failure_lines(const std::vector<TaskFailure>& failures,
                                       std::string_view what) {
  struct Group {
    std::string pattern;
    const TaskFailure* first;
    std::vector<std::string> others;
  };
  std::vector<Group> groups;
  for (const TaskFailure& failure : failures) {
    std::string pattern = pattern_of(failure);
    auto same = std::find_if(groups.begin(), groups.end(),
                             [&](const Group& g) { return g.pattern == pattern; });
    if (same == groups.end())
      groups.push_back({pattern, &failure, {}});
    else
      same->others.push_back(failure.task);
  }
  std::vector<std::string> lines;
  for (const Group& group : groups) {
    lines.push_back(format("stablelm: {} {}: {}", group.first->task, what, group.first->message));
    if (!group.others.empty())
      lines.back() +=
          format("; the same for {} more: {}", group.others.size(), fmt::join(group.others, ", "));
  }
  return lines;
}

}  // namespace slm
