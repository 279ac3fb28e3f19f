#include "penchant/semantic_id/prefix_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "penchant/semantic_id/collisions.h"
#include "penchant/semantic_id/report.h"
#include "penchant/semantic_id/residual_kmeans.h"

namespace penchant::semantic_id {
namespace {

TEST(NamingFeatures, AreValuesAndTitleWords) {
  catalog::Item item{.id = "1", .title = "The Shining, Part 2: El Niño 1980"};
  item.attributes["genres"] = std::vector<std::string>{"Horror", "Drama", ""};
  item.attributes["release_year"] = 1980.0;
  item.attributes["year"] = std::string("1994");
  item.attributes["price"] = 9.5;
  item.attributes["on_sale"] = true;
  item.attributes["sold_out"] = false;
  item.attributes["plot"] = std::string(500, 'x');
  EXPECT_THAT(naming_features(item), testing::UnorderedElementsAre(
                                         NamingFeature{"genres", "Drama"}, NamingFeature{"genres", "Horror"},
                                         NamingFeature{"release_year", "1980s"},
                                         NamingFeature{"year", "1990s"}, NamingFeature{"on_sale", "on_sale"},
                                         NamingFeature{"", "shining"}, NamingFeature{"", "niño"}));
}

/// Row r of codes is item r.
ItemTrie trie_of(MatrixView<const Code> codes) {
  std::vector<ItemId> items;
  for (std::uint32_t i = 0; i < codes.rows(); ++i) items.push_back(ItemId{i});
  return ItemTrie::build(codes, items, 65536).value();
}

TEST(PrefixNames, SayWhatSetsAPrefixApartFromItsSiblings) {
  // First code = genre, second = country; every item is a "film".
  PrefixNamer namer;
  Matrix<Code> codes(240, 3);
  const char* genres[] = {"Horror", "Comedy"};
  const char* countries[] = {"France", "Japan", "Peru"};
  for (std::uint32_t i = 0; i < 240; ++i) {
    codes(i, 0) = static_cast<Code>(i % 2);
    codes(i, 1) = static_cast<Code>(i / 2 % 3);
    codes(i, 2) = static_cast<Code>(i % 7);
    namer.put(ItemId{i}, std::vector<NamingFeature>{
                             {"country", countries[i / 2 % 3]}, {"genre", genres[i % 2]}, {"kind", "film"}});
  }
  const auto trie = trie_of(codes.view());
  const auto first = namer.children(trie, ItemTrie::Node::root);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].name, "Horror");
  EXPECT_EQ(first[1].name, "Comedy");
  EXPECT_EQ(first[1].code, 1);
  EXPECT_EQ(first[0].items, 120u);
  ASSERT_EQ(first[0].terms.size(), 1u);
  EXPECT_DOUBLE_EQ(first[0].terms[0].share, 1);
  EXPECT_DOUBLE_EQ(first[0].terms[0].share_outside, 0);
  for (const auto& genre : first) {
    const auto second = namer.children(trie, genre.node);
    ASSERT_EQ(second.size(), 3u);
    for (const auto& name : second) {
      EXPECT_EQ(name.name, countries[name.code]);
      EXPECT_EQ(namer.child(trie, genre.node, name.code)->name, name.name);
    }
  }
  EXPECT_FALSE(namer.child(trie, ItemTrie::Node::root, 2));
}

TEST(PrefixNames, NothingThatStandsOutIsMixed) {
  Matrix<Code> codes(40, 2);
  PrefixNamer namer;
  for (std::uint32_t i = 0; i < 40; ++i) {
    codes(i, 0) = static_cast<Code>(i % 2);
    namer.put(ItemId{i}, std::vector<NamingFeature>{{"colour", i / 2 % 2 ? "red" : "blue"}});
  }
  const auto trie = trie_of(codes.view());
  const auto names = namer.children(trie, ItemTrie::Node::root);
  ASSERT_EQ(names.size(), 2u);
  for (const auto& n : names) {
    EXPECT_EQ(n.name, "mixed");
    EXPECT_EQ(namer.children(trie, n.node).at(0).name, "mixed");
  }
  EXPECT_TRUE(namer.children({}, ItemTrie::Node::root).empty());
  EXPECT_FALSE(namer.child({}, ItemTrie::Node::root, 0));
  EXPECT_EQ(PrefixNamer().children(trie, ItemTrie::Node::root).at(0).name, "mixed");  // nothing was put
}

