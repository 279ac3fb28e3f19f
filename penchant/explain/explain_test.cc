#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "penchant/explain/reasons.h"
#include "penchant/explain/templates.h"

namespace penchant::explain {
namespace {

Reason event(std::string title, Tone tone, double weight = 1) {
  return {"history", weight, {{"event", "id-" + title, title, tone}}};
}
Reason attribute(std::string value, std::vector<std::string> of, std::string count, double weight = 1) {
  Reason reason{"attribute", weight, {{"attribute", "genres", std::move(value)}}};
  for (auto& title : of) reason.evidence.push_back({"event", "id-" + title, title});
  reason.evidence.push_back({"count", count, count});
  return reason;
}

TEST(Line, GoldenSentences) {
  const Wording films{"films", true};
  const auto two = {event("Alien", Tone::rated_high), event("Blade Runner", Tone::rated_high),
                    attribute("Sci-Fi", {"Blade Runner", "Alien"}, "2")};
  EXPECT_EQ(line(std::vector<Reason>(two), films), "Because you rated Alien and Blade Runner highly; both Sci-Fi like this one");
  EXPECT_EQ(line(std::vector{event("Alien", Tone::liked)}, films), "Because you liked Alien");
  EXPECT_EQ(line(std::vector{event("Alien", Tone::bought), attribute("Sci-Fi", {"Alien"}, "3")}, films),
            "Because you bought Alien; Sci-Fi like this one");
  EXPECT_EQ(line(std::vector{Reason{"new", 1, {{"item", "x", "X"}}}, attribute("Comedy", {}, "14"), attribute("Romance", {}, "14")}, films),
            "New here: shares Comedy and Romance with 14 films you chose");
  EXPECT_EQ(line(std::vector{Reason{"new", 1, {{"item", "x", "X"}}}, attribute("Comedy", {}, "14"), attribute("Romance", {}, "3")}, films),
            "New here: shares Comedy with 14 films you chose");
  EXPECT_EQ(line(std::vector{Reason{"new", 1, {{"item", "x", "X"}}}}, films), "New here: close in content to what you chose lately");
  EXPECT_EQ(line(std::vector{Reason{"popular", 1, {{"source", "popular", "popular"}}}}, {"items", false}),
            "Popular now; we know little about you yet");
  EXPECT_EQ(line(std::vector{Reason{"query", 1, {{"query_term", "space", "space"}}}, Reason{"query", 1, {{"query_term", "war", "war"}}}}),
            "Matches \"space\" and \"war\" in your search");
  EXPECT_EQ(line(std::vector{Reason{"similar_to", 1, {{"item", "a", "Alien"}}}}), "Goes with Alien");
  EXPECT_EQ(line(std::vector{Reason{"source", 1, {{"source", "transitions", "transitions"}}}}), "Often comes next after what you chose lately");
  EXPECT_EQ(line({}), "Here by its overall score; no single reason stands out");
}

TEST(Line, ALowRatingIsNeverCalledLiked) {
  EXPECT_EQ(line(std::vector{event("Alien", Tone::rated_low)}), "Connected with Alien, which you rated low");
  EXPECT_EQ(line(std::vector{event("Alien", Tone::rated_low, 5), event("Heat", Tone::rated_high, 1)}), "Because you rated Heat highly");
  Reason group = attribute("Sci-Fi", {"Alien"}, "4");
  group.evidence.back().tone = Tone::rated_low;
  EXPECT_EQ(line(std::vector{group}), "Shares Sci-Fi with 4 items in your history");
  EXPECT_EQ(line(std::vector{event("Alien", Tone::rated_low), group}), "Shares Sci-Fi with 4 items in your history");
}

TEST(Line, ReasonsWithoutWeightAreNotSupport) {
  EXPECT_EQ(line(std::vector{event("Alien", Tone::liked, 0), event("Heat", Tone::liked, -1)}),
            "Here by its overall score; no single reason stands out");
}

TEST(Line, WhatHardlyCountsIsNotNamed) {
  EXPECT_EQ(line(std::vector{event("Alien", Tone::liked, 5), event("Heat", Tone::liked, 0.5)}), "Because you liked Alien");
  EXPECT_EQ(line(std::vector{Reason{"query", 5, {{"query_term", "space", "space"}}}, Reason{"query", 0.1, {{"query_term", "in", "in"}}}}),
            "Matches \"space\" in your search");
}

TEST(Line, LongTitlesAreCutAtACharacter) {
  EXPECT_EQ(cut(std::string(60, 'a')), std::string(60, 'a'));
  EXPECT_EQ(cut(std::string(61, 'a')), std::string(59, 'a') + "…");
  std::string umlauts;
  for (int i = 0; i < 70; ++i) umlauts += "ü";
  EXPECT_EQ(cut(umlauts).size(), 59 * 2 + std::string("…").size());
  EXPECT_EQ(cut("ab cd", 4), "ab…");
}

/// Score of item i = sum of gains[i][p] over present events + terms and anchors alike.
class Additive final : public Rescorer {
 public:
  std::vector<std::vector<double>> gains;
  std::vector<double> term_gains, anchor_gains;
  int calls = 0, allowed_calls = 1 << 30;
  std::optional<std::vector<double>> baseline() override { return score({}, -1, -1); }
  std::optional<std::vector<double>> without_events(std::span<const std::size_t> p) override { return score({p.begin(), p.end()}, -1, -1); }
  std::optional<std::vector<double>> without_anchor(std::size_t a) override { return score({}, static_cast<int>(a), -1); }
  std::optional<std::vector<double>> without_term(std::size_t t) override { return score({}, -1, static_cast<int>(t)); }

