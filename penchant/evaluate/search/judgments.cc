#include "penchant/evaluate/search/judgments.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace penchant::evaluate {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// Splits a stream into records of fields; never holds more than one record of kMaxJudgmentLine.
class Records {
 public:
  explicit Records(std::istream& in) : in_(in) {}
  /// Line that the last record began in, 1 = header.
  [[nodiscard]] std::size_t line() const { return begin_; }

  /// False at the end of the file. Empty lines are passed over.
  Result<bool> next(std::vector<std::string>& fields) {
    do {
      PENCHANT_TRY(more, record(fields));
      if (!more) return false;
    } while (fields.size() == 1 && fields[0].empty());
    return true;
  }

 private:
  int get() {
    if (at_ == filled_) {
      in_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
      filled_ = static_cast<std::size_t>(in_.gcount());
      at_ = 0;
      if (filled_ == 0) return -1;
    }
    return static_cast<unsigned char>(buffer_[at_++]);
  }
  int peek() {
    const int c = get();
    if (c >= 0) --at_;
    return c;
  }
  [[nodiscard]] Error broken(const std::string& what) const {
    return invalid("row " + std::to_string(begin_) + ": " + what);
  }

  Result<bool> record(std::vector<std::string>& fields) {
    fields.assign(1, "");
    begin_ = ++line_;
    std::size_t bytes = 0;
    bool quoted = false, any = false, was_quoted = false;
    for (int c = get(); c >= 0; c = get()) {
      any = true;
      if (++bytes > kMaxJudgmentLine)
        return broken("longer than " + std::to_string(kMaxJudgmentLine) +
                      " bytes; one judgment per line is expected");
      if (quoted) {
        if (c == '"' && peek() == '"') fields.back() += static_cast<char>(get());
        else if (c == '"') quoted = false;
        else {
          if (c == '\n') ++line_;
          fields.back() += static_cast<char>(c);
        }
        continue;
      }
      if (c == '\n') return true;
      if (c == '\r' && peek() == '\n') continue;
      if (separator_ == 0 && (c == ',' || c == '\t')) separator_ = static_cast<char>(c);
      if (separator_ != 0 && c == separator_) {
        fields.emplace_back();
        was_quoted = false;
      } else if (c == '"' && fields.back().empty() && !was_quoted) {
        quoted = was_quoted = true;
      } else if (was_quoted) {
        return broken("text after a closing quote in field " + std::to_string(fields.size()));
      } else {
        fields.back() += static_cast<char>(c);
      }
    }
    if (quoted) return broken("a quote is opened in field " + std::to_string(fields.size()) + " and never closed");
    return any;
  }

  std::istream& in_;
  std::array<char, 1 << 16> buffer_{};
  std::size_t at_ = 0, filled_ = 0, line_ = 0, begin_ = 0;
  char separator_ = 0;
};

struct Columns {
  std::size_t query = kNone, query_id = kNone, item = kNone, grade = kNone, count = 0;
};

std::size_t find_column(const std::vector<std::string>& header, std::initializer_list<std::string_view> names) {
  for (const auto name : names)
    for (std::size_t i = 0; i < header.size(); ++i)
      if (header[i] == name) return i;
  return kNone;
}

Result<Columns> read_header(std::vector<std::string> header) {
  if (header[0].starts_with("\xEF\xBB\xBF")) header[0].erase(0, 3);
  for (auto& name : header)
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const Columns columns{.query = find_column(header, {"query", "query_text"}),
                        .query_id = find_column(header, {"query_id", "qid"}),
                        .item = find_column(header, {"item_id", "item", "product_id", "doc_id"}),
                        .grade = find_column(header, {"grade", "rating", "relevance", "label"}),
                        .count = header.size()};
  const auto missing = [](const char* what) {
    return invalid(std::string("row 1: the header has no column ") + what +
                   "; a file of judgments begins with a line such as query,item_id,grade");
  };
  if (columns.query == kNone) return missing("query (the text that was asked)");
  if (columns.item == kNone) return missing("item_id");
  if (columns.grade == kNone) return missing("grade (or rating, relevance)");
  return columns;
}

