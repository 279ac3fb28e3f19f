#include <cctype>

#include "penchant/catalog/filter.h"
#include "penchant/catalog/text_form.h"

namespace penchant::catalog {
namespace {

enum class TokenKind : std::uint8_t { end, name, quoted_name, number, text, symbol };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;    ///< name, unescaped text, or symbol
  std::string folded;  ///< lower-case name
  double number = 0;
  std::size_t column = 1;  ///< 1-based character
};

bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_name_part(char c) {
  return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-';
}

Error at_column(std::size_t column, const std::string& what) {
  return invalid("filter, column " + std::to_string(column) + ": " + what);
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> out;
    for (;;) {
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) step();
      Token token;
      token.column = column_;
      if (at_ >= text_.size()) {
        out.push_back(token);
        return out;
      }
      PENCHANT_DO(read(token));
      out.push_back(std::move(token));
    }
  }

 private:
  void step() {
    ++at_;
    if (at_ >= text_.size() || (static_cast<unsigned char>(text_[at_]) & 0xC0) != 0x80) ++column_;
  }

  Status read(Token& token) {
    const char c = text_[at_];
    if (c == '"' || c == '\'' || c == '`') return read_quoted(token, c);
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    const bool signed_digit =
        (c == '-' || c == '+' || c == '.') && at_ + 1 < text_.size() &&
        (std::isdigit(static_cast<unsigned char>(text_[at_ + 1])) != 0 || text_[at_ + 1] == '.');
    if (digit || signed_digit) return read_number(token);
    if (is_name_start(c)) {
      const std::size_t begin = at_;
      while (at_ < text_.size() && is_name_part(text_[at_])) step();
      token.kind = TokenKind::name;
      token.text = text_.substr(begin, at_ - begin);
      token.folded = fold_case(token.text);
      return {};
    }
    static constexpr std::string_view kSymbols[] = {"!=", "<>", "<=", ">=", "==", "=",
                                                    "<",  ">",  "(",  ")",  ","};
    for (const auto symbol : kSymbols) {
      if (!text_.substr(at_).starts_with(symbol)) continue;
      token.kind = TokenKind::symbol;
      token.text = symbol == "==" ? "=" : symbol == "<>" ? "!=" : symbol;
      for (std::size_t i = 0; i < symbol.size(); ++i) step();
      return {};
    }
    return at_column(
        column_,
        "'" + quoted_for_message(cut_utf8(text_.substr(at_), 4)) +
            "' has no meaning here; texts go in double quotes, names with other characters in `backticks`");
  }

  Status read_quoted(Token& token, char quote) {
    step();
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) step();
      token.text.push_back(text_[at_]);
      step();
    }
    if (at_ >= text_.size())
      return at_column(token.column, std::string("the text that begins here has no closing ") + quote);
    step();
    token.kind = quote == '`' ? TokenKind::quoted_name : TokenKind::text;
    if (quote == '`' && token.text.empty()) return at_column(token.column, "an attribute name is empty");
    return {};
  }

  Status read_number(Token& token) {
    const std::size_t begin = at_;
    step();
    while (at_ < text_.size() && (is_name_part(text_[at_]) || text_[at_] == '+') &&
           !(text_[at_] == '+' && text_[at_ - 1] != 'e' && text_[at_ - 1] != 'E'))
      step();
    token.kind = TokenKind::number;
    token.text = text_.substr(begin, at_ - begin);
    if (!parse_number(token.text, token.number))
      return at_column(token.column, "'" + quoted_for_message(token.text) +
                                         "' is not a finite number; put texts in quotes");
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0, column_ = 1;
};

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result<FilterNode> run() {
    if (peek().kind == TokenKind::end) return FilterNode{};
    PENCHANT_TRY(root, any_of(0));
    if (peek().kind != TokenKind::end) return expected("AND, OR or the end of the filter");
    return root;
  }

 private:
  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool is_word(std::string_view word, std::size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::name && peek(ahead).folded == word;
  }
  bool take_word(std::string_view word) {
    if (!is_word(word)) return false;
    ++at_;
    return true;
  }
  bool take_symbol(std::string_view symbol) {
    if (peek().kind != TokenKind::symbol || peek().text != symbol) return false;
    ++at_;
    return true;
  }
  Error expected(const std::string& what) const {
    const Token& token = peek();
    std::string found = "the end of the filter";
    if (token.kind == TokenKind::text)
      found = "the text \"" + quoted_for_message(token.text) + "\"";
    else if (token.kind != TokenKind::end)
      found = "'" + quoted_for_message(token.text) + "'";
    return at_column(token.column, "expected " + what + ", found " + found);
  }
  Status count_node() {
    if (++nodes_ > kMaxFilterNodes)
      return at_column(peek().column, "more than " + std::to_string(kMaxFilterNodes) +
                                          " conditions; use IN (…) for long lists");
    return {};
  }

  /// One level of `AND` or `OR`; nested chains of the same operator become one node.
  Result<FilterNode> chain(std::size_t depth, std::string_view word, FilterOp op) {
    FilterNode node;
    node.op = op;
    for (;;) {
      PENCHANT_TRY(child, op == FilterOp::any_of ? chain(depth, "and", FilterOp::all_of) : unary(depth));
      if (child.op == op)
        for (auto& inner : child.children) node.children.push_back(std::move(inner));
      else
        node.children.push_back(std::move(child));
      if (!take_word(word)) break;
    }
    PENCHANT_DO(count_node());
    if (node.children.size() == 1) return FilterNode(std::move(node.children.front()));
    return node;
  }
  Result<FilterNode> any_of(std::size_t depth) { return chain(depth, "or", FilterOp::any_of); }

  Result<FilterNode> unary(std::size_t depth) {
    if (depth >= kMaxFilterDepth)
      return at_column(peek().column, "nested deeper than " + std::to_string(kMaxFilterDepth));
    if (take_word("not")) {
      PENCHANT_TRY(child, unary(depth + 1));
      if (child.op == FilterOp::negation) return FilterNode(std::move(child.children.front()));
      FilterNode node;
      node.op = FilterOp::negation;
      node.children.push_back(std::move(child));
      return node;
    }
    if (take_symbol("(")) {
      PENCHANT_TRY(inner, any_of(depth + 1));
      if (!take_symbol(")")) return expected("AND, OR or ')'");
      return inner;
    }
    return comparison();
  }

  Result<FilterNode> comparison() {
    PENCHANT_DO(count_node());
    FilterNode leaf;
    if (is_word("exists") && (peek(1).kind == TokenKind::name || peek(1).kind == TokenKind::quoted_name ||
                              (peek(1).kind == TokenKind::symbol && peek(1).text == "("))) {
      ++at_;
      const bool open = take_symbol("(");
      PENCHANT_DO(take_attribute(leaf));
      if (open && !take_symbol(")")) return expected("')'");
      leaf.op = FilterOp::exists;
      return leaf;
    }
    PENCHANT_DO(take_attribute(leaf));
    if (take_word("exists")) {
      leaf.op = FilterOp::exists;
      return leaf;
    }
    if (take_word("contains")) {
      leaf.op = FilterOp::contains;
      PENCHANT_DO(take_value(leaf));
      return leaf;
    }
    const bool negated = is_word("not") && is_word("in", 1);
    if (negated) ++at_;
    if (take_word("in")) {
      leaf.op = negated ? FilterOp::not_in : FilterOp::in;
      PENCHANT_DO(take_list(leaf));
      return leaf;
    }
    static constexpr std::pair<std::string_view, FilterOp> kOps[] = {
        {"=", FilterOp::equal},       {"!=", FilterOp::not_equal}, {"<", FilterOp::less},
        {"<=", FilterOp::less_equal}, {">", FilterOp::greater},    {">=", FilterOp::greater_equal}};
    for (const auto& [symbol, op] : kOps) {
      if (!take_symbol(symbol)) continue;
      leaf.op = op;
      PENCHANT_DO(take_value(leaf));
      return leaf;
    }
    return expected("one of = != < <= > >= IN, NOT IN, CONTAINS, EXISTS after '" +
                    quoted_for_message(leaf.attribute) + "'");
  }

  Status take_attribute(FilterNode& leaf) {
    const Token& token = peek();
    static constexpr std::string_view kWords[] = {"and",      "or",     "not",  "in",
                                                  "contains", "exists", "true", "false"};
    bool reserved = token.kind != TokenKind::name && token.kind != TokenKind::quoted_name;
    for (const auto word : kWords) reserved = reserved || is_word(word);
    if (reserved) return expected("an attribute name");
    if (token.kind == TokenKind::name && token.folded.starts_with("user."))
      return at_column(token.column, "user attributes stand on the right side, as in price < user.budget");
    leaf.attribute = token.text;
    leaf.column = token.column;
    ++at_;
    return {};
  }

  Status take_value(FilterNode& leaf) {
    const Token& token = peek();
    if (token.kind == TokenKind::number)
      leaf.values.emplace_back(token.number);
    else if (token.kind == TokenKind::text)
      leaf.values.emplace_back(token.text);
    else if (is_word("true") || is_word("false"))
      leaf.values.emplace_back(is_word("true"));
    else if (token.kind == TokenKind::name && token.folded.starts_with("user.") && token.text.size() > 5)
      leaf.values.emplace_back(UserAttribute{token.text.substr(5)});
    else
      return expected("a number, a text in quotes, true, false or user.<attribute>");
    ++at_;
    return {};
  }

  Status take_list(FilterNode& leaf) {
    if (peek().kind == TokenKind::name && peek().folded.starts_with("user.")) return take_value(leaf);
    if (!take_symbol("(")) return expected("'(' after IN");
    do {
      if (leaf.values.size() == kMaxFilterValues)
        return at_column(peek().column,
                         "more than " + std::to_string(kMaxFilterValues) + " values in one list");
      PENCHANT_DO(take_value(leaf));
    } while (take_symbol(","));
    if (!take_symbol(")")) return expected("',' or ')'");
    return {};
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0, nodes_ = 0;
};

}  // namespace

Result<Filter> Filter::parse(std::string_view text) {
  if (text.size() > kMaxFilterBytes)
    return invalid("filter: " + std::to_string(text.size()) + " bytes; at most " +
                   std::to_string(kMaxFilterBytes) + " are read");
  if (!valid_utf8(text)) return invalid("filter: the text is not valid UTF-8");
  PENCHANT_TRY(tokens, Lexer(text).run());
  Filter out;
  PENCHANT_TRY(root, Parser(std::move(tokens)).run());
  out.root_ = std::move(root);
  return out;
}

}  // namespace penchant::catalog
