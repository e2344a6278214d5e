#include "eval/task_list.h"

#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "eval/tasks/tasks.h"
#include "eval/user_task.h"
#include "util/error.h"
#include "util/nearest_name.h"

namespace slm {
namespace {

// NAME[@VERSION], as a person or a group writes it.
struct Pattern {
  std::string name;
  std::optional<int> version;
  std::optional<int> shots;
};

std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  bool all = end.ec == std::errc() && end.ptr == text.data() + text.size();
  return all ? std::optional(value) : std::nullopt;
}

Pattern parse_pattern(std::string_view text) {
  size_t at = text.rfind('@');
  Pattern out{.name = std::string(text.substr(0, at))};
  if (at == text.npos) return out;
  out.version = whole_number(text.substr(at + 1));
  check(out.version.has_value(), "task {}: after @ comes a version, 0 or 1", text);
  return out;
}

using Found = std::map<std::string, Task>;

void put(Found& found, Task task) {
  auto [it, is_new] = found.try_emplace(task.name, task);
  check(is_new || it->second.version == task.version,
        "task {} is asked for in versions {} and {}: run them one after the other", task.name,
        it->second.version, task.version);
  if (!it->second.shots) it->second.shots = task.shots;
}

bool add_matches(const Pattern& pattern, Found& found) {
  std::string_view last;
  for (const Task& known : known_tasks()) {
    if (fnmatch(pattern.name.c_str(), known.name.c_str(), 0) != 0) continue;
    if (pattern.version ? known.version != *pattern.version : known.name == last) continue;
    last = known.name;
    Task task = known;
    task.shots = pattern.shots;
    put(found, std::move(task));
  }
  return !last.empty();
}

void refuse(std::string_view text, const Pattern& pattern) {
  std::vector<std::string_view> names;
  for (const Task& task : known_tasks()) {
    check(task.name != pattern.name, "task {}: there is no version {} of it", pattern.name,
          pattern.version.value_or(0));
    names.push_back(task.name);
  }
  for (const TaskGroup& group : task_groups()) names.push_back(group.name);
  std::string near = nearest_name(pattern.name, names);
  check(near.empty(), "unknown task \"{}\"; did you mean {}?", text, near);
  fail(ErrorKind::kInvalid, "unknown task \"{}\"; --list-tasks shows all", text);
}

void add_word(std::string_view text, Found& found) {
  if (text.ends_with(".yml") || text.ends_with(".yaml"))
    return put(found, read_user_task(std::filesystem::path(text)));
  Pattern pattern = parse_pattern(text);
  for (const TaskGroup& group : task_groups()) {
    if (group.name != pattern.name) continue;
    for (const TaskGroup::Member& member : group.members)
      add_matches({std::string(member.pattern), pattern.version ? pattern.version : member.version,
                   member.shots},
                  found);
    return;
  }
  if (!add_matches(pattern, found)) refuse(text, pattern);
}

}  // namespace

const std::vector<Task>& known_tasks() {
  static const std::vector<Task> kTasks = [] {
    std::vector<Task> all;
    for (auto list : kTaskFiles)
      for (Task& task : list()) all.push_back(std::move(task));
    std::stable_sort(all.begin(), all.end(),
                     [](const Task& a, const Task& b) { return a.name < b.name; });
    return all;
  }();
  return kTasks;
}

const std::vector<TaskGroup>& task_groups() {
  static const std::vector<TaskGroup> kGroups{
      {"stablelm",
       "every task of StableLM's two published tables",
       {{"arc_*"},
        {"boolq"},
        {"hellaswag"},
        {"lambada_openai"},
        {"openbookqa"},
        {"piqa"},
        {"sciq"},
        {"siqa"},
        {"truthfulqa_mc"},
        {"winogrande"}}},
      {"open_llm_leaderboard",
       "the leaderboard of 2023, with its numbers of examples: 25, 10, 5 and none",
       {{"arc_challenge", {}, 25},
        {"hellaswag", {}, 10},
        {"hendrycksTest-*", 0, 5},
        {"truthfulqa_mc", {}, 0}}},
      {"mmlu",
       "all 57 subjects; mmlu@0 is the form of the published figures",
       {{"hendrycksTest-*"}}},
  };
  return kGroups;
}

std::vector<Task> find_tasks(std::string_view list) {
  Found found;
  while (!list.empty()) {
    size_t comma = std::min(list.find(','), list.size());
    if (comma > 0) add_word(list.substr(0, comma), found);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  check(!found.empty(), "no task is named; --list-tasks shows all");
  std::vector<Task> out;
  for (auto& [name, task] : found) out.push_back(std::move(task));
  return out;
}

}  // namespace slm
