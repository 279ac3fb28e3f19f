#include "penchant/import/record_builder.h"

#include <algorithm>
#include <cmath>

#include "penchant/catalog/json.h"
#include "penchant/catalog/text_form.h"
#include "penchant/catalog/time.h"

namespace penchant::import {
namespace {

bool is_true(std::string_view text) {
  return text == "1" || text == "true" || text == "True" || text == "TRUE" || text == "yes" || text == "t";
}

/// "Toy Story (1995)" -> 1995, or 0.
double year_in_title(std::string_view title) {
  if (title.size() < 6 || title.back() != ')' || title[title.size() - 6] != '(') return 0;
  double year = 0;
  return catalog::parse_number(title.substr(title.size() - 5, 4), year) && year >= 1800 && year < 2200 ? year
                                                                                                       : 0;
}

}  // namespace

bool parse_vector_text(std::string_view text, std::vector<float>& out) {
  out.clear();
  static constexpr std::string_view kBetween = " ,;[]()\t";
  for (;;) {
    const std::size_t begin = text.find_first_not_of(kBetween);
    if (begin == std::string_view::npos) return !out.empty();
    const std::size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    double number = 0;
    if (!catalog::parse_number(text.substr(begin, end - begin), number) ||
        out.size() >= catalog::kMaxVectorDim)
      return false;
    out.push_back(static_cast<float>(number));
    text.remove_prefix(end);
  }
}

const ColumnUse& RecordBuilder::use_of(std::uint32_t column, const std::vector<Column>& columns) {
  while (uses_.size() <= column) {  // a field that came up after the sample
    ColumnUse use;
    use.attribute = catalog::cut_utf8(columns[uses_.size()].name, catalog::kMaxIdBytes);
    use.field = plan_.role == Role::events ? Field::ignore : Field::attribute;
    if (use.attribute.starts_with("vectors.") && plan_.role == Role::items) {
      use.field = Field::vector;
      use.attribute = catalog::cut_utf8(std::string_view(use.attribute).substr(8), 64);
    }
    uses_.push_back(std::move(use));
  }
  return uses_[column];
}

std::string RecordBuilder::id_of(const Cell& cell, const ColumnUse& use, const char* what, std::string& out) {
  if (cell.kind == CellKind::number)
    out = catalog::number_text(cell.number);
  else if (cell.kind == CellKind::text)
    out = trim(cell.text);
  else
    out.clear();
  if (is_missing(out)) return std::string("missing ") + what;
  if (use.drop_dot_zero && out.ends_with(".0")) out.resize(out.size() - 2);
  if (out.size() > catalog::kMaxIdBytes) return std::string(what) + " id longer than 512 bytes";
  return {};
}

std::string RecordBuilder::cut(std::string_view text) {
  const auto kept = catalog::cut_utf8(text, catalog::kMaxTextBytes);
  texts_cut_ += kept.size() < text.size() ? 1 : 0;
  return std::string(kept);
}

void RecordBuilder::put_attribute(const Cell& cell, const ColumnUse& use, catalog::Attributes& out) {
  const std::string& name = use.genre_flag ? (scratch_ = "genres") : use.attribute;
  if (name.empty()) return;
  std::optional<catalog::AttributeValue> value;
  if (use.genre_flag) {
    if (trim(cell.text) != "1") return;
    auto& list = out[name];
    if (!std::holds_alternative<std::vector<std::string>>(list)) list = std::vector<std::string>();
    std::get<std::vector<std::string>>(list).push_back(use.attribute);
    return;
  }
  switch (cell.kind) {
    case CellKind::absent:
    case CellKind::vector: return;
    case CellKind::number:
      if (!std::isfinite(cell.number)) return;
      value = cell.number;
      break;
    case CellKind::flag: value = cell.number != 0; break;
    case CellKind::list: {
      std::vector<std::string> list;
      for (const auto& part : cell.list)
        if (!is_missing(trim(part))) list.push_back(cut(trim(part)));
      if (list.empty()) return;
      value = std::move(list);
      break;
    }
    case CellKind::text: {
      const std::string_view text = trim(cell.text);
      if (is_missing(text)) return;
      double number = 0;
      if (use.numeric && catalog::parse_number(text, number))
        value = number;
      else if (use.separator.empty())
        value = cut(text);
      else {
        std::vector<std::string> list;
        std::size_t at = 0;
        while (at <= text.size() && list.size() < catalog::kMaxListElements) {
          const std::size_t end = std::min(text.find(use.separator, at), text.size());
          if (const auto part = trim(text.substr(at, end - at)); !part.empty()) list.push_back(cut(part));
          at = end + use.separator.size();
        }
        if (list.empty()) return;
        value = std::move(list);
      }
    }
  }
  if (out.size() >= catalog::kMaxAttributes && !out.contains(name)) {
    ++attributes_dropped_;
    return;
  }
  out.insert_or_assign(name, std::move(*value));
}

void RecordBuilder::put_vector(const Cell& cell, const ColumnUse& use, catalog::Item& out) {
  catalog::ModalityVector vector{use.attribute, {}};
  if (cell.kind == CellKind::vector)
    vector.values = cell.vector;
  else if (cell.kind != CellKind::text || is_missing(trim(cell.text)))
    return;
  else if (!parse_vector_text(cell.text, vector.values)) {
    vector_problem_ = "vector '" + use.attribute + "' is not a list of numbers (the item is kept)";
    return;
  }
  if (vector.values.empty()) return;
  if (vector.values.size() > catalog::kMaxVectorDim ||
      !std::all_of(vector.values.begin(), vector.values.end(), [](float x) { return std::isfinite(x); })) {
    vector_problem_ = "vector '" + use.attribute + "' holds a number that is not finite (the item is kept)";
    return;
  }
  const auto [dimension, first] = dimensions_.try_emplace(use.attribute, vector.values.size());
  if (dimension->second != vector.values.size()) {
    vector_problem_ = "vector '" + use.attribute + "' does not have " + std::to_string(dimension->second) +
                      " numbers (the item is kept)";
    return;
  }
  out.vectors.push_back(std::move(vector));
}

void RecordBuilder::put_item_cell(const Cell& cell, const ColumnUse& use, catalog::Item& out) {
  if (use.field == Field::title) {
    if (cell.kind == CellKind::text && !is_missing(trim(cell.text)))
      out.title = cut(trim(cell.text));
    else if (cell.kind == CellKind::number)
      out.title = catalog::number_text(cell.number);
  } else if (use.field == Field::available) {
    out.available = cell.kind == CellKind::flag || cell.kind == CellKind::number
                        ? cell.number != 0
                        : is_missing(trim(cell.text)) || is_true(trim(cell.text));
  } else if (use.field == Field::vector) {
    put_vector(cell, use, out);
  } else if (use.field == Field::attribute) {
    put_attribute(cell, use, out.attributes);
  }
}

std::string RecordBuilder::item(const Row& row, const std::vector<Column>& columns, catalog::Item& out) {
  out = {};
  vector_problem_.clear();
  std::string problem = "missing item";
  for (std::size_t i = 0; i < row.used; ++i) {
    const Cell& cell = row.cells[i];
    const ColumnUse& use = use_of(cell.column, columns);
    if (use.field == Field::item) {
      problem = id_of(cell, use, "item", out.id);
      if (!problem.empty()) return problem;
    } else {
      put_item_cell(cell, use, out);
    }
  }
  if (plan_.layout.movielens)
    if (const double year = year_in_title(out.title); year > 0) out.attributes.insert_or_assign("year", year);
  return problem;
}

std::string RecordBuilder::user(const Row& row, const std::vector<Column>& columns, catalog::User& out) {
  out = {};
  std::string problem = "missing user";
  for (std::size_t i = 0; i < row.used; ++i) {
    const Cell& cell = row.cells[i];
    const ColumnUse& use = use_of(cell.column, columns);
    if (use.field == Field::user) {
      problem = id_of(cell, use, "user", out.id);
      if (!problem.empty()) return problem;
    } else if (use.field == Field::attribute || use.field == Field::user_attribute) {
      put_attribute(cell, use, out.attributes);
    }
  }
  return problem;
}

std::string RecordBuilder::event_cell(const Cell& cell, const ColumnUse& use, EventDraft& out) {
  const auto number_of = [&](double& number) {
    return cell.kind == CellKind::text
               ? catalog::parse_number(trim(cell.text), number)
               : (number = cell.number, cell.kind == CellKind::number && std::isfinite(number));
  };
  const bool missing = cell.kind == CellKind::text && is_missing(trim(cell.text));
  double number = 0;
  switch (use.field) {
    case Field::user: return id_of(cell, use, "user", out.event.user);
    case Field::item: return id_of(cell, use, "item", out.event.item);
    case Field::value:
      if (cell.kind == CellKind::flag)
        number = cell.number;
      else if (missing && trim(cell.text) != "NaN" && trim(cell.text) != "nan")
        return {};
      else if (!number_of(number))
        return "value is not a finite number";
      out.event.value = number;
      return {};
    case Field::time: {
      if (missing) return "missing time";
      const auto time =
          cell.kind == CellKind::text ? catalog::parse_time_ms(cell.text) : catalog::epoch_to_ms(cell.number);
      if (!time.ok()) return "bad time";
      out.event.time_ms = *time;
      has_time_ = true;
      return {};
    }
    case Field::position:
    case Field::days:
      if (!number_of(number) || std::fabs(number) > 1e12)
        return use.field == Field::days ? "bad days_since_first" : "bad position";
      if (use.field == Field::position) out.position = static_cast<std::int64_t>(number);
      if (use.field == Field::days || plan_.time == TimeKind::position) {
        if (use.field == Field::days && std::fabs(number) > 100'000) return "bad days_since_first";
        out.event.time_ms =
            use.field == Field::days ? static_cast<std::int64_t>(number * 86'400'000.0) : out.position;
        has_time_ = true;
      }
      return {};
    case Field::type: {
      const std::string text = cell.kind == CellKind::text     ? std::string(trim(cell.text))
                               : cell.kind == CellKind::number ? catalog::number_text(cell.number)
                                                               : "";
      if (text.size() > 64) return "event type longer than 64 bytes";
      if (!is_missing(text)) out.event.type = catalog::cut_utf8(catalog::fold_case(text), 64);
      return {};
    }
    case Field::key:
    case Field::recommendation: {
      std::string& target = use.field == Field::key ? out.event.idempotency_key : out.event.recommendation_id;
      if (!missing) {
        const std::string problem = id_of(cell, use, name_of(use.field), target);
        if (!problem.empty()) return problem;
      }
      return {};
    }
    case Field::title:
    case Field::available:
    case Field::vector:
    case Field::attribute:
      put_item_cell(cell, use, out.item);
      out.has_item_facts = true;
      return {};
    case Field::user_attribute: put_attribute(cell, use, out.user); return {};
    case Field::ignore:
    case Field::query: return {};
  }
  return {};
}

std::string RecordBuilder::event(const Row& row, const std::vector<Column>& columns, EventDraft& out) {
  out = {};
  out.event.type = plan_.default_type;
  vector_problem_.clear();
  has_time_ = false;
  for (std::size_t i = 0; i < row.used; ++i) {
    const Cell& cell = row.cells[i];
    const std::string problem = event_cell(cell, use_of(cell.column, columns), out);
    if (!problem.empty()) return problem;
  }
  if (out.event.user.empty()) return "missing user";
  if (out.event.item.empty()) return "missing item";
  if (!has_time_ && plan_.time != TimeKind::row_order)
    return plan_.time == TimeKind::position ? "missing position" : "missing time";
  if (plan_.quantity && out.event.value.value_or(1) <= 0) return "cancellation (quantity of 0 or less)";
  out.item.id = out.event.item;
  return {};
}

}  // namespace penchant::import
