// Zip archives made by hand, right or wrong on purpose.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slm::testing {

template <class T>
std::string little_endian(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

class ZipBuilder {
 public:
  // One member of the archive; tests spoil single fields of it.
  struct Member {
    std::string name, contents;
    std::string central_name = name;
    uint16_t flags = 0, method = 0;
    uint32_t packed = uint32_t(contents.size()), size = packed;
    std::string local_extra = {}, central_extra = {};
    int64_t local_offset = -1;  // -1: where it is
  };

  void add(Member member) { members_.push_back(std::move(member)); }
  void add(std::string name, std::string contents) { add({std::move(name), std::move(contents)}); }

  std::string build(bool zip64 = false, std::string_view comment = {}) const {
    std::string body, directory;
    for (const Member& m : members_) {
      std::string central =
          little_endian(uint32_t{0x02014b50}) + std::string(4, '\0') + little_endian(m.flags) +
          little_endian(m.method) + std::string(8, '\0') + little_endian(m.packed) +
          little_endian(m.size) + little_endian(uint16_t(m.central_name.size())) +
          little_endian(uint16_t(m.central_extra.size())) + std::string(10, '\0') +
          little_endian(m.local_offset < 0 ? uint32_t(body.size()) : uint32_t(m.local_offset));
      directory += central + m.central_name + m.central_extra;
      body += little_endian(uint32_t{0x04034b50}) + std::string(22, '\0') +
              little_endian(uint16_t(m.name.size())) +
              little_endian(uint16_t(m.local_extra.size())) + m.name + m.local_extra + m.contents;
    }
    return body + directory + end(body.size(), directory.size(), zip64, comment);
  }

 private:
  std::string end(size_t offset, size_t size, bool zip64, std::string_view comment) const {
    std::string out;
    if (zip64) {
      out = little_endian(uint32_t{0x06064b50}) + little_endian(uint64_t{44}) +
            std::string(20, '\0') + little_endian(uint64_t(members_.size())) +
            little_endian(uint64_t(size)) + little_endian(uint64_t(offset)) +
            little_endian(uint32_t{0x07064b50}) + std::string(4, '\0') +
            little_endian(uint64_t(offset + size)) + little_endian(uint32_t{1});
    }
    return out + little_endian(uint32_t{0x06054b50}) + std::string(6, '\0') +
           little_endian(zip64 ? uint16_t{0xffff} : uint16_t(members_.size())) +
           little_endian(zip64 ? 0xffffffffu : uint32_t(size)) +
           little_endian(zip64 ? 0xffffffffu : uint32_t(offset)) +
           little_endian(uint16_t(comment.size())) + std::string(comment);
  }

  std::vector<Member> members_;
};

}  // namespace slm::testing
