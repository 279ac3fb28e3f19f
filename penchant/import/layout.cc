#include "penchant/import/layout.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>

#include "penchant/catalog/text_form.h"
#include "penchant/import/byte_source.h"
#include "penchant/import/column_names.h"

namespace penchant::import {
namespace {

constexpr std::size_t kPeek = 256 * 1024;

struct MovieLens {
  Role role;
  const char* delimiter;
  std::vector<std::string> columns;
};

const std::map<std::string, MovieLens>& movielens_files() {
  static const std::map<std::string, MovieLens> files = {
      {"u.data", {Role::events, "\t", {"user_id", "item_id", "rating", "timestamp"}}},
      {"u.item",
       {Role::items,
        "|",
        {"item_id",         "title",          "release_date",      "video_release_date", "imdb_url",
         "genre:unknown",   "genre:Action",   "genre:Adventure",   "genre:Animation",    "genre:Children's",
         "genre:Comedy",    "genre:Crime",    "genre:Documentary", "genre:Drama",        "genre:Fantasy",
         "genre:Film-Noir", "genre:Horror",   "genre:Musical",     "genre:Mystery",      "genre:Romance",
         "genre:Sci-Fi",    "genre:Thriller", "genre:War",         "genre:Western"}}},
      {"u.user", {Role::users, "|", {"user_id", "age", "gender", "occupation", "zip_code"}}},
      {"ratings.dat", {Role::events, "::", {"user_id", "item_id", "rating", "timestamp"}}},
      {"movies.dat", {Role::items, "::", {"item_id", "title", "genres"}}},
      {"users.dat", {Role::users, "::", {"user_id", "gender", "age", "occupation", "zip_code"}}}};
  return files;
}

/// Complete lines of the first bytes.
std::vector<std::string_view> first_lines(std::string_view text, std::size_t max) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < max) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos && !lines.empty() && text.size() >= kPeek / 2) break;
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) lines.push_back(line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::size_t count_outside_quotes(std::string_view line, std::string_view delimiter) {
  std::size_t n = 0;
  bool open = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"')
      open = !open;
    else if (!open && line.substr(i).starts_with(delimiter)) {
      ++n;
      i += delimiter.size() - 1;
    }
  }
  return n;
}

std::string guess_delimiter(const std::vector<std::string_view>& lines, const std::string& name) {
  static constexpr std::string_view kCandidates[] = {"\t", "::", ";", ",", "|"};
  std::string best = ",";
  double best_score = 0;
  for (const auto candidate : kCandidates) {
    const std::size_t header = count_outside_quotes(lines.front(), candidate);
    if (header == 0) continue;
    std::size_t same = 0;
    for (const auto line : lines) same += count_outside_quotes(line, candidate) == header ? 1 : 0;
    double score = static_cast<double>(same) / static_cast<double>(lines.size()) +
                   0.02 * static_cast<double>(std::min<std::size_t>(header, 10));
    if ((candidate == "\t" && name.ends_with(".tsv")) || (candidate == "," && name.ends_with(".csv")))
      score += 0.3;
    if (score > best_score) {
      best_score = score;
      best = candidate;
    }
  }
  return best;
}

/// No letter-bearing known name, and some cell that is a number: the first line is data.
bool looks_like_header(std::string_view line, const std::string& delimiter) {
  bool number = false;
  std::size_t at = 0;
  for (;;) {
    const std::size_t end = std::min(line.find(delimiter, at), line.size());
    std::string_view cell = line.substr(at, end - at);
    if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"') cell = cell.substr(1, cell.size() - 2);
    double value = 0;
    if (catalog::parse_number(cell, value))
      number = true;
    else if (is_known_column(cell))
      return true;
    if (end >= line.size()) return !number;
    at = end + delimiter.size();
  }
}

/// Most lines with high bytes are no UTF-8, and at least `least` are not.
bool looks_like_latin1(std::string_view text, std::size_t least) {
  std::size_t bad = 0, good = 0;
  for (const auto line : first_lines(text, 1 << 20)) {
    if (std::all_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
      continue;
    ++(catalog::valid_utf8(line) ? good : bad);
  }
  return bad > good && bad >= least;
}

Status check_text(const std::string& path, std::string_view text) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return invalid(path + ": UTF-16 text; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)");
  if (text.starts_with("PK\x03\x04"))
    return invalid(path + ": a ZIP archive or spreadsheet; unpack it, or save it as CSV");
  const std::size_t zeros = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\0'));
  if (zeros > 0 && zeros * 1000 >= text.size())
    return invalid(path +
                   ": binary data, not a text table; CSV, TSV, JSON lines, Parquet, .npy and gzip are read");
  std::size_t controls = 0;
  for (const char c : text)
    controls += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t' ? 1 : 0;
  if (controls * 20 > text.size())
    return invalid(path +
                   ": binary data, not a text table; CSV, TSV, JSON lines, Parquet, .npy and gzip are read");
  return {};
}

}  // namespace

