#include "cli/generate_many.h"

#include <cstdio>
#include <map>

#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "util/json.h"
#include "util/progress.h"

namespace slm {
namespace {

void print(size_t number, const GenerationRequest& request, const GenerationResult& result,
           bool json) {
  std::string text = result.text;
  if (on_terminal(stdout)) text = without_controls(text);
  if (json)
    std::puts(json_line(request, result).c_str());
  else
    std::printf("%s--- %zu\n%s\n", number == 1 ? "" : "\n", number, text.c_str());
  std::fflush(stdout);
}

}  // namespace

std::string json_line(const GenerationRequest& request, const GenerationResult& result) {
  Json line{{"prompt_ids", request.prompt},
            {"ids", result.ids},
            {"text", result.text},
            {"finish_reason", name(result.finish_reason)}};
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool generate_many(BatchGenerator& batch, const std::vector<GenerationRequest>& requests,
                   bool json) {
  for (const GenerationRequest& request : requests) batch.add(request);
  Progress progress({.label = "generating", .unit = "texts", .total = std::ssize(requests)});
  std::map<int64_t, GenerationResult> ended;  // that wait for one before them
  size_t printed = 0;
  for (bool more = true; more;) {
    bool interrupted = InterruptGuard::flag();
    if (interrupted) batch.cancel();
    more = batch.step();
    for (BatchGenerator::Finished& end : batch.take_finished())
      ended.emplace(end.number, std::move(end.result));
    progress.update(int64_t(printed) + std::ssize(ended));
    for (auto it = ended.find(int64_t(printed)); it != ended.end();
         it = ended.find(int64_t(printed))) {
      print(printed + 1, requests[printed], it->second, json);
      ended.erase(it);
      ++printed;
    }
    if (interrupted) return false;
  }
  return true;
}

}  // namespace slm