TEST(PrefixNames, FollowAnItemThatIsPutAgainOrTakenAway) {
  Matrix<Code> codes(40, 1);
  PrefixNamer namer;
  for (std::uint32_t i = 0; i < 40; ++i) {
    codes(i, 0) = static_cast<Code>(i % 2);
    namer.put(ItemId{i}, std::vector<NamingFeature>{{"colour", i % 2 ? "red" : "blue"}});
  }
  const auto trie = trie_of(codes.view());
  for (std::uint32_t i = 1; i < 40; i += 2) namer.put(ItemId{i}, std::vector<NamingFeature>{{"colour", "green"}});
  EXPECT_EQ(namer.children(trie, ItemTrie::Node::root).at(1).name, "green");
  Bitmap even(40);
  for (std::uint32_t i = 0; i < 40; i += 2) even.set(i);
  const auto left = namer.children(trie, ItemTrie::Node::root, &even);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].items, 20u);
}

/// Films with their genres, from MovieLens 100K.
std::vector<catalog::Item> movielens() {
  const char* folder = std::getenv("PENCHANT_TEST_DATA");
  const std::string data = folder ? folder : std::string(PENCHANT_SOURCE_DIR) + "/../shared/data";
  std::ifstream file(data + "/movielens-100k/ml-100k.item");
  std::vector<catalog::Item> items;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    catalog::Item item;
    std::string year, genres, genre;
    std::getline(fields, item.id, '\t');
    std::getline(fields, item.title, '\t');
    std::getline(fields, year, '\t');
    std::getline(fields, genres, '\t');
    std::istringstream words(genres);
    std::vector<std::string> list;
    while (words >> genre) list.push_back(genre);
    item.attributes["genres"] = list;
    item.attributes["release_year"] = year;
    items.push_back(std::move(item));
  }
  return items;
}

TEST(PrefixNames, OfRealFilmsAreTheirGenres) {
  const auto items = movielens();
  if (items.empty()) GTEST_SKIP() << "movielens-100k/ml-100k.item not found; set PENCHANT_TEST_DATA";
  std::map<std::string, std::size_t> columns;
  for (const auto& item : items)
    for (const auto& g : std::get<std::vector<std::string>>(item.attributes.at("genres")))
      columns.emplace(g, columns.size());
  Matrix<float> vectors(items.size(),
                        columns.size());  // genres as unit vectors: a content everyone can check
  PrefixNamer namer;
  for (std::uint32_t i = 0; i < items.size(); ++i) {
    const auto& genres = std::get<std::vector<std::string>>(items[i].attributes.at("genres"));
    for (const auto& g : genres) vectors(i, columns[g]) = 1 / std::sqrt(static_cast<float>(genres.size()));
    namer.put(ItemId{i}, naming_features(items[i]));
  }
  Executor executor(2);
  const auto fit = train_residual_kmeans(vectors.view(), {}, executor).value();
  EXPECT_EQ(fit.codebooks.codebook(), 32u);
  const auto out = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor).value();
  const auto report = make_report(fit.codebooks, vectors.view(), out.codes.view(), executor).value();
  EXPECT_GT(report.coherence[1].low, report.coherence[0].high + 0.3);
  EXPECT_GT(report.distinct, report.distinct_before);

  std::size_t named = 0, groups = 0;
  for (const auto& name : namer.children(trie_of(out.codes.view()), ItemTrie::Node::root)) {
    groups += name.items >= 10;
    if (name.items < 10 || name.terms.empty() || name.terms[0].feature.attribute != "genres") continue;
    ++named;
    EXPECT_GT(name.terms[0].share, name.terms[0].share_outside);
  }
  EXPECT_GT(groups, 15u);
  EXPECT_GE(named * 10, groups * 9);
}

}  // namespace
}  // namespace penchant::semantic_id