const char* name_of(Role role) noexcept {
  switch (role) {
    case Role::items: return "items";
    case Role::users: return "users";
    case Role::events: return "events";
    case Role::vectors: return "vectors";
    case Role::skip: return "skipped";
    case Role::unknown: break;
  }
  return "unknown";
}

std::string plain_name(const std::string& path) {
  std::string name = catalog::fold_case(std::filesystem::path(path).filename().string());
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return name;
}

Result<Layout> detect_layout(const std::string& path) {
  PENCHANT_TRY(source, open_bytes(path));
  std::string head;
  while (head.size() < kPeek) {
    auto n = source->read(head, kPeek - head.size());
    if (!n.ok() && head.empty()) return std::move(n).error();
    if (!n.ok() || *n == 0) break;
  }
  Layout out;
  const std::string name = plain_name(path), packed = source->gzip() ? ", gzip" : "";
  std::string_view text = head;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return invalid(path + ": empty");
  if (text.starts_with("PAR1")) {
    if (source->gzip()) return invalid(path + ": gzip around Parquet; unpack it first");
    out.kind = LayoutKind::parquet;
    out.name = "Parquet";
    return out;
  }
  if (text.starts_with("\x93NUMPY")) {
    out.kind = LayoutKind::npy;
    out.name = "NumPy vectors";
    out.role = Role::vectors;
    return out;
  }
  if (name == "u.genre" || name == "u.info" || name == "u.occupation" || name.starts_with("readme") ||
      name.ends_with(".md") || name.starts_with("license")) {
    out.role = Role::skip;
    out.name = "text";
    out.skip_reason = "no items, users or events in it";
    return out;
  }
  PENCHANT_DO(check_text(path, text));
  const bool movielens = movielens_files().contains(name);
  out.format.latin1 = looks_like_latin1(text, movielens ? 1 : 2);
  if (const auto found = movielens_files().find(name); found != movielens_files().end()) {
    out.name = "MovieLens" + packed;
    out.role = found->second.role;
    out.movielens = found->second.role == Role::items;
    out.format.delimiter = found->second.delimiter;
    out.format.names = found->second.columns;
    out.format.quotes = false;
    return out;
  }
  const auto lines = first_lines(text, 40);
  if (lines.empty()) return invalid(path + ": empty");
  if (name.ends_with(".inter") || name.ends_with(".item") || name.ends_with(".user")) {
    out.name = "RecBole atomic" + packed;
    out.role = name.ends_with(".inter") ? Role::events : name.ends_with(".item") ? Role::items : Role::users;
    out.format.delimiter = "\t";
    out.format.quotes = false;
    out.format.typed_header = true;
    if (lines.front().find(':') == std::string_view::npos)
      return invalid(path + ": row 1: a RecBole header (name:type, separated by tabs) is wanted");
    return out;
  }
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (text[first] == '{') {
    out.kind = LayoutKind::jsonl;
    out.name = "JSON lines" + packed;
    return out;
  }
  if (text[first] == '[')
    return invalid(path + ": a JSON array; write one object per line (jq -c '.[]' in.json > out.jsonl)");
  out.format.delimiter = guess_delimiter(lines, name);
  out.format.quotes = out.format.delimiter != "::";
  out.format.header = looks_like_header(lines.front(), out.format.delimiter);
  out.movielens = name == "movies.csv" && lines.front().starts_with("movieId,title,genres");
  static const std::map<std::string, std::string> kNames = {{",", "CSV"},
                                                            {";", "CSV with semicolons"},
                                                            {"\t", "TSV"},
                                                            {"|", "table with |"},
                                                            {"::", "table with ::"}};
  out.name = kNames.at(out.format.delimiter) + packed;
  return out;
}

Result<std::unique_ptr<RowReader>> open_rows(const std::string& path, const Layout& layout) {
  if (layout.kind == LayoutKind::jsonl) return open_jsonl(path);
  if (layout.kind == LayoutKind::parquet) return open_parquet(path);
  return open_delimited(path, layout.format);
}

}  // namespace penchant::import
