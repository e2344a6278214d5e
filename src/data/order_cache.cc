#include "data/order_cache.h"

#include <cstring>

#include "util/digest.h"
#include "util/files.h"
#include "util/format.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr int kAlgorithmVersion = 1;
constexpr std::string_view kMagic = "SLMORDER";
constexpr size_t kHeader = 8 + 3 * 8;

std::string state_of(fs::path file) {
  return format("{} {} {}\n", fs::absolute(file).string(), fs::file_size(file),
                fs::last_write_time(file).time_since_epoch().count());
}

}  // namespace

fs::path order_cache_file(const fs::path& folder, const TokenFile& file,
                          const SampleOrderSpec& spec) {
  std::string key = format("{} {} {} {} {} {} {}\n", kAlgorithmVersion, spec.first, spec.end,
                           spec.seq_length, spec.samples, spec.seed, int(spec.mode));
  for (const char* suffix : {".idx", ".bin"}) key += state_of(fs::path(file.prefix()) += suffix);
  return folder / (sha256_hex(std::as_bytes(std::span(key))).substr(0, 32) + ".order");
}

void write_order_cache(const fs::path& path, const OrderArrays& arrays) {
  fs::create_directories(path.parent_path());
  AtomicFile file(path);
  file.write(kMagic);
  for (const auto& array : arrays) {
    uint64_t bytes = array.size();
    file.write(&bytes, sizeof(bytes));
  }
  for (const auto& array : arrays) file.write(array.data(), array.size());
  file.commit();
}

MappedOrder map_order_cache(const fs::path& path, const std::array<int64_t, 3>& expected_bytes) {
  if (!fs::exists(path)) return {};
  MappedOrder out{MappedFile::open(path), {}};
  auto bytes = out.file->bytes();
  if (bytes.size() < kHeader || !out.file->text().starts_with(kMagic)) return {};
  size_t at = kHeader;
  for (size_t i = 0; i < 3; ++i) {
    uint64_t size;
    std::memcpy(&size, bytes.data() + 8 + 8 * i, 8);
    if (size != uint64_t(expected_bytes[i]) || size > bytes.size() - at) return {};
    out.arrays[i] = bytes.subspan(at, size_t(size));
    at += size_t(size);
  }
  return out;
}

}  // namespace slm
