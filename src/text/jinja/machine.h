// Runs a parsed template: names and their scopes, limits, output. One per rendering.
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/value.h"

namespace slm::jinja {

class Machine {
 public:
  // `names`: what the template may refer to. `now`: for strftime_now.
  Machine(const Dict& names, std::time_t now);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Text run(const Body& body);  // errors without a place; see line()
  int line() const { return line_; }
  std::time_t now() const { return now_; }

  // Every step costs, and every byte made: a template that would need too much of either fails.
  void spend(int64_t units);
  Value make_namespace(Dict members);

 private:
  struct Frame {
    std::shared_ptr<Frame> parent;
    std::map<std::string, Value, std::less<>> names;
  };
  using FramePtr = std::shared_ptr<Frame>;
  enum class Flow { kNext, kBreak, kContinue };

  Value evaluate(const Expr& expr);
  Value evaluate(const ExprPtr& expr) { return evaluate(*expr); }
  Arguments evaluate(const Call& call);
  std::optional<int64_t> bound(const ExprPtr& expr);
  Value look_up(std::string_view name) const;

  Value value_of(const Constant& e);
  Value value_of(const Name& e);
  Value value_of(const ListExpr& e);
  Value value_of(const DictExpr& e);
  Value value_of(const Member& e);
  Value value_of(const Item& e);
  Value value_of(const Slice& e);
  Value value_of(const CallExpr& e);
  Value value_of(const Filter& e);
  Value value_of(const Test& e);
  Value value_of(const Unary& e);
  Value value_of(const Binary& e);
  Value value_of(const Concat& e);
  Value value_of(const Compare& e);
  Value value_of(const Conditional& e);

  Flow execute(const Body& body);
  Flow execute(const Statement& statement);
  Flow run_node(const PlainText& s);
  Flow run_node(const Print& s);
  Flow run_node(const If& s);
  Flow run_node(const For& s);
  Flow run_node(const Set& s);
  Flow run_node(const Macro& s);
  Flow run_node(const FilterBlock& s);
  Flow run_node(const Scope& s);
  Flow run_node(const Break&) { return Flow::kBreak; }
  Flow run_node(const Continue&) { return Flow::kContinue; }

  void write(const Text& text);
  Text captured(const Body& body);  // what it would write
  Value filtered_body(const ExprPtr& value, const Body& body);
  void assign(const std::vector<std::string>& targets, const Value& value);
  Value call_macro(const Macro& macro, const FramePtr& home, const Arguments& arguments);
  std::vector<Value> selected(const For& loop);

  const Dict& names_;
  std::time_t now_;
  FramePtr frame_;
  Text* out_ = nullptr;
  int line_ = 1, depth_ = 0;
  int64_t left_;
  // Kept to the end, then emptied: functions and namespaces may refer to each other in circles.
  std::vector<FramePtr> frames_of_macros_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
};

}  // namespace slm::jinja
