#include "penchant/import/file_plan.h"

#include <algorithm>
#include <filesystem>

#include "penchant/catalog/text_form.h"
#include "penchant/import/column_sample.h"

namespace penchant::import {
namespace {

bool contains_any(const std::string& name, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return name.find(word) != std::string::npos; });
}

Role hint_of(const std::string& name) {
  if (contains_any(name, {"judgment", "judgement", "qrel", "relevance"})) return Role::skip;
  if (contains_any(name, {"event", "interaction", "rating", "click", "view", "transaction", "purchase",
                          "order", "log", "history", "behavio", "feedback", "sessions", "inter"}))
    return Role::events;
  if (contains_any(name, {"item", "product", "movie", "film", "book", "catalog", "article", "track", "song",
                          "video", "meta", "jobs", "games"}))
    return Role::items;
  if (contains_any(name, {"user", "customer", "member", "people", "visitor", "applicant", "client"}))
    return Role::users;
  return Role::unknown;
}

class Planner {
 public:
  Planner(FilePlan& plan, const Sample& sample, const ImportOptions& options)
      : plan_(plan), sample_(sample), options_(options) {}

  Status run(Role forced) {
    plan_.columns = sample_.columns;
    plan_.uses.resize(plan_.columns.size());
    fixed_.resize(plan_.columns.size(), false);
    PENCHANT_DO(apply_map());
    PENCHANT_DO(choose_role(forced));
    if (plan_.role == Role::skip) return {};
    if (plan_.role == Role::events)
      PENCHANT_DO(plan_events());
    else
      PENCHANT_DO(plan_records());
    for (std::size_t i = 0; i < plan_.uses.size(); ++i) finish_use(i);
    return {};
  }

 private:
  const ColumnFigures& figures(std::size_t i) const { return sample_.figures[i]; }
  const std::string& column_name(std::size_t i) const { return plan_.columns[i].name; }