std::string shown(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 60)) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return out + (text.size() > 60 ? "…\"" : "\"");
}

Result<double> read_grade(const std::string& text) {
  double grade = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), grade);
  if (error != std::errc() || end != text.data() + text.size() || !(grade >= 0 && grade <= kMaxGrade))
    return invalid("the grade " + shown(text) + " is not a number from 0 to " + std::to_string(static_cast<int>(kMaxGrade)));
  return grade;
}

class Collector {
 public:
  explicit Collector(std::span<const std::string> item_ids) {
    rows_.reserve(item_ids.size());
    for (std::uint32_t i = 0; i < item_ids.size(); ++i) rows_.emplace(item_ids[i], i);
  }

  Status add(const std::vector<std::string>& fields, const Columns& columns) {
    if (fields.size() != columns.count)
      return invalid("has " + std::to_string(fields.size()) + " fields, the header " + std::to_string(columns.count));
    const std::string& text = fields[columns.query];
    if (text.empty() || text.size() > kMaxQueryText)
      return invalid("the query must be a text of 1 to " + std::to_string(kMaxQueryText) + " bytes, it has " +
                     std::to_string(text.size()));
    const std::string& key = columns.query_id == kNone ? text : fields[columns.query_id];
    if (key.empty()) return invalid("query_id is empty");
    const auto item = rows_.find(fields[columns.item]);
    if (item == rows_.end())
      return invalid("item_id " + shown(fields[columns.item]) + " is not in the catalogue: import it, or leave the row out");
    PENCHANT_TRY(grade, read_grade(fields[columns.grade]));
    const auto [query, fresh] = queries_.try_emplace(key, out_.queries.size());
    if (fresh) out_.queries.push_back({text, {}});
    JudgedQuery& judged = out_.queries[query->second];
    if (judged.text != text)
      return invalid("query_id " + shown(key) + " has the text " + shown(text) + ", before it was " + shown(judged.text));
    if (!pairs_.insert(query->second << 32 | item->second).second)
      return invalid("item_id " + shown(fields[columns.item]) + " is judged for " + shown(text) + " a second time");
    judged.judged.push_back({item->second, grade});
    if (++out_.pairs > kMaxJudgments)
      return invalid("more than " + std::to_string(kMaxJudgments) + " judgments: split the file");
    return {};
  }
  Judgments take() { return std::move(out_); }

 private:
  std::unordered_map<std::string_view, std::uint32_t> rows_;  ///< views of the caller's ids
  std::unordered_map<std::string, std::uint64_t> queries_;
  std::unordered_set<std::uint64_t> pairs_;
  Judgments out_;
};

}  // namespace

Result<Judgments> read_judgments(const std::string& path, std::span<const std::string> item_ids) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    return Error{ErrorCode::not_found, path + ": there is no such file of judgments"};
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::io, path + ": cannot be opened for reading"};
  Records records(file);
  std::vector<std::string> fields;
  const auto within = [&](Error wrong) {
    return wrong.message.starts_with("row ") ? std::move(wrong).within(path)
                                             : std::move(wrong).within(path + ": row " + std::to_string(records.line()));
  };
  auto more = records.next(fields);
  if (!more.ok()) return within(std::move(more).error());
  if (!*more) return invalid(path + " is empty: a header such as query,item_id,grade is expected");
  auto columns = read_header(fields);
  if (!columns.ok()) return within(std::move(columns).error());
  Collector collector(item_ids);
  for (;;) {
    more = records.next(fields);
    if (!more.ok()) return within(std::move(more).error());
    if (!*more) break;
    Status added = collector.add(fields, *columns);
    if (!added.ok()) return within(std::move(added).error());
  }
  if (file.bad()) return Error{ErrorCode::io, path + ": reading failed"};
  Judgments out = collector.take();
  if (out.queries.empty()) return invalid(path + " holds no judgment below its header");
  return out;
}

}  // namespace penchant::evaluate
