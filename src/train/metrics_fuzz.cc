// Whatever a metrics.jsonl holds, a report can be made of it.
#include <cstddef>
#include <cstdint>
#include <sstream>

#include "train/report/report.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::istringstream lines(std::string(reinterpret_cast<const char*>(data), size));
  slm::RunHistory run;
  slm::read_metrics(lines, run);
  slm::report_page(std::vector{run});
  return 0;
}