 private:
  std::optional<std::vector<double>> score(std::set<std::size_t> gone, int anchor, int term) {
    if (++calls > allowed_calls) return std::nullopt;
    std::vector<double> out;
    for (const auto& item : gains) {
      double sum = 0;
      for (std::size_t p = 0; p < item.size(); ++p)
        if (!gone.contains(p)) sum += item[p];
      for (std::size_t t = 0; t < term_gains.size(); ++t)
        if (static_cast<int>(t) != term) sum += term_gains[t];
      for (std::size_t a = 0; a < anchor_gains.size(); ++a)
        if (static_cast<int>(a) != anchor) sum += anchor_gains[a];
      out.push_back(sum);
    }
    return out;
  }
};

struct Fixture {
  std::vector<PastEvent> history{{"a", "Alien", Tone::rated_high, {1, 2}}, {"b", "Blade Runner", Tone::rated_high, {1}},
                                 {"c", "Clue", Tone::rated_low, {3}}};
  std::vector<ListedItem> items{{"x", "Xenon", {1, 3}}, {"y", "Yes", {2}, true, {{"content", 0.4}, {"popular", -1}}}};
  std::vector<std::size_t> tried{0, 1, 2};
  std::vector<std::string> terms;
  std::vector<NamedValue> anchors;
  [[nodiscard]] Context context() const {
    return {items, history, tried, anchors, terms, [](FacetId f) { return NamedValue{"genre", "g" + std::to_string(f)}; }};
  }
};

TEST(Reasons, WeightsAreWhatTheScoreLoses) {
  Fixture f;
  Additive scores;
  scores.gains = {{2, 1, -0.5}, {0, 0, 0.25}};
  const auto found = find_reasons(f.context(), scores);
  ASSERT_TRUE(found.complete);
  ASSERT_EQ(found.of_item[0].size(), 3U);
  EXPECT_EQ(found.of_item[0][0].type, "attribute");
  EXPECT_DOUBLE_EQ(found.of_item[0][0].weight, 3);
  EXPECT_EQ(found.of_item[0][0].evidence[0].text, "g1");
  EXPECT_EQ(found.of_item[0][0].evidence.back().text, "2");
  EXPECT_EQ(found.of_item[0][1].evidence[0].id, "a");
  EXPECT_DOUBLE_EQ(found.of_item[0][1].weight, 2);
  EXPECT_EQ(found.of_item[0][2].evidence[0].id, "b");
  EXPECT_EQ(line(found.of_item[0]), "Because you rated Alien and Blade Runner highly; both g1 like this one");
}

TEST(Reasons, NothingWithoutPositiveWeightAppears) {
  Fixture f;
  Additive scores;
  scores.gains = {{-2, -1, -0.5}, {-1, 0, 0}};
  for (const auto& reasons : find_reasons(f.context(), scores).of_item)
    for (const auto& reason : reasons) {
      EXPECT_GT(reason.weight, 0);
      EXPECT_NE(reason.type, "history");
      EXPECT_NE(reason.type, "popular");
    }
}

TEST(Reasons, AnAttributeNeedsTwoHistoryItemsAndTheItemItself) {
  Fixture f;
  f.history[1].id = "a";  // the same item twice is one item
  Additive scores;
  scores.gains = {{2, 1, 1}, {1, 1, 1}};
  for (const auto& reasons : find_reasons(f.context(), scores).of_item)
    for (const auto& reason : reasons) EXPECT_NE(reason.type, "attribute");
}

TEST(Reasons, ANewItemIsNamedNewOnlyWhereItFits) {
  Fixture f;
  Additive scores;
  scores.gains = {{0, 0, 0}, {0, 0, 0}};
  const auto found = find_reasons(f.context(), scores);
  EXPECT_TRUE(found.of_item[0].empty());
  EXPECT_EQ(found.of_item[1].back().type, "new");
  f.items[1].inputs[0].drop = -1;
  EXPECT_TRUE(find_reasons(f.context(), scores).of_item[1].empty());
}

TEST(Reasons, TermsAndAnchorsAreLeftOutOneByOne) {
  Fixture f;
  f.terms = {"space", "the"};
  f.anchors = {{"a", "Alien"}};
  Additive scores;
  scores.gains = {{0, 0, 0}, {0, 0, 0}};
  scores.term_gains = {2, 0};
  scores.anchor_gains = {1};
  const auto found = find_reasons(f.context(), scores).of_item[0];
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].evidence[0].id, "space");
  EXPECT_EQ(found[1].evidence[0].text, "Alien");
}

TEST(Reasons, RunningOutOfTimeIsSaidAndKeepsWhatWasMeasured) {
  Fixture f;
  Additive scores;
  scores.gains = {{2, 1, 1}, {0, 0, 0}};
  scores.allowed_calls = 2;
  const auto found = find_reasons(f.context(), scores);
  EXPECT_FALSE(found.complete);
  ASSERT_EQ(found.of_item[0].size(), 1U);
  EXPECT_DOUBLE_EQ(found.of_item[0][0].weight, 2);
}

}  // namespace
}  // namespace penchant::explain
