#include "data/parquet/schema.h"

#include "util/error.h"

namespace slm {
namespace {

class SchemaReader {
 public:
  SchemaReader(std::span<const ParquetElement> elements, const std::string& origin)
      : elements_(elements), origin_(origin) {}

  ParquetSchema read() {
    const ParquetElement& root = take();
    for (int64_t i = 0; i < root.children; ++i) out_.fields.push_back(node({}, {}));
    check_data(at_ == elements_.size(), "{}: {} columns are in no group", origin_,
               elements_.size() - at_);
    return std::move(out_);
  }

 private:
  struct Levels {
    int definition = 0, repetition = 0;
  };

  const ParquetElement& take() {
    check_data(at_ < elements_.size(), "{}: the schema is cut off", origin_);
    return elements_[at_++];
  }

  ParquetNode node(const std::string& parents, Levels levels) {
    constexpr int kMaxDepth = 32;
    check_data(depth_ < kMaxDepth, "{}: columns nested deeper than {}", origin_, kMaxDepth);
    ++depth_;
    const ParquetElement& e = take();
    std::string path = parents.empty() ? e.name : parents + "." + e.name;
    ParquetNode out;
    if (e.repetition == ParquetRepetition::kRepeated) {  // a list that is not marked as one
      out = list_of(levels, [&](Levels inner) { return content(e, path, inner); });
    } else {
      bool optional = e.repetition == ParquetRepetition::kOptional;
      levels.definition += optional;
      out = e.list ? annotated_list(e, path, levels) : content(e, path, levels);
      out.optional = optional;
    }
    out.name = e.name;
    --depth_;
    return out;
  }

  // What an element is, its own repetition aside.
  ParquetNode content(const ParquetElement& e, const std::string& path, Levels levels) {
    ParquetNode out{.definition = levels.definition,
                    .repetition = levels.repetition,
                    .column = out_.leaves.size(),
                    .meaning = e.meaning,
                    .narrow = e.type == ParquetType::kInt32,
                    .scale = e.scale};
    if (e.children > 0) {
      out.kind = ParquetNode::Kind::kStruct;
      for (int64_t i = 0; i < e.children; ++i) out.children.push_back(node(path, levels));
      return out;
    }
    check_data(e.type.has_value(), "{}: column {} has no type and no children", origin_, path);
    check_data(*e.type != ParquetType::kFixedBytes || e.type_length > 0,
               "{}: column {} has values of {} bytes", origin_, path, e.type_length);
    out_.leaves.push_back({path, {*e.type, e.type_length}, levels.definition, levels.repetition});
    return out;
  }

  template <class Item>
  ParquetNode list_of(Levels levels, Item item) {
    ParquetNode out{.kind = ParquetNode::Kind::kList,
                    .definition = levels.definition,
                    .repetition = levels.repetition + 1,
                    .column = out_.leaves.size()};
    out.children.push_back(item(Levels{levels.definition + 1, levels.repetition + 1}));
    return out;
  }

  // A marked list holds one repeated element. That is the item itself in files of old writers, and
  // only a wrapper around it in all others.
  ParquetNode annotated_list(const ParquetElement& e, const std::string& path, Levels levels) {
    const ParquetElement& repeated = take();
    check_data(e.children == 1 && repeated.repetition == ParquetRepetition::kRepeated,
               "{}: the list {} has no repeated item", origin_, path);
    std::string inner_path = path + "." + repeated.name;
    bool item =
        repeated.children != 1 || repeated.name == "array" || repeated.name == e.name + "_tuple";
    return list_of(levels, [&](Levels inner) {
      return item ? content(repeated, inner_path, inner) : node(inner_path, inner);
    });
  }

  std::span<const ParquetElement> elements_;
  const std::string& origin_;
  ParquetSchema out_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

ParquetSchema read_parquet_schema(std::span<const ParquetElement> elements,
                                  const std::string& origin) {
  return SchemaReader(elements, origin).read();
}

}  // namespace slm