  Status apply_map() {
    for (const auto& map : options_.map) {
      const auto field = field_of(map.field);
      if (!field) {
        std::vector<std::string> known;
        for (int f = 0; f <= static_cast<int>(Field::vector); ++f)
          known.emplace_back(name_of(static_cast<Field>(f)));
        return invalid("--map " + map.field + "=" + map.column + ": unknown field '" + map.field + "'" +
                       catalog::near_names_hint(map.field, known));
      }
      for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
        if (catalog::fold_case(column_name(i)) != catalog::fold_case(map.column)) continue;
        plan_.uses[i].field = *field;
        fixed_[i] = true;
      }
    }
    return {};
  }

  bool fixed_has(Field field) const {
    for (std::size_t i = 0; i < fixed_.size(); ++i)
      if (fixed_[i] && plan_.uses[i].field == field) return true;
    return false;
  }

  /// Best column for a field that the caller did not map; npos if none fits.
  std::size_t best_column(Field field) const {
    std::size_t best = std::string::npos;
    int best_rank = 0;
    for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
      if (fixed_[i] || figures(i).filled == 0 || !fits(field, i)) continue;
      const auto match = match_name(column_name(i));
      if (!match || match->field != field) continue;
      if (best == std::string::npos || match->rank < best_rank) {
        best = i;
        best_rank = match->rank;
      }
    }
    return best;
  }

  bool fits(Field field, std::size_t i) const {
    const auto& f = figures(i);
    if (f.vectors > 0 || f.lists > 0) return false;
    switch (field) {
      case Field::time: return f.time_share() >= 0.5;
      case Field::value: return f.share(f.numbers) >= 0.9;
      case Field::position:
      case Field::days: return f.whole == f.filled;
      case Field::type: return f.values.size() <= 200;
      default: return true;
    }
  }

  std::size_t id_column() const {
    for (std::size_t i = 0; i < plan_.columns.size(); ++i)
      if (!fixed_[i] && squeeze(column_name(i)) == "id" && figures(i).filled > 0) return i;
    return std::string::npos;
  }

  bool available(Field field) const { return fixed_has(field) || best_column(field) != std::string::npos; }

  Status choose_role(Role forced) {
    const Role hint = hint_of(plain_name(plan_.path));
    plan_.role = forced != Role::unknown ? forced : plan_.layout.role;
    if (plan_.role != Role::unknown) return {};
    const bool user = available(Field::user), item = available(Field::item),
               id = id_column() != std::string::npos;
    if (!user && item && available(Field::query)) {
      plan_.role = Role::skip;
      plan_.skip_reason = "search judgments (query and item): not part of the store";
    } else if (user && item) {
      const std::size_t column = best_column(Field::item);
      const bool unique =
          column != std::string::npos && figures(column).values.size() == figures(column).filled;
      plan_.role = hint == Role::items && unique && best_column(Field::time) == std::string::npos
                       ? Role::items
                       : Role::events;
    } else if (item) {
      plan_.role = hint == Role::users && id ? Role::users : Role::items;
    } else if (user) {
      plan_.role = hint == Role::items && id ? Role::items : Role::users;
    } else if (id && (hint == Role::items || hint == Role::users)) {
      plan_.role = hint;
    } else if (id && best_column(Field::title) != std::string::npos) {
      plan_.role = Role::items;
    }
    return plan_.role == Role::unknown
               ? Status(unclear("cannot tell whether it holds items, users or events"))
               : Status();
  }

  Error unclear(const std::string& what) const {
    std::string found;
    for (std::size_t i = 0; i < plan_.columns.size() && i < 20; ++i)
      found.append(i == 0 ? "" : ", ")
          .append(column_name(i))
          .append(" (e.g. ")
          .append(figures(i).example)
          .append(")");
    if (plan_.columns.size() > 20) found.append(", …");
    return invalid(plan_.path + ": " + what + ". Columns found: " + found +
                   ". Say it with --map user=<column> --map item=<column> (also time, value, type, title), "
                   "or with --items FILE or --users FILE");
  }

  /// Gives the field its best column; false if there is none.
  bool assign(Field field) {
    if (fixed_has(field)) return true;
    const std::size_t i = best_column(field);
    if (i == std::string::npos) return false;
    plan_.uses[i].field = field;
    fixed_[i] = true;
    return true;
  }

  Status plan_records() {
    const Field own = plan_.role == Role::items ? Field::item : Field::user;
    if (!fixed_has(own)) {
      const std::size_t named = best_column(own), id = id_column();
      const auto rank = named == std::string::npos ? 1000 : match_name(column_name(named))->rank;
      std::size_t chosen = id != std::string::npos && rank > 2 ? id : named;
      if (chosen == std::string::npos && plan_.columns.size() == 1) chosen = 0;
      if (chosen == std::string::npos)
        return unclear(std::string("no column looks like the id of the ") +
                       (own == Field::item ? "item" : "user"));
      plan_.uses[chosen].field = own;
      fixed_[chosen] = true;
    }
    if (plan_.role == Role::items) {
      assign(Field::title);
      assign(Field::available);
    } else {
      const auto& f = figures(column_of(Field::user));
      plan_.gather =
          f.filled > 20 && static_cast<double>(f.values.size()) < 0.9 * static_cast<double>(f.filled);
      if (plan_.gather)
        plan_.notes.emplace_back(
            "several rows a user: each attribute gathers the different values in a list");
    }
    for (std::size_t i = 0; i < plan_.uses.size(); ++i)
      if (!fixed_[i]) plan_.uses[i].field = Field::attribute;
    return {};
  }

  std::size_t column_of(Field field) const {
    for (std::size_t i = 0; i < plan_.uses.size(); ++i)
      if (plan_.uses[i].field == field) return i;
    return std::string::npos;
  }

  Status plan_events() {
    if (!assign(Field::user)) return unclear("no column looks like the user");
    if (!assign(Field::item)) return unclear("no column looks like the item");
    for (const Field field : {Field::type, Field::key, Field::recommendation}) assign(field);
    PENCHANT_DO(plan_time());
    if (assign(Field::value)) {
      const std::string name = squeeze(column_name(column_of(Field::value)));
      plan_.quantity = name == "quantity" || name == "qty";
      if (plan_.quantity)
        plan_.default_type = "purchase";
      else if (contains_any(name, {"rating", "stars", "score", "overall"}))
        plan_.default_type = "rating";
    }
    if (!options_.default_event_type.empty()) plan_.default_type = options_.default_event_type;
    if (plan_.quantity)
      plan_.notes.emplace_back(
          "rows with a quantity of 0 or less are cancellations: rejected with that reason");
    plan_embedded();
    return {};
  }

  /// A column that is called a time and cannot be read as one must not be passed over in silence.
  Status check_unread_time() const {
    for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
      const auto match = match_name(column_name(i));
      const std::string name = squeeze(column_name(i));
      if (fixed_[i] || figures(i).filled == 0 || !match || match->field != Field::time || name == "day" ||
          name == "at")
        continue;
      return invalid(plan_.path + ": column '" + column_name(i) + "' looks like the time, but '" +
                     figures(i).example +
                     "' is not one. Write epoch seconds or milliseconds, or ISO 8601 (2010-12-31T08:26:00Z); "
                     "or name another column with --map time=<column>, "
                     "or go by the order of the rows with --map ignore=" +
                     column_name(i));
    }
    return {};
  }

  Status plan_time() {
    if (assign(Field::time)) {
      const auto& f = figures(column_of(Field::time));
      const bool order = f.numbers == f.filled && f.filled > 0 && f.max < 1e8;
      plan_.time = order ? TimeKind::position : TimeKind::epoch;
      if (!order) return {};
      plan_.uses[column_of(Field::time)].field = Field::position;
      plan_.notes.emplace_back("the time column holds small numbers: read as an order, not as dates");
      return {};
    }
    PENCHANT_DO(check_unread_time());
    if (assign(Field::days)) {
      plan_.time = TimeKind::since_first;
      assign(Field::position);
      plan_.notes.emplace_back("no absolute time: time_ms counts from the user's first event");
    } else if (assign(Field::position)) {
      plan_.time = TimeKind::position;
    } else {
      plan_.time = TimeKind::row_order;
      plan_.notes.emplace_back("no time and no position: the order of the rows is the order of the events");
    }
    return {};
  }

  /// Columns of an events file that describe its items or users.
  void plan_embedded() {
    const std::size_t item = column_of(Field::item), user = column_of(Field::user);
    const std::size_t title = fixed_has(Field::title) ? std::string::npos : best_column(Field::title);
    for (std::size_t i = 0; i < plan_.uses.size(); ++i) {
      if (fixed_[i]) continue;
      ColumnUse& use = plan_.uses[i];
      if (figures(i).vectors > 0 || plan_.columns[i].declared == "float_seq") {
        use.field = Field::vector;
        continue;
      }
      if (i >= kHashedColumns || item >= kHashedColumns || user >= kHashedColumns || figures(i).filled == 0)
        continue;
      const double by_item = settles(sample_, item, i), by_user = settles(sample_, user, i);
      if (i == title && (by_item < 0 || by_item >= 0.5))
        use.field = Field::title;
      else if (names_an_order(column_name(i)) || squeeze(column_name(i)) == "id")
        use.note = "belongs to the event";
      else if (by_item >= 0.8 && by_item >= by_user)
        use.field = Field::attribute;
      else if (by_user >= 0.8)
        use.field = Field::user_attribute;
      else if (names_an_item_fact(column_name(i)) && by_item > -1)
        use.field = Field::attribute;
      else
        use.note = by_item < 0 && by_user < 0
                       ? "too few repeats to tell whose it is; --map attribute=… keeps it"
                       : "belongs neither to the item nor to the user";
    }
  }

  void finish_use(std::size_t i) {
    ColumnUse& use = plan_.uses[i];
    const ColumnFigures& f = figures(i);
    const std::string& declared = plan_.columns[i].declared;
    use.example = f.example;
    if (use.field == Field::user || use.field == Field::item) {
      use.drop_dot_zero = f.filled > 0 && f.dot_zero == f.filled;
      if (use.drop_dot_zero) use.note = "\".0\" taken off";
    }
    if (use.field == Field::attribute && plan_.role != Role::users &&
        (f.vectors > 0 || declared == "float_seq"))
      use.field = Field::vector;
    use.attribute = catalog::cut_utf8(column_name(i), catalog::kMaxIdBytes);
    if (use.field == Field::vector) {
      if (use.attribute.starts_with("vectors.")) use.attribute.erase(0, 8);
      use.attribute = catalog::cut_utf8(use.attribute, 64);
      use.note = "vector";
    }
    if (use.field != Field::attribute && use.field != Field::user_attribute) return;
    if (plan_.layout.movielens && use.attribute.starts_with("genre:")) {
      use.genre_flag = true;
      use.attribute.erase(0, 6);
      use.note = "1 adds it to the list genres";
      return;
    }
    const bool list_name = names_a_list(column_name(i));
    use.numeric = f.filled > 0 && f.share(f.numbers) >= 0.99 && (f.leading_zero == 0 || declared == "float");
    if (declared == "token_seq")
      use.separator = " ";
    else if (!use.numeric && f.share(f.pipes) >= (list_name ? 0.0005 : 0.2))
      use.separator = "|";
    else if (list_name && f.share(f.semicolons) >= 0.1)
      use.separator = ";";
    else if (list_name && f.share(f.commas) >= 0.2)
      use.separator = ",";
    if (!use.separator.empty())
      use.note = use.separator == " " ? "list, split at spaces" : "list, split at " + use.separator;
    else if (f.lists > 0)
      use.note = "list";
    else if (use.numeric)
      use.note = "number";
    if (plan_.role == Role::events)
      use.note += std::string(use.note.empty() ? "" : ", ") +
                  (use.field == Field::attribute ? "of the item" : "of the user");
  }

  FilePlan& plan_;
  const Sample& sample_;
  const ImportOptions& options_;
  std::vector<bool> fixed_;  ///< columns that have their field
};

}  // namespace

