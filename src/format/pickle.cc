#include "format/pickle.h"

#include <algorithm>
#include <bit>
#include <string>
#include <unordered_map>
#include <utility>

namespace slm {
namespace {

constexpr size_t kMaxStack = size_t{1} << 20;
constexpr size_t kMaxValues = size_t{1} << 24;  // pushed in all: bounds memory to a few hundred MB
constexpr std::string_view kOrderedDict = "collections OrderedDict";

enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kPopMark = '1',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersistentId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kEmptyList = ']',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyTuple = ')',
  kEmptyDict = '}',
  kProtocol = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kShortBinUnicode = 0x8c,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

}  // namespace

class PickleMachine {
 public:
  PickleMachine(ByteReader& in, std::span<const std::string_view> allowed)
      : in_(in), allowed_(allowed) {}

  Pickle run() {
    while (true) {
      at_ = in_.position();
      uint8_t op = in_.number<uint8_t>("the pickle");
      if (op == kStop) break;
      if (!plain_value(op) && !container(op) && !memo(op) && !object(op)) refuse(op);
    }
    result_.root_ = pop();
    require(stack_.empty() && marks_.empty(), "values are left over at the end");
    return std::move(result_);
  }

 private:
  using Kind = PickleValue::Kind;

  void require(bool ok, std::string_view what) {
    check_data(ok, "{}: pickle byte {}: {}", in_.origin(), at_, what);
  }

  [[noreturn]] void refuse(uint8_t op) {
    fail(ErrorKind::kCorrupt, "{}: pickle byte {}: opcode 0x{:02x} is not allowed", in_.origin(),
         at_, op);
  }

  void push(PickleValue value) {
    require(stack_.size() < kMaxStack, "the stack is too deep");
    require(++values_ <= kMaxValues, "too many values");
    stack_.push_back(value);
  }

  PickleValue pop() {
    require(stack_.size() > (marks_.empty() ? 0 : marks_.back()), "the stack is empty");
    PickleValue value = stack_.back();
    stack_.pop_back();
    return value;
  }

  std::vector<PickleValue> pop_count(size_t count) {
    std::vector<PickleValue> values(count);
    for (size_t i = count; i-- > 0;) values[i] = pop();
    return values;
  }

