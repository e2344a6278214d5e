#include "text/jinja/parser.h"

#include <algorithm>
#include <initializer_list>

#include "text/jinja/lexer.h"
#include "util/error.h"

namespace slm::jinja {
namespace {

constexpr int kMaxNesting = 64;  // brackets and blocks
constexpr int kMaxDepth = 200;   // of an expression, with chains like a + b + c

// The deepest of the expressions a node consists of.
struct Deepest {
  int depth = 0;
  void operator()(const ExprPtr& e) {
    if (e) depth = std::max(depth, e->depth);
  }
  template <class T>
  void operator()(const std::vector<T>& list) {
    for (const auto& item : list) (*this)(item);
  }
  template <class A, class B>
  void operator()(const std::pair<A, B>& pair) {
    (*this)(pair.first);
    (*this)(pair.second);
  }
  void operator()(const std::string&) {}
  void operator()(const Call& c) { (*this)(c.values), (*this)(c.named); }

  void operator()(const Constant&) {}
  void operator()(const Name&) {}
  void operator()(const ListExpr& n) { (*this)(n.items); }
  void operator()(const DictExpr& n) { (*this)(n.items); }
  void operator()(const Member& n) { (*this)(n.object); }
  void operator()(const Item& n) { (*this)(n.object), (*this)(n.key); }
  void operator()(const Slice& n) {
    (*this)(n.object), (*this)(n.from), (*this)(n.to), (*this)(n.step);
  }
  void operator()(const CallExpr& n) { (*this)(n.function), (*this)(n.call); }
  void operator()(const Filter& n) { (*this)(n.input), (*this)(n.call); }
  void operator()(const Test& n) { (*this)(n.input), (*this)(n.call); }
  void operator()(const Unary& n) { (*this)(n.operand); }
  void operator()(const Binary& n) { (*this)(n.left), (*this)(n.right); }
  void operator()(const Concat& n) { (*this)(n.parts); }
  void operator()(const Compare& n) { (*this)(n.first), (*this)(n.rest); }
  void operator()(const Conditional& n) { (*this)(n.test), (*this)(n.then), (*this)(n.otherwise); }
};

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)) {}

  Body run() {
    Body body = block({});
    if (now().kind != Token::kEnd) error(format("\"{}\" without its beginning", block_name()));
    return body;
  }

 private:
  using Names = std::initializer_list<std::string_view>;

  [[noreturn]] void error(std::string_view what) const {
    fail(ErrorKind::kCorrupt, "line {}: {}", now().line, what);
  }
  [[noreturn]] void expected(std::string_view what) const {
    const Token& t = now();
    bool shown = t.kind == Token::kName || t.kind == Token::kOperator;
    error(format("expected {}, found {}", what, shown ? "\"" + t.text + "\"" : "something else"));
  }

  const Token& now() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool at(Token::Kind kind, std::string_view text) const { return now().is(kind, text); }
  bool take(Token::Kind kind, std::string_view text) {
    if (!at(kind, text)) return false;
    ++at_;
    return true;
  }
  bool take_op(std::string_view op) { return take(Token::kOperator, op); }
  bool take_word(std::string_view word) { return take(Token::kName, word); }
  void need_op(std::string_view op) {
    if (!take_op(op)) expected(format("\"{}\"", op));
  }
  std::string need_name() {
    if (now().kind != Token::kName) expected("a name");
    return tokens_[at_++].text;
  }
  void end_tag() {
    if (now().kind != Token::kBlockEnd) expected("%}");
    ++at_;
  }

  struct Nested {  // guards the recursion
    Parser& parser;
    explicit Nested(Parser& p) : parser(p) {
      if (++p.nesting_ > kMaxNesting) p.error(format("more than {} levels", kMaxNesting));
    }
    ~Nested() { --parser.nesting_; }
  };

  template <class Node>
  ExprPtr make(Node node, int line) {
    Deepest deepest;
    deepest(node);
    if (deepest.depth >= kMaxDepth) error(format("an expression of more than {} parts", kMaxDepth));
    return ExprPtr(new Expr{std::move(node), line, deepest.depth + 1});
  }

  // --- statements ---

  std::string_view block_name() const {
    bool named = now().kind == Token::kBlockBegin && ahead().kind == Token::kName;
    return named ? std::string_view(ahead().text) : std::string_view();
  }

  // Statements up to a block with one of the names, which is left where it is.
  Body block(Names ends) {
    Nested guard(*this);
    Body body;
    while (now().kind != Token::kEnd) {
      if (now().kind == Token::kBlockBegin && std::ranges::find(ends, block_name()) != ends.end()) {
        return body;
      }
      statement(body);
    }
    if (ends.size() > 0) error(format("expected {{% {} %}} before the end", *(ends.end() - 1)));
    return body;
  }
  void close(std::string_view name) {  // {% name %}
    ++at_;
    if (!take_word(name)) expected(name);
    end_tag();
  }

  template <class Node>
  void add(Body& body, Node node, int line) {
    body.push_back(std::unique_ptr<const Statement>(new Statement{std::move(node), line}));
  }

  void statement(Body& body) {
    int line = now().line;
    if (now().kind == Token::kText) return add(body, PlainText{Text(tokens_[at_++].text)}, line);
    if (now().kind == Token::kPrintBegin) {
      ++at_;
      Print print{tuple({})};
      if (now().kind != Token::kPrintEnd) expected("}}");
      ++at_;
      return add(body, std::move(print), line);
    }
    if (block_name().empty()) return ++at_, expected("the name of a block");
    struct Kind {
      std::string_view name;
      void (Parser::*read)(Body&, int line);
    };
    static constexpr Kind kKinds[] = {
        {"if", &Parser::if_block},           {"for", &Parser::for_block},
        {"set", &Parser::set_block},         {"macro", &Parser::macro_block},
        {"filter", &Parser::filter_block},   {"with", &Parser::with_block},
        {"break", &Parser::jump<Break>},     {"continue", &Parser::jump<Continue>},
        {"generation", &Parser::generation},
    };
    auto kind = std::ranges::find(kKinds, block_name(), &Kind::name);
    if (kind == std::end(kKinds)) {
      error(format("{{% {} %}} is not supported here", block_name()));
    }
    at_ += 2;
    (this->*kind->read)(body, line);
  }

  void if_block(Body& body, int line) {
    If node;
    for (;;) {
      ExprPtr test = tuple({});
      end_tag();
      Body then = block({"elif", "else", "endif"});
      node.branches.emplace_back(std::move(test), std::move(then));
      if (block_name() != "elif") break;
      at_ += 2;
    }
    if (block_name() == "else") {
      close("else");
      node.otherwise = block({"endif"});
    }
    close("endif");
    add(body, std::move(node), line);
  }

  std::vector<std::string> targets() {
    bool bracket = take_op("(");
    std::vector<std::string> names;
    do names.push_back(need_name());
    while (take_op(",") && now().kind == Token::kName && !at(Token::kName, "in"));
    if (bracket) need_op(")");
    return names;
  }

  void for_block(Body& body, int line) {
    For node;
    node.targets = targets();
    if (!take_word("in")) expected("in");
    node.list = tuple({"if", "recursive"}, false);
    if (take_word("if")) node.condition = expression();
    if (at(Token::kName, "recursive")) error("recursive loops are not supported");
    end_tag();
    ++loops_;
    node.body = block({"else", "endfor"});
    --loops_;
    if (block_name() == "else") {
      close("else");
      node.otherwise = block({"endfor"});
    }
    close("endfor");
    add(body, std::move(node), line);
  }

  // Filters around a body: {% set x | upper %}, {% filter upper %}.
  ExprPtr around_body(bool bar_first) {
    ExprPtr value = make(Name{kBodyName}, now().line);
    if (!bar_first) value = filter(std::move(value));
    while (take_op("|")) value = filter(std::move(value));
    end_tag();
    return value;
  }

  void set_block(Body& body, int line) {
    Set node;
    node.targets.push_back(need_name());
    if (take_op(".")) {
      node.member = need_name();
    } else {
      while (take_op(",")) node.targets.push_back(need_name());
    }
    if (take_op("=")) {
      node.value = tuple({});
      end_tag();
    } else {
      node.block = true;
      node.value = around_body(true);
      node.body = block({"endset"});
      close("endset");
    }
    add(body, std::move(node), line);
  }

  void macro_block(Body& body, int line) {
    Macro node;
    node.name = need_name();
    need_op("(");
    while (!take_op(")")) {
      std::string name = need_name();
      node.parameters.emplace_back(std::move(name), take_op("=") ? expression() : nullptr);
      if (!at(Token::kOperator, ")")) need_op(",");
    }
    end_tag();
    int outer = std::exchange(loops_, 0);
    node.body = block({"endmacro"});
    loops_ = outer;
    close("endmacro");
    add(body, std::move(node), line);
  }

  void filter_block(Body& body, int line) {
    FilterBlock node;
    node.value = around_body(false);
    node.body = block({"endfilter"});
    close("endfilter");
    add(body, std::move(node), line);
  }

  void with_block(Body& body, int line) {
    Scope node;
    while (now().kind == Token::kName) {
      std::string name = need_name();
      need_op("=");
      node.names.emplace_back(std::move(name), expression());
      if (!take_op(",")) break;
    }
    end_tag();
    node.body = block({"endwith"});
    close("endwith");
    add(body, std::move(node), line);
  }

  template <class Node>
  void jump(Body& body, int line) {
    if (loops_ == 0) error("outside of a loop");
    end_tag();
    add(body, Node{}, line);
  }

  // Marks what an assistant wrote, for training; here only what stands inside counts.
  void generation(Body& body, int line) {
    end_tag();
    Scope node;
    node.body = block({"endgeneration"});
    close("endgeneration");
    add(body, std::move(node), line);
  }

  // --- expressions, loosest first ---

  // One expression, or several with commas between them.
  ExprPtr tuple(Names ends, bool conditional = true) {
    int line = now().line;
    ExprPtr first = conditional ? expression() : disjunction();
    if (!at(Token::kOperator, ",")) return first;
    ListExpr list{.tuple = true};
    list.items.push_back(std::move(first));
    while (take_op(",")) {
      if (now().kind == Token::kPrintEnd || now().kind == Token::kBlockEnd ||
          at(Token::kOperator, ")")) {
        break;
      }
      bool end = now().kind == Token::kName && std::ranges::count(ends, now().text) > 0;
      if (end) break;
      list.items.push_back(conditional ? expression() : disjunction());
    }
    return make(std::move(list), line);
  }

  ExprPtr expression() {
    Nested guard(*this);
    int line = now().line;
    ExprPtr value = disjunction();
    while (take_word("if")) {
      ExprPtr test = disjunction();
      ExprPtr otherwise = take_word("else") ? expression() : nullptr;
      value = make(Conditional{std::move(test), std::move(value), std::move(otherwise)}, line);
    }
    return value;
  }

  // left op right op right ...: each side is read by `next`.
  template <class Next>
  ExprPtr chain(Token::Kind kind, Names ops, Next&& next) {
    ExprPtr left = next();
    for (;;) {
      const Token& t = now();
      if (t.kind != kind || std::ranges::count(ops, t.text) == 0) return left;
      int line = t.line;
      std::string op = tokens_[at_++].text;
      ExprPtr right = next();
      left = make(Binary{std::move(op), std::move(left), std::move(right)}, line);
    }
  }

  ExprPtr disjunction() {
    return chain(Token::kName, {"or"}, [&] { return conjunction(); });
  }
  ExprPtr conjunction() {
    return chain(Token::kName, {"and"}, [&] { return negation(); });
  }
  ExprPtr negation() {
    Nested guard(*this);
    int line = now().line;
    if (take_word("not")) return make(Unary{"not", negation()}, line);
    return comparison();
  }

  ExprPtr comparison() {
    int line = now().line;
    ExprPtr first = sum();
    std::vector<std::pair<std::string, ExprPtr>> rest;
    for (;;) {
      std::string op;
      for (std::string_view o : {"==", "!=", "<", "<=", ">", ">="}) {
        if (at(Token::kOperator, o)) op = o;
      }
      if (at(Token::kName, "in")) op = "in";
      if (at(Token::kName, "not") && ahead().is(Token::kName, "in")) op = "not in", ++at_;
      if (op.empty()) break;
      ++at_;
      rest.emplace_back(op, sum());
    }
    if (rest.empty()) return first;
    return make(Compare{std::move(first), std::move(rest)}, line);
  }

  ExprPtr sum() {
    return chain(Token::kOperator, {"+", "-"}, [&] { return concatenation(); });
  }
  ExprPtr concatenation() {
    int line = now().line;
    ExprPtr first = product();
    if (!at(Token::kOperator, "~")) return first;
    Concat node;
    node.parts.push_back(std::move(first));
    while (take_op("~")) node.parts.push_back(product());
    return make(std::move(node), line);
  }
  ExprPtr product() {
    return chain(Token::kOperator, {"*", "/", "//", "%"}, [&] { return power(); });
  }
  ExprPtr power() {
    return chain(Token::kOperator, {"**"}, [&] { return unary(true); });
  }

  ExprPtr unary(bool filters) {
    Nested guard(*this);
    int line = now().line;
    ExprPtr value;
    if (at(Token::kOperator, "-") || at(Token::kOperator, "+")) {
      std::string op = tokens_[at_++].text;
      value = make(Unary{op, unary(false)}, line);
    } else {
      value = primary();
    }
    value = postfix(std::move(value));
    return filters ? filters_and_tests(std::move(value)) : std::move(value);
  }

  ExprPtr primary() {
    const Token& t = now();
    int line = t.line;
    if (t.kind == Token::kName) return ++at_, name(t.text, line);
    if (t.kind == Token::kInteger) return ++at_, make(Constant{Value(t.integer)}, line);
    if (t.kind == Token::kFloat) return ++at_, make(Constant{Value(t.number)}, line);
    if (t.kind == Token::kString) {
      std::string text;
      while (now().kind == Token::kString) text += tokens_[at_++].text;
      return make(Constant{Value(Text(std::move(text)))}, line);
    }
    if (take_op("(")) {
      ExprPtr value = at(Token::kOperator, ")") ? make(ListExpr{.tuple = true}, line) : tuple({});
      need_op(")");
      return value;
    }
    if (take_op("[")) return list(line);
    if (take_op("{")) return dict(line);
    expected("a value");
  }

  ExprPtr name(const std::string& name, int line) {
    if (name == "true" || name == "True") return make(Constant{Value(true)}, line);
    if (name == "false" || name == "False") return make(Constant{Value(false)}, line);
    if (name == "none" || name == "None") return make(Constant{Value(None{})}, line);
    return make(Name{name}, line);
  }

  ExprPtr list(int line) {
    ListExpr node;
    while (!take_op("]")) {
      node.items.push_back(expression());
      if (!at(Token::kOperator, "]")) need_op(",");
    }
    return make(std::move(node), line);
  }

  ExprPtr dict(int line) {
    DictExpr node;
    while (!take_op("}")) {
      ExprPtr key = expression();
      need_op(":");
      node.items.emplace_back(std::move(key), expression());
      if (!at(Token::kOperator, "}")) need_op(",");
    }
    return make(std::move(node), line);
  }

  ExprPtr postfix(ExprPtr value) {
    for (;;) {
      int line = now().line;
      if (take_op(".")) {
        if (now().kind == Token::kInteger) {
          ExprPtr key = make(Constant{Value(tokens_[at_++].integer)}, line);
          value = make(Item{std::move(value), std::move(key)}, line);
        } else {
          std::string member = need_name();
          value = make(Member{std::move(value), std::move(member)}, line);
        }
      } else if (take_op("[")) {
        value = subscript(std::move(value), line);
      } else if (at(Token::kOperator, "(")) {
        Call arguments = call();
        value = make(CallExpr{std::move(value), std::move(arguments)}, line);
      } else {
        return value;
      }
    }
  }

  ExprPtr subscript(ExprPtr object, int line) {
    auto absent = [&] { return at(Token::kOperator, ":") || at(Token::kOperator, "]"); };
    ExprPtr from = absent() ? nullptr : expression();
    if (from && take_op("]")) return make(Item{std::move(object), std::move(from)}, line);
    need_op(":");
    ExprPtr to = absent() ? nullptr : expression(), step;
    if (take_op(":") && !absent()) step = expression();
    need_op("]");
    return make(Slice{std::move(object), std::move(from), std::move(to), std::move(step)}, line);
  }

  Call call() {
    Nested guard(*this);
    need_op("(");
    Call out;
    while (!take_op(")")) {
      if (at(Token::kOperator, "*") || at(Token::kOperator, "**")) {
        error("arguments from lists (*, **) are not supported");
      }
      if (now().kind == Token::kName && ahead().is(Token::kOperator, "=")) {
        std::string name = need_name();
        ++at_;
        out.named.emplace_back(std::move(name), expression());
      } else {
        if (!out.named.empty()) error("an argument without a name after one with a name");
        out.values.push_back(expression());
      }
      if (!at(Token::kOperator, ")")) need_op(",");
    }
    return out;
  }

  ExprPtr filter(ExprPtr input) {
    int line = now().line;
    std::string name = need_name();
    Call arguments = at(Token::kOperator, "(") ? call() : Call{};
    return make(Filter{std::move(input), std::move(name), std::move(arguments)}, line);
  }

  ExprPtr filters_and_tests(ExprPtr value) {
    for (;;) {
      int line = now().line;
      if (take_op("|")) {
        value = filter(std::move(value));
      } else if (take_word("is")) {
        value = test(std::move(value), line);
      } else if (at(Token::kOperator, "(")) {
        Call arguments = call();
        value = make(CallExpr{std::move(value), std::move(arguments)}, line);
      } else {
        return value;
      }
    }
  }

  ExprPtr test(ExprPtr input, int line) {
    bool negated = take_word("not");
    std::string name = need_name();
    Call arguments;
    const Token& t = now();
    bool value = t.kind == Token::kName || t.kind == Token::kString || t.kind == Token::kInteger ||
                 t.kind == Token::kFloat || t.is(Token::kOperator, "[") ||
                 t.is(Token::kOperator, "{");
    bool word = t.kind == Token::kName &&
                (t.text == "else" || t.text == "or" || t.text == "and" || t.text == "if" ||
                 t.text == "in" || t.text == "is" || t.text == "not" || t.text == "recursive");
    if (at(Token::kOperator, "(")) {
      arguments = call();
    } else if (value && !word) {
      arguments.values.push_back(postfix(primary()));
    }
    return make(Test{std::move(input), std::move(name), std::move(arguments), negated}, line);
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0, loops_ = 0;
};

}  // namespace

Body parse(std::string_view source) { return Parser(source).run(); }

}  // namespace slm::jinja
