// One file from a hub onto the disk: resumed where it stopped, checked, and in place only when
// whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "hub/destination.h"
#include "hub/http.h"
#include "hub/listing.h"

namespace slm {

struct FetchWatch {
  std::atomic<int64_t>& done;                      // bytes; grows, and shrinks when bytes are lost
  const std::atomic<bool>& stop;                   // when set, the fetch ends in an error
  std::function<void(const std::string&)> notice;  // a line for the person who waits
};

// Does nothing when the destination has the file. `file` has a size and a hash. Another process
// that fetches the same file is waited for. What a former attempt left is kept and checked with the
// rest; contents that do not have the size and hash announced are fetched once more, then refused.
// Errors name the file and what to do; the beginning stays for the next attempt unless it is wrong.
void fetch_file(HttpClient& client, const std::string& url, const HubFile& file,
                const Destination& destination, const FetchWatch& watch);

}  // namespace slm