  std::vector<PickleValue> pop_to_mark() {
    require(!marks_.empty(), "no mark is set");
    auto first = stack_.begin() + std::ptrdiff_t(marks_.back());
    std::vector<PickleValue> values(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return values;
  }

  void push_items(Kind kind, std::vector<PickleValue> items) {
    result_.items_.push_back(std::move(items));
    push({kind, int64_t(result_.items_.size()) - 1});
  }

  void push_integer(int64_t value) { push({Kind::kInteger, value}); }
  void push_text(size_t length) { push({Kind::kString, 0, in_.text(length, "a string")}); }

  bool plain_value(uint8_t op) {
    constexpr std::string_view kWhat = "a number of the pickle";
    switch (op) {
      case kNone:
        push({});
        return true;
      case kNewTrue:
        push({Kind::kBool, 1});
        return true;
      case kNewFalse:
        push({Kind::kBool, 0});
        return true;
      case kBinInt:
        push_integer(in_.number<int32_t>(kWhat));
        return true;
      case kBinInt1:
        push_integer(in_.number<uint8_t>(kWhat));
        return true;
      case kBinInt2:
        push_integer(in_.number<uint16_t>(kWhat));
        return true;
      case kLong1:
        push_long(in_.text(in_.number<uint8_t>(kWhat), kWhat));
        return true;
      case kBinFloat:  // the only big-endian number
        push({Kind::kFloat, int64_t(__builtin_bswap64(in_.number<uint64_t>(kWhat)))});
        return true;
      case kBinUnicode:
        push_text(in_.number<uint32_t>(kWhat));
        return true;
      case kShortBinUnicode:
      case kShortBinString:
        push_text(in_.number<uint8_t>(kWhat));
        return true;
      case kBinString: {
        int32_t length = in_.number<int32_t>(kWhat);
        require(length >= 0, "a string has a negative length");
        push_text(size_t(length));
        return true;
      }
      default:
        return false;
    }
  }

  // Two's complement, any length; zero bytes mean zero.
  void push_long(std::string_view bytes) {
    if (bytes.size() > 8) return push({Kind::kWideInteger, 0, bytes});
    uint64_t value = !bytes.empty() && (bytes.back() & 0x80) ? ~uint64_t{0} : 0;
    for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | uint8_t(bytes[i]);
    push_integer(int64_t(value));
  }

  bool container(uint8_t op) {
    switch (op) {
      case kMark:
        require(marks_.size() < kMaxStack, "too many marks");
        marks_.push_back(stack_.size());
        return true;
      case kPop:
        if (!marks_.empty() && marks_.back() == stack_.size()) {
          marks_.pop_back();
        } else {
          pop();
        }
        return true;
      case kPopMark:
        pop_to_mark();
        return true;
      case kEmptyDict:
        push_items(Kind::kDict, {});
        return true;
      case kEmptyList:
        push_items(Kind::kList, {});
        return true;
      case kEmptyTuple:
        push_items(Kind::kTuple, {});
        return true;
      case kTuple:
        push_items(Kind::kTuple, pop_to_mark());
        return true;
      case kTuple1:
        push_items(Kind::kTuple, pop_count(1));
        return true;
      case kTuple2:
        push_items(Kind::kTuple, pop_count(2));
        return true;
      case kTuple3:
        push_items(Kind::kTuple, pop_count(3));
        return true;
      case kAppend:
        extend(Kind::kList, pop_count(1));
        return true;
      case kAppends:
        extend(Kind::kList, pop_to_mark());
        return true;
      case kSetItem:
        extend(Kind::kDict, pop_count(2));
        return true;
      case kSetItems:
        extend(Kind::kDict, pop_to_mark());
        return true;
      default:
        return false;
    }
  }

  PickleValue& top(Kind kind) {
    require(stack_.size() > (marks_.empty() ? 0 : marks_.back()), "the stack is empty");
    require(stack_.back().kind == kind,
            kind == Kind::kList ? "a list is needed here" : "a dict is needed here");
    return stack_.back();
  }

  void extend(Kind kind, const std::vector<PickleValue>& added) {
    require(kind != Kind::kDict || added.size() % 2 == 0, "a dict key has no value");
    auto& items = result_.items_[size_t(top(kind).number)];
    items.insert(items.end(), added.begin(), added.end());
  }

  bool memo(uint8_t op) {
    constexpr std::string_view kWhat = "a memo index";
    switch (op) {
      case kBinPut:
        remember(in_.number<uint8_t>(kWhat));
        return true;
      case kLongBinPut:
        remember(in_.number<uint32_t>(kWhat));
        return true;
      case kMemoize:
        remember(uint32_t(memo_.size()));
        return true;
      case kBinGet:
        recall(in_.number<uint8_t>(kWhat));
        return true;
      case kLongBinGet:
        recall(in_.number<uint32_t>(kWhat));
        return true;
      default:
        return false;
    }
  }

  void remember(uint32_t index) {
    PickleValue value = pop();
    stack_.push_back(value);
    memo_[index] = value;
    require(memo_.size() <= kMaxStack, "too many memo entries");
  }

  void recall(uint32_t index) {
    auto it = memo_.find(index);
    require(it != memo_.end(), "an unknown memo entry is recalled");
    push(it->second);
  }

  bool object(uint8_t op) {
    switch (op) {
      case kProtocol:
        require(in_.number<uint8_t>("the protocol") <= 5, "unknown protocol");
        break;
      case kFrame:
        require(in_.number<uint64_t>("a frame length") <= in_.remaining(), "a frame is cut off");
        break;
      case kGlobal: {
        std::string_view module = line();
        push_global(module, line());
        break;
      }
      case kStackGlobal: {
        auto names = pop_count(2);
        require(names[0].kind == Kind::kString && names[1].kind == Kind::kString,
                "a global is not named by strings");
        push_global(names[0].text, names[1].text);
        break;
      }
      case kReduce:
        call();
        break;
      case kBuild:
        pop();
        top(Kind::kDict);
        break;
      case kBinPersistentId: {
        PickleValue id = pop();
        result_.persistent_ids_.push_back(id);
        push_items(Kind::kPersistent, {id});
        break;
      }
      default:
        return false;
    }
    return true;
  }

  std::string_view line() {
    constexpr size_t kMaxLine = 256;
    ByteReader ahead = in_;
    std::string_view text = ahead.text(std::min(kMaxLine, ahead.remaining()), "a name");
    size_t end = text.find('\n');
    require(end != std::string_view::npos, "the name of a global does not end");
    return in_.text(end + 1, "a name").substr(0, end);
  }

  void push_global(std::string_view module, std::string_view name) {
    std::string full = format("{} {}", module, name);
    if (full == kOrderedDict) return push({Kind::kGlobal, 0, kOrderedDict});
    auto it = std::find(allowed_.begin(), allowed_.end(), full);
    if (it == allowed_.end())
      fail(ErrorKind::kCorrupt,
           "{}: pickle byte {}: names \"{}.{}\", which is not allowed; only plain tensors are read",
           in_.origin(), at_, module, name);
    push({Kind::kGlobal, 0, *it});
  }

  void call() {
    auto parts = pop_count(2);
    require(parts[0].kind == Kind::kGlobal, "something that is not a global is called");
    require(parts[1].kind == Kind::kTuple, "the arguments of a call are not a tuple");
    if (parts[0].text == kOrderedDict) {
      require(result_.items(parts[1]).empty(), "an OrderedDict is built from arguments");
      return push_items(Kind::kDict, {});
    }
    push_items(Kind::kCall, std::move(parts));
  }

  ByteReader& in_;
  std::span<const std::string_view> allowed_;
  Pickle result_;
  std::vector<PickleValue> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint32_t, PickleValue> memo_;
  size_t at_ = 0, values_ = 0;
};

Pickle read_pickle(ByteReader& in, std::span<const std::string_view> allowed) {
  return PickleMachine(in, allowed).run();
}

}  // namespace slm
