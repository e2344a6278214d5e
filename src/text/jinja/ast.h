// What a template consists of, as the parser leaves it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/value.h"

namespace slm::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<const Expr>;

struct Call {  // arguments in parentheses
  std::vector<ExprPtr> values;
  std::vector<std::pair<std::string, ExprPtr>> named;
};

struct Constant {
  Value value;
};
struct Name {
  std::string name;
};
struct ListExpr {
  std::vector<ExprPtr> items;
  bool tuple = false;
};
struct DictExpr {
  std::vector<std::pair<ExprPtr, ExprPtr>> items;
};
struct Member {  // object.name
  ExprPtr object;
  std::string name;
};
struct Item {  // object[key]
  ExprPtr object, key;
};
struct Slice {  // object[from:to:step], each may be null
  ExprPtr object, from, to, step;
};
struct CallExpr {
  ExprPtr function;
  Call call;
};
struct Filter {
  ExprPtr input;
  std::string name;
  Call call;
};
struct Test {
  ExprPtr input;
  std::string name;
  Call call;
  bool negated = false;
};
struct Unary {  // "-", "+" or "not"
  std::string op;
  ExprPtr operand;
};
struct Binary {  // arithmetic, "and", "or"
  std::string op;
  ExprPtr left, right;
};
struct Concat {  // ~
  std::vector<ExprPtr> parts;
};
struct Compare {  // a < b == c
  ExprPtr first;
  std::vector<std::pair<std::string, ExprPtr>> rest;
};
struct Conditional {  // a if test else b; b may be null
  ExprPtr test, then, otherwise;
};

struct Expr {
  std::variant<Constant, Name, ListExpr, DictExpr, Member, Item, Slice, CallExpr, Filter, Test,
               Unary, Binary, Concat, Compare, Conditional>
      node;
  int line = 0, depth = 0;
};

struct Statement;
using Body = std::vector<std::unique_ptr<const Statement>>;

struct PlainText {
  Text text;
};
struct Print {
  ExprPtr value;
};
struct If {
  std::vector<std::pair<ExprPtr, Body>> branches;  // the first whose test holds
  Body otherwise;
};
struct For {
  std::vector<std::string> targets;
  ExprPtr list, condition;  // condition may be null
  Body body, otherwise;     // otherwise: nothing to go through
};
struct Set {
  std::vector<std::string> targets;
  std::string member;  // not empty: of the namespace targets[0]
  ExprPtr value;
  bool block = false;  // the value is made from what the body writes, which it knows by kBodyName
  Body body;
};
struct Macro {
  std::string name;
  std::vector<std::pair<std::string, ExprPtr>> parameters;  // with default, or null
  Body body;
};
struct FilterBlock {  // writes what filters make of the body, as in Set
  ExprPtr value;
  Body body;
};
struct Scope {  // {% with %}: names that hold inside
  std::vector<std::pair<std::string, ExprPtr>> names;
  Body body;
};
struct Break {};
struct Continue {};

inline constexpr const char* kBodyName = "(body)";

struct Statement {
  std::variant<PlainText, Print, If, For, Set, Macro, FilterBlock, Scope, Break, Continue> node;
  int line = 0;
};

}  // namespace slm::jinja