bool FilePlan::has(Field field) const {
  return std::any_of(uses.begin(), uses.end(), [&](const ColumnUse& use) { return use.field == field; });
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_missing(std::string_view text) noexcept {
  return text.empty() || text == "NA" || text == "N/A" || text == "NaN" || text == "nan" || text == "NULL" ||
         text == "null" || text == "\\N";
}

Result<FilePlan> plan_file(const std::string& path, Role forced, const ImportOptions& options) {
  FilePlan plan;
  plan.path = path;
  PENCHANT_TRY(layout, detect_layout(path));
  plan.layout = std::move(layout);
  if (forced == Role::vectors && plan.layout.kind != LayoutKind::npy) forced = Role::items;  // vector columns
  if (forced != Role::unknown && plan.layout.role == Role::skip) plan.layout.role = forced;
  if (plan.layout.role == Role::skip || plan.layout.kind == LayoutKind::npy) {
    plan.role = plan.layout.role;
    plan.skip_reason = plan.layout.skip_reason;
    return plan;
  }
  PENCHANT_TRY(reader, open_rows(path, plan.layout));
  PENCHANT_TRY(sample, sample_rows(*reader));
  if (sample.columns.empty() || sample.rows.empty())
    return invalid(path + ": no usable rows" +
                   (sample.columns.empty() ? std::string() : " under the header"));
  if (plan.layout.format.latin1) plan.notes.emplace_back("not UTF-8: read as Latin-1 (Windows-1252)");
  PENCHANT_DO(Planner(plan, sample, options).run(forced));
  return plan;
}

std::vector<MappedColumn> mapping_of(const FilePlan& plan) {
  std::vector<MappedColumn> out;
  for (std::size_t i = 0; i < plan.uses.size(); ++i) {
    const ColumnUse& use = plan.uses[i];
    const char* field = use.field == Field::ignore ? "ignored" : name_of(use.field);
    if (use.field == Field::attribute && plan.role == Role::users) field = "user_attribute";
    out.push_back({field, plan.columns[i].name, use.note, use.example});
  }
  return out;
}

}  // namespace penchant::import
