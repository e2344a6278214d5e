#include "text/jinja/machine.h"

#include <algorithm>

#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "util/error.h"

namespace slm::jinja {
namespace {

constexpr int64_t kBudget = int64_t{1} << 28;  // bytes
constexpr size_t kMaxText = 1 << 24;           // bytes of one string
constexpr int64_t kStep = 64;                  // what a step costs, in bytes
constexpr int kMaxDepth = 400;                 // of calls and nested nodes

struct Deeper {
  int& depth;
  explicit Deeper(int& d) : depth(d) {
    check(++depth <= kMaxDepth, "the template goes more than {} levels deep", kMaxDepth);
  }
  ~Deeper() { --depth; }
};

template <class T>
struct Restore {  // a member, when the scope ends
  T& place;
  T old;
  Restore(T& p, T value) : place(p), old(std::exchange(p, std::move(value))) {}
  ~Restore() { place = std::move(old); }
};

}  // namespace

Machine::Machine(const Dict& names, std::time_t now)
    : names_(names), now_(now), frame_(std::make_shared<Frame>()), left_(kBudget) {}

Machine::~Machine() {
  for (const FramePtr& f : frames_of_macros_) f->names.clear();
  for (const auto& n : namespaces_) n->members.items.clear();
}

Text Machine::run(const Body& body) { return captured(body); }

void Machine::spend(int64_t units) {
  left_ -= units;
  check(left_ >= 0, "the template takes too long or writes too much");
}

Value Machine::make_namespace(Dict members) {
  auto space = std::make_shared<Namespace>(Namespace{std::move(members)});
  namespaces_.push_back(space);
  return Value(std::move(space));
}

// --- expressions ---

Value Machine::evaluate(const Expr& expr) {
  Deeper guard(depth_);
  line_ = expr.line;
  spend(kStep);
  Value value = std::visit([&](const auto& node) { return value_of(node); }, expr.node);
  line_ = expr.line;
  if (const Text* text = value.text()) {
    check(text->size() <= kMaxText, "a string of more than {} bytes", kMaxText);
    spend(int64_t(text->size()));
  }
  return value;
}

Arguments Machine::evaluate(const Call& call) {
  Arguments out;
  for (const ExprPtr& e : call.values) out.values.push_back(evaluate(e));
  for (const auto& [name, e] : call.named) out.named.emplace_back(name, evaluate(e));
  return out;
}

std::optional<int64_t> Machine::bound(const ExprPtr& expr) {
  if (!expr) return {};
  Value value = evaluate(expr);
  if (value.is_none()) return {};
  return to_integer(value, "a slice");
}

Value Machine::look_up(std::string_view name) const {
  for (const Frame* f = frame_.get(); f; f = f->parent.get()) {
    if (auto it = f->names.find(name); it != f->names.end()) return it->second;
  }
  if (const Value* v = names_.find(name)) return *v;
  if (Function f = find_function(name)) return make_callable(f);
  return Value(Undefined{std::string(name)});
}

Value Machine::value_of(const Constant& e) { return e.value; }
Value Machine::value_of(const Name& e) { return look_up(e.name); }

Value Machine::value_of(const ListExpr& e) {
  std::vector<Value> items;
  for (const ExprPtr& item : e.items) items.push_back(evaluate(item));
  return make_list(std::move(items), e.tuple);
}

Value Machine::value_of(const DictExpr& e) {
  Dict dict;
  for (const auto& [k, v] : e.items) {
    Value key = evaluate(k);
    spend(int64_t(dict.items.size()));
    dict.set(to_text(key, "the key of a mapping"), evaluate(v));
  }
  return make_dict(std::move(dict));
}

Value Machine::value_of(const Member& e) { return member(evaluate(e.object), e.name); }

Value Machine::value_of(const Item& e) {
  Value object = evaluate(e.object);
  return item(object, evaluate(e.key));
}

Value Machine::value_of(const Slice& e) {
  Value object = evaluate(e.object);
  auto from = bound(e.from), to = bound(e.to), step = bound(e.step);
  Value out = slice(object, from, to, step.value_or(1));
  spend(out.extent().size);
  return out;
}

Value Machine::value_of(const CallExpr& e) {
  if (auto m = std::get_if<Member>(&e.function->node)) {
    Value object = evaluate(m->object);
    if (Method method = find_method(object, m->name)) {
      spend(object.extent().size);
      Value out = method(object, evaluate(e.call));
      spend(out.extent().size);
      return out;
    }
    Value function = member(object, m->name);
    check(function.callable() != nullptr, "a {} has no method \"{}\"", object.type_name(), m->name);
    return (*function.callable())(*this, evaluate(e.call));
  }
  Value function = evaluate(e.function);
  if (auto u = function.get<Undefined>()) {
    fail(ErrorKind::kInvalid, "\"{}\" is undefined", u->name);
  }
  check(function.callable() != nullptr, "a {} cannot be called", function.type_name());
  return (*function.callable())(*this, evaluate(e.call));
}

Value Machine::value_of(const Filter& e) {
  FilterFunction filter = find_filter(e.name);
  check(filter != nullptr, "there is no filter \"{}\" here", e.name);
  Value input = evaluate(e.input);
  spend(input.extent().size);
  Value out = filter(*this, input, evaluate(e.call));
  spend(out.extent().size);
  return out;
}

Value Machine::value_of(const Test& e) {
  TestFunction test = find_test(e.name);
  check(test != nullptr, "there is no test \"{}\" here", e.name);
  Value input = evaluate(e.input);
  return Value(test(input, evaluate(e.call)) != e.negated);
}

Value Machine::value_of(const Unary& e) {
  Value value = evaluate(e.operand);
  if (e.op == "not") return Value(!value.truth());
  Value minus = negated(value);
  return e.op == "-" ? minus : negated(minus);
}

Value Machine::value_of(const Binary& e) {
  Value left = evaluate(e.left);
  if (e.op == "and") return left.truth() ? evaluate(e.right) : left;
  if (e.op == "or") return left.truth() ? left : evaluate(e.right);
  Value out = arithmetic(e.op, left, evaluate(e.right));
  spend(out.extent().size);
  return out;
}

Value Machine::value_of(const Concat& e) {
  Text out;
  for (const ExprPtr& part : e.parts) {
    Text text = evaluate(part).str();
    spend(int64_t(text.size()));
    out += text;
  }
  return Value(std::move(out));
}

Value Machine::value_of(const Compare& e) {
  Value left = evaluate(e.first);
  for (const auto& [op, expr] : e.rest) {
    Value right = evaluate(expr);
    spend(std::min(left.extent().size, right.extent().size));
    if (op.ends_with("in")) spend(right.extent().size);
    if (!compare(op, left, right)) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Machine::value_of(const Conditional& e) {
  if (evaluate(e.test).truth()) return evaluate(e.then);
  return e.otherwise ? evaluate(e.otherwise) : Value(Undefined{"else of an inline if"});
}

// --- statements ---

Machine::Flow Machine::execute(const Body& body) {
  for (const auto& statement : body) {
    Flow flow = execute(*statement);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Machine::Flow Machine::execute(const Statement& statement) {
  Deeper guard(depth_);
  line_ = statement.line;
  spend(kStep);
  return std::visit([&](const auto& node) { return run_node(node); }, statement.node);
}

void Machine::write(const Text& text) {
  spend(int64_t(text.size()));
  *out_ += text;
}

Text Machine::captured(const Body& body) {
  Text text;
  Restore<Text*> out(out_, &text);
  execute(body);
  return text;
}

Machine::Flow Machine::run_node(const PlainText& s) { return write(s.text), Flow::kNext; }
Machine::Flow Machine::run_node(const Print& s) {
  return write(evaluate(s.value).str()), Flow::kNext;
}

Machine::Flow Machine::run_node(const If& s) {
  for (const auto& [test, then] : s.branches) {
    if (evaluate(test).truth()) return execute(then);
  }
  return execute(s.otherwise);
}

void Machine::assign(const std::vector<std::string>& targets, const Value& value) {
  if (targets.size() == 1) {
    frame_->names[targets.front()] = value;
    return;
  }
  std::vector<Value> parts = elements(value);
  check(parts.size() == targets.size(), "{} names for {} values", targets.size(), parts.size());
  for (size_t i = 0; i < parts.size(); ++i) frame_->names[targets[i]] = parts[i];
}

// What a loop goes through: the elements that satisfy its condition.
std::vector<Value> Machine::selected(const For& loop) {
  Value list = evaluate(loop.list);
  spend(list.extent().size);
  std::vector<Value> all = elements(list);
  if (!loop.condition) return all;
  std::vector<Value> out;
  Restore<FramePtr> scope(frame_, std::make_shared<Frame>(Frame{frame_, {}}));
  for (Value& v : all) {
    assign(loop.targets, v);
    if (evaluate(loop.condition).truth()) out.push_back(std::move(v));
  }
  return out;
}

namespace {

// `memory`: a namespace for what loop.changed() was given last.
Value loop_value(const std::vector<Value>& items, size_t i, const Value& memory) {
  auto n = int64_t(items.size()), at = int64_t(i);
  Dict loop;
  auto set = [&](const char* name, Value value) { loop.set(Text(name), std::move(value)); };
  set("index0", Value(at));
  set("index", Value(at + 1));
  set("revindex", Value(n - at));
  set("revindex0", Value(n - at - 1));
  set("first", Value(i == 0));
  set("last", Value(at + 1 == n));
  set("length", Value(n));
  set("previtem", i > 0 ? items[i - 1] : Value(Undefined{"previtem"}));
  set("nextitem", at + 1 < n ? items[i + 1] : Value(Undefined{"nextitem"}));
  set("cycle", make_callable([i](Machine&, const Arguments& a) {
        check(!a.values.empty(), "loop.cycle() of nothing");
        return a.values[i % a.values.size()];
      }));
  set("changed", make_callable([memory](Machine&, const Arguments& a) {
        Value now = make_list(a.values);
        const Value* last = memory.space()->members.find("last");
        bool same = last && equal(*last, now);
        memory.space()->members.set(Text("last"), now);
        return Value(!same);
      }));
  return make_dict(std::move(loop));
}

}  // namespace

Machine::Flow Machine::run_node(const For& s) {
  std::vector<Value> items = selected(s);
  if (items.empty()) return execute(s.otherwise);
  Value memory = make_namespace({});
  bool completed = false;  // as in the original, a loop left early in its first round is none
  for (size_t i = 0; i < items.size(); ++i) {
    spend(kStep * 16 + items[i].extent().size);
    Restore<FramePtr> scope(frame_, std::make_shared<Frame>(Frame{frame_, {}}));
    frame_->names["loop"] = loop_value(items, i, memory);
    assign(s.targets, items[i]);
    Flow flow = execute(s.body);
    completed |= flow == Flow::kNext;
    if (flow == Flow::kBreak) break;
  }
  return completed ? Flow::kNext : execute(s.otherwise);
}

Value Machine::filtered_body(const ExprPtr& value, const Body& body) {
  Restore<FramePtr> scope(frame_, std::make_shared<Frame>(Frame{frame_, {}}));
  Text text = captured(body);
  frame_->names[kBodyName] = Value(std::move(text));
  return evaluate(value);
}

Machine::Flow Machine::run_node(const Set& s) {
  Value value = s.block ? filtered_body(s.value, s.body) : evaluate(s.value);
  if (s.member.empty()) return assign(s.targets, value), Flow::kNext;
  auto space = look_up(s.targets.front()).space();
  check(space != nullptr, "only members of a namespace can be set, and \"{}\" is none",
        s.targets.front());
  spend(value.extent().size + int64_t(space->members.items.size()));
  space->members.set(Text(s.member), std::move(value));
  return Flow::kNext;
}

Machine::Flow Machine::run_node(const FilterBlock& s) {
  return write(filtered_body(s.value, s.body).str()), Flow::kNext;
}

Machine::Flow Machine::run_node(const Scope& s) {
  auto inner = std::make_shared<Frame>(Frame{frame_, {}});
  for (const auto& [name, value] : s.names) inner->names[name] = evaluate(value);
  Restore<FramePtr> scope(frame_, inner);
  return execute(s.body);
}

Machine::Flow Machine::run_node(const Macro& s) {
  FramePtr home = frame_;
  frames_of_macros_.push_back(home);
  frame_->names[s.name] = make_callable(
      [&s, home](Machine& m, const Arguments& a) { return m.call_macro(s, home, a); });
  return Flow::kNext;
}

Value Machine::call_macro(const Macro& macro, const FramePtr& home, const Arguments& arguments) {
  Deeper guard(depth_);
  check(arguments.values.size() <= macro.parameters.size(), "macro {} takes {} arguments, not {}",
        macro.name, macro.parameters.size(), arguments.values.size());
  for (const auto& [name, value] : arguments.named) {
    check(std::ranges::find(macro.parameters, name, [](const auto& p) { return p.first; }) !=
              macro.parameters.end(),
          "macro {} has no argument \"{}\"", macro.name, name);
  }
  Restore<FramePtr> scope(frame_, std::make_shared<Frame>(Frame{home, {}}));
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const auto& [name, otherwise] = macro.parameters[i];
    const Value* given = arguments.find(i, name);
    Value value = given ? *given : otherwise ? evaluate(otherwise) : Value(Undefined{name});
    frame_->names[name] = std::move(value);
  }
  return Value(captured(macro.body));
}

}  // namespace slm::jinja
