#include "penchant/catalog/filter.h"

#include <gtest/gtest.h>

#include "penchant/base/rng.h"
#include "penchant/catalog/attribute_index.h"

namespace penchant::catalog {
namespace {

std::string normal(std::string_view text) {
  auto filter = Filter::parse(text);
  return filter.ok() ? filter->to_string() : "error: " + filter.error().message;
}

bool matches(std::string_view filter, const Item& item, const Attributes* user = nullptr) {
  return Filter::parse(filter).value().matches(item, user);
}

Item film() {
  Item item;
  item.id = "m1";
  item.title = "The Außerirdische";
  item.attributes = {{"genre", std::vector<std::string>{"Comedy", "Sci-Fi"}},
                     {"year", 1995.0},
                     {"price", std::string("20")},
                     {"color", false},
                     {"studio", std::string("Ghibli")},
                     {"released", std::string("1995-06-01")}};
  return item;
}

TEST(Filter, NormalFormHasOneSpelling) {
  EXPECT_EQ(
      normal(R"(genre in ('comedy',"drama") and year>=2010 AND not (price > 20 or title contains 'x'))"),
      R"(genre IN ("comedy", "drama") AND year >= 2010 AND NOT (price > 20 OR title CONTAINS "x"))");
  EXPECT_EQ(normal("((a == 1))"), "a = 1");
  EXPECT_EQ(normal("a <> true AND exists(b) AND NOT NOT c exists"), "a != true AND b EXISTS AND c EXISTS");
  EXPECT_EQ(normal("(a=1 or b=2) and (c=3 and d=4)"), "(a = 1 OR b = 2) AND c = 3 AND d = 4");
  EXPECT_EQ(normal("`Product Name` = \"say \\\"hi\\\"\" AND price < user.budget"),
            R"(`Product Name` = "say \"hi\"" AND price < user.budget)");
  EXPECT_EQ(normal("genre NOT IN user.dislikes"), "genre NOT IN (user.dislikes)");
  EXPECT_EQ(normal("  "), "");
}

TEST(Filter, NormalFormParsesToItself) {
  for (const char* text : {"a = -1.5 OR b < 1e3 AND c = 'x'", "NOT (a = 1 AND b = 2)", "NOT a = 1",
                           "`a b` IN (1, true, 'x', user.y)"}) {
    const std::string once = normal(text);
    EXPECT_EQ(normal(once), once) << text;
  }
}

TEST(Filter, AndBindsTighterThanOr) {
  EXPECT_EQ(Filter::parse("a=1 OR b=2 AND c=3")->root().op, FilterOp::any_of);
  EXPECT_TRUE(matches("year = 1995 OR year = 1 AND studio = \"x\"", film()));
}

TEST(Filter, MeaningOfOperators) {
  const Item item = film();
  EXPECT_TRUE(matches("genre = \"COMEDY\"", item));  // any element, any case
  EXPECT_TRUE(matches("genre IN (\"drama\", \"sci-fi\")", item));
  EXPECT_FALSE(matches("genre != \"comedy\"", item));  // exactly NOT (=)
  EXPECT_TRUE(matches("genre NOT IN (\"drama\")", item));
  EXPECT_TRUE(matches("missing != 3", item));
  EXPECT_FALSE(matches("missing = 3", item));
  EXPECT_FALSE(matches("missing < 3", item));
  EXPECT_TRUE(matches("year >= 1995 AND year < 1995.5", item));
  EXPECT_TRUE(matches("price > 9", item));  // text that reads as a number
  EXPECT_TRUE(matches("year = \"1995\"", item));
  EXPECT_TRUE(matches("color = false", item));
  EXPECT_TRUE(matches("title CONTAINS \"AUSSER\"", item));  // full case folding
  EXPECT_TRUE(matches("genre CONTAINS \"sci\"", item));
  EXPECT_TRUE(matches("released >= \"1995-01-01\" AND released < \"1996\"", item));
  EXPECT_TRUE(matches("studio EXISTS AND NOT budget EXISTS", item));
  EXPECT_TRUE(matches("id = \"M1\" AND available = true", item));
  EXPECT_TRUE(matches("", item));
}

TEST(Filter, UserAttributesComeFromTheUser) {
  const Attributes user = {{"budget", 30.0}, {"likes", std::vector<std::string>{"drama", "comedy"}}};
  EXPECT_TRUE(matches("price < user.budget", film(), &user));
  EXPECT_TRUE(matches("genre IN user.likes", film(), &user));
  EXPECT_FALSE(matches("price < user.limit", film(), &user));
  EXPECT_FALSE(matches("price < user.budget", film()));
  EXPECT_EQ(Filter::parse("a < user.b AND c = user.b")->user_attributes(), (std::vector<std::string>{"b"}));
  EXPECT_EQ(Filter::parse("b=1 OR a=2 AND b=3")->attributes(), (std::vector<std::string>{"a", "b"}));
}

TEST(Filter, ErrorsNameColumnAndExpectation) {
  const auto message = [](std::string_view text) { return Filter::parse(text).error().message; };
  EXPECT_EQ(message("year >="),
            "filter, column 8: expected a number, a text in quotes, true, false or user.<attribute>, found "
            "the end of the filter");
  EXPECT_EQ(message("year >= 3 price < 2"),
            "filter, column 11: expected AND, OR or the end of the filter, found 'price'");
  EXPECT_EQ(
      message("année = é"),
      "filter, column 9: expected a number, a text in quotes, true, false or user.<attribute>, found 'é'");
  EXPECT_EQ(message("a IN ()").substr(0, 30), "filter, column 7: expected a n");
  EXPECT_EQ(message("(a = 1"), "filter, column 7: expected AND, OR or ')', found the end of the filter");
  EXPECT_EQ(message("a = \"x"), "filter, column 5: the text that begins here has no closing \"");
  EXPECT_EQ(message("a ~ 3").substr(0, 27), "filter, column 3: '~ 3' has");
  EXPECT_EQ(message("a = 12x").substr(0, 30), "filter, column 5: '12x' is not");
  EXPECT_NE(message("user.age = 3").find("right side"), std::string::npos);
  EXPECT_NE(message("a 3").find("one of = != <"), std::string::npos);
}

TEST(Filter, CapsHoldAgainstHostileText) {
  EXPECT_FALSE(Filter::parse(std::string(40'000, 'a')).ok());
  EXPECT_NE(Filter::parse(std::string(5000, '(') + "a=1").error().message.find("deeper"), std::string::npos);
  std::string nots;
  for (int i = 0; i < 1000; ++i) nots += "NOT ";
  EXPECT_FALSE(Filter::parse(nots + "a=1").ok());
  std::string many = "a=1";
  for (int i = 0; i < 2000; ++i) many += " OR a=1";
  EXPECT_NE(Filter::parse(many).error().message.find("conditions"), std::string::npos);
  std::string list = "a IN (1";
  for (int i = 0; i < 1000; ++i) list += ",1";
  EXPECT_NE(Filter::parse(list + ")").error().message.find("values"), std::string::npos);
  EXPECT_FALSE(Filter::parse("a = \"\xff\"").ok());
}

TEST(AttributeIndex, UnknownAttributeNamesNearOnes) {
  AttributeIndex index;
  ASSERT_TRUE(index.append(ItemId{0}, film()).ok());
  const auto result = index.evaluate(Filter::parse("year > 3 AND genres = \"x\"").value());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message,
            "filter, column 14: no item has an attribute 'genres'; near names: genre");
  std::vector<std::string> unresolved;
  EXPECT_EQ(index.evaluate(Filter::parse("NOT price < user.budget").value(), nullptr, &unresolved)->count(),
            1u);
  EXPECT_EQ(unresolved, (std::vector<std::string>{"user.budget"}));
}

TEST(AttributeIndex, RowsAreAppendedInOrderAndReplaced) {
  AttributeIndex index;
  EXPECT_FALSE(index.append(ItemId{1}, film()).ok());
  ASSERT_TRUE(index.append(ItemId{0}, film()).ok());
  EXPECT_EQ(index.replace(ItemId{3}, film()).error().code, ErrorCode::not_found);
  Item changed = film();
  changed.attributes.erase("studio");
  changed.attributes["genre"] = std::vector<std::string>{"Horror", "War"};
  ASSERT_TRUE(index.replace(ItemId{0}, changed).ok());
  EXPECT_EQ(index.evaluate(Filter::parse("genre = \"comedy\"").value())->count(), 0u);
  EXPECT_EQ(index.evaluate(Filter::parse("genre = \"war\"").value())->count(), 1u);
  EXPECT_EQ(index.evaluate(Filter::parse("studio EXISTS").value())->count(), 0u);
}

// The index must say what the plain evaluation says, for random items and random filters.
class RandomCatalogue {
 public:
  explicit RandomCatalogue(std::uint64_t seed) : rng_(seed) {}

  Item item(std::size_t row) {
    Item out;
    out.id = "i" + std::to_string(row);
    if (rng_.below(4) != 0) out.title = word() + " " + word();
    out.available = rng_.below(5) != 0;
    for (const char* name : {"a", "b", "c"}) {
      switch (rng_.below(6)) {
        case 0: out.attributes[name] = static_cast<double>(rng_.below(4)); break;
        case 1: out.attributes[name] = rng_.below(2) == 0; break;
        case 2: out.attributes[name] = word(); break;
        case 3: out.attributes[name] = std::vector<std::string>{word(), word()}; break;
        case 4: out.attributes[name] = std::to_string(rng_.below(4)); break;
        default: break;
      }
    }
    return out;
  }

  std::string filter(int depth) {
    if (depth > 0 && rng_.below(3) != 0) {
      switch (rng_.below(3)) {
        case 0: return "(" + filter(depth - 1) + " AND " + filter(depth - 1) + ")";
        case 1: return "(" + filter(depth - 1) + " OR " + filter(depth - 1) + ")";
        default: return "NOT (" + filter(depth - 1) + ")";
      }
    }
    static constexpr const char* kNames[] = {"a", "b", "c", "title", "available"};
    static constexpr const char* kOps[] = {"=", "!=", "<", "<=", ">", ">="};
    const std::string name = kNames[rng_.below(5)];
    switch (rng_.below(4)) {
      case 0: return name + " EXISTS";
      case 1: return name + (rng_.below(2) == 0 ? " IN (" : " NOT IN (") + value() + ", " + value() + ")";
      case 2: return name + " CONTAINS " + value();
      default: return name + " " + kOps[rng_.below(6)] + " " + value();
    }
  }

 private:
  std::string word() {
    static constexpr const char* kWords[] = {"Red", "red", "blue", "ÄPFEL", "äpfel", "2", "true"};
    return kWords[rng_.below(7)];
  }
  std::string value() {
    switch (rng_.below(4)) {
      case 0: return std::to_string(rng_.below(4));
      case 1: return rng_.below(2) == 0 ? "true" : "false";
      case 2: return "user.x";
      default: return "\"" + word() + "\"";
    }
  }
  Rng rng_;
};

TEST(AttributeIndex, EqualsPlainEvaluation) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    RandomCatalogue random(seed);
    AttributeIndex index;
    std::vector<Item> items;
    for (std::size_t row = 0; row < 130; ++row) {
      items.push_back(random.item(row));
      ASSERT_TRUE(index.append(static_cast<ItemId>(row), items.back()).ok());
    }
    Item all;  // so that every name is known
    all.attributes = {{"a", 1.0}, {"b", 1.0}, {"c", 1.0}};
    for (std::size_t row = 0; row < 130; row += 7) {
      items[row] = row == 0 ? all : random.item(row);
      ASSERT_TRUE(index.replace(static_cast<ItemId>(row), items[row]).ok());
    }
    const Attributes user = {{"x", 2.0}};
    for (int k = 0; k < 40; ++k) {
      const std::string text = random.filter(3);
      const auto filter = Filter::parse(text).value();
      const auto bits = index.evaluate(filter, &user).value();
      const auto again = index.evaluate(Filter::parse(filter.to_string()).value(), &user).value();
      EXPECT_TRUE(bits == again) << text;
      for (std::size_t row = 0; row < items.size(); ++row)
        ASSERT_EQ(bits.test(row), filter.matches(items[row], &user)) << text << " row " << row;
    }
  }
}

}  // namespace
}  // namespace penchant::catalog
