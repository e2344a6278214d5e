#include "hub/pull.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "hub/cache.h"
#include "hub/destination.h"
#include "hub/explain.h"
#include "hub/fetch_file.h"
#include "hub/selection.h"
#include "util/checked.h"
#include "util/error.h"
#include "util/progress.h"

namespace slm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxListingBytes = int64_t{64} << 20;

HubListing fetch_listing(HttpClient& client, const HubRepository& repository) {
  const HubSettings& settings = client.settings();
  std::string url = format("{}/api/models/{}/revision/{}?blobs=true", settings.endpoint,
                           repository.id, url_encoded(repository.revision, false));
  HttpResponse response = client.send({.url = url, .max_body = kMaxListingBytes});
  check_success(response, repository.to_string(), settings);
  HubListing listing = parse_listing(response.body, url);
  check_data(!is_commit(repository.revision) || listing.commit == repository.revision,
             "{}: asked for commit {}, the hub answers with {}", repository.id, repository.revision,
             listing.commit);
  return listing;
}

std::string file_url(const HubSettings& settings, const HubRepository& repository,
                     const std::string& commit, const std::string& path) {
  return format("{}/{}/resolve/{}/{}", settings.endpoint, repository.id, commit,
                url_encoded(path, true));
}

std::string unquoted(std::string etag) {
  if (etag.starts_with("W/")) etag.erase(0, 2);
  std::erase(etag, '"');
  return etag;
}

// Size and hash of a file that the listing is silent about, from the headers of the file itself.
// Those of a redirect count, when it carries them: where it leads to, the hash may be another.
void ask_for_facts(HttpClient& client, const std::string& url, HubFile& file) {
  HttpResponse response = client.send({.url = url, .head = true, .follow_redirects = false});
  std::string etag = response.header("x-linked-etag"), size = response.header("x-linked-size");
  if (response.status >= 300 && response.status < 400 && (etag.empty() || size.empty()))
    response = client.send({.url = url, .head = true});
  if (response.status < 300 || response.status >= 400)
    check_success(response, file.path, client.settings());
  if (etag.empty()) etag = response.header("etag");
  if (size.empty()) size = response.header("content-length");
  etag = unquoted(etag);
  bool digits = !size.empty() && size.size() <= 15 &&
                std::all_of(size.begin(), size.end(), [](char c) { return c >= '0' && c <= '9'; });
  check_data(digits && is_safe_etag(etag),
             "{}: the hub gives no size and hash of it (\"{}\", \"{}\")", url, size.substr(0, 40),
             etag.substr(0, 80));
  file.size = std::stoll(size);
  file.etag = etag;
}

// Bytes that are here already: whole files and beginnings.
int64_t bytes_here(const Destination& destination, const HubFile& file) {
  if (destination.has(file)) return file.size;
  std::error_code absent;
  auto begun = fs::file_size(destination.places(file).partial, absent);
  return absent || int64_t(begun) > file.size ? 0 : int64_t(begun);
}

void check_room(const fs::path& folder, int64_t bytes) {
  fs::path there = fs::absolute(folder);
  while (!fs::exists(there) && there.has_relative_path()) there = there.parent_path();
  struct statvfs disk;
  if (::statvfs(there.c_str(), &disk) != 0) return;  // the writes will tell
  double free = double(disk.f_bavail) * double(disk.f_frsize);
  if (double(bytes) > free)
    fail(ErrorKind::kIo,
         "{}: {} are to come, the disk has {} free; make room, or choose another place with "
         "HF_HUB_CACHE or --local-dir",
         there.string(), format_bytes(double(bytes)), format_bytes(free));
}

// The files of one pull, fetched by several threads while this one shows how far they are.
class Transfer {
 public:
  Transfer(const HubSettings& settings, const HubRepository& repository, const std::string& commit,
           const Destination& destination, std::vector<HubFile> files)
      : settings_(settings),
        repository_(repository),
        commit_(commit),
        destination_(destination),
        files_(std::move(files)) {}

  void run(int parallel) {
    int64_t total = 0, here = 0;
    for (const HubFile& file : files_) {
      total = checked_add(total, file.size, "size of the model");
      here += bytes_here(destination_, file);
    }
    check_room(destination_.folder(), total - here);
    // The largest first, so that no thread is left alone with it at the end.
    std::stable_sort(files_.begin(), files_.end(),
                     [](const HubFile& a, const HubFile& b) { return a.size > b.size; });
    Progress progress(
        {.label = repository_.to_string(), .unit = "B", .total = total, .start = here});
    std::vector<std::thread> threads;
    running_ = int(std::min<size_t>(size_t(std::max(parallel, 1)), files_.size()));
    for (int i = running_; i > 0; --i) threads.emplace_back([this] { work(); });
    watch(progress, total);
    for (std::thread& thread : threads) thread.join();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void work() {
    try {
      HttpClient client(settings_, [this](const std::string& line) { say(line); });
      for (size_t i; !stop_ && (i = next_++) < files_.size();) fetch(client, files_[i]);
    } catch (...) {
      std::lock_guard hold(mutex_);
      if (!error_) error_ = std::current_exception();
      stop_ = true;
    }
    std::lock_guard hold(mutex_);
    --running_;
    changed_.notify_one();
  }

  void fetch(HttpClient& client, const HubFile& file) {
    FetchWatch watch{done_, stop_, [this](const std::string& line) { say(line); }};
    fetch_file(client, file_url(settings_, repository_, commit_, file.path), file, destination_,
               watch);
    ++finished_;
  }

  void say(const std::string& line) {
    std::lock_guard hold(mutex_);
    lines_.push_back(line);
  }

  void watch(Progress& progress, int64_t total) {
    std::unique_lock hold(mutex_);
    while (running_ > 0) {
      changed_.wait_for(hold, std::chrono::milliseconds(100));
      for (const std::string& line : lines_) progress.print(line);
      lines_.clear();
      progress.update(done_, format("{} of {}, {} of {} files", format_bytes(double(done_)),
                                    format_bytes(double(total)), finished_.load(), files_.size()));
    }
  }

  const HubSettings& settings_;
  const HubRepository& repository_;
  const std::string& commit_;
  const Destination& destination_;
  std::vector<HubFile> files_;

  std::atomic<size_t> next_{0}, finished_{0};
  std::atomic<int64_t> done_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 0;
  std::vector<std::string> lines_;
  std::exception_ptr error_;
};

fs::path find_offline(const HubSettings& settings, const PullRequest& request) {
  if (auto folder = cached_snapshot(settings.cache, request.repository)) return *folder;
  fail(ErrorKind::kNotFound,
       "{}: not in the cache {}, and HF_HUB_OFFLINE forbids to fetch it; unset that and pull again",
       request.repository.to_string(), settings.cache.string());
}

}  // namespace

fs::path pull(const HubSettings& settings, const PullRequest& request) {
  if (settings.offline) return find_offline(settings, request);
  HttpClient client(settings, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  HubListing listing = fetch_listing(client, request.repository);
  auto files = select_files(listing.files, request.include, request.exclude);
  for (HubFile& file : files)
    if (file.size < 0 || file.etag.empty())
      ask_for_facts(client, file_url(settings, request.repository, listing.commit, file.path),
                    file);
  auto destination = request.local_dir.empty()
                         ? cache_destination(settings.cache, request.repository, listing.commit)
                         : folder_destination(request.local_dir, listing.commit);
  Transfer(settings, request.repository, listing.commit, *destination, files).run(request.parallel);
  destination->finish_all();
  return destination->folder();
}

}  // namespace slm
