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

TEST(PrefixNames, SayWhatSetsAPrefixApartFromItsSiblings) {
  // First code = genre, second = country; every item is a "film".
  std::vector<std::vector<NamingFeature>> features;
  Matrix<Code> codes(240, 3);
  const char* genres[] = {"Horror", "Comedy"};
  const char* countries[] = {"France", "Japan", "Peru"};
  for (std::size_t i = 0; i < 240; ++i) {
    codes(i, 0) = static_cast<Code>(i % 2);
    codes(i, 1) = static_cast<Code>(i / 2 % 3);
    codes(i, 2) = static_cast<Code>(i % 7);
    features.push_back({{"kind", "film"}, {"genre", genres[i % 2]}, {"country", countries[i / 2 % 3]}});
  }
  const auto names = prefix_names(codes.view(), features).value();
  std::map<std::vector<Code>, std::string> by_prefix;
  for (const auto& n : names) by_prefix[n.prefix] = n.name;
  EXPECT_EQ(names.size(), 2u + 6u);
  EXPECT_EQ((by_prefix[{0}]), "Horror");
  EXPECT_EQ((by_prefix[{1}]), "Comedy");
  for (Code first = 0; first < 2; ++first)
    for (Code second = 0; second < 3; ++second) EXPECT_EQ((by_prefix[{first, second}]), countries[second]);
  EXPECT_EQ(names[0].items, 120u);
  ASSERT_EQ(names[0].terms.size(), 1u);
  EXPECT_DOUBLE_EQ(names[0].terms[0].share, 1);
  EXPECT_DOUBLE_EQ(names[0].terms[0].share_outside, 0);
}

TEST(PrefixNames, NothingThatStandsOutIsMixedAndLengthsMustAgree) {
  Matrix<Code> codes(40, 2);
  std::vector<std::vector<NamingFeature>> features(40);
  for (std::size_t i = 0; i < 40; ++i) {
    codes(i, 0) = static_cast<Code>(i % 2);
    features[i] = {{"colour", i / 2 % 2 ? "red" : "blue"}};
  }
  auto names = prefix_names(codes.view(), features).value();
  ASSERT_EQ(names.size(), 4u);
  for (const auto& n : names) EXPECT_EQ(n.name, "mixed");
  features.resize(39);
  EXPECT_FALSE(prefix_names(codes.view(), features).ok());
  EXPECT_TRUE(prefix_names({}, {}).value().empty());
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
  std::vector<std::vector<NamingFeature>> features;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& genres = std::get<std::vector<std::string>>(items[i].attributes.at("genres"));
    for (const auto& g : genres) vectors(i, columns[g]) = 1 / std::sqrt(static_cast<float>(genres.size()));
    features.push_back(naming_features(items[i]));
  }
  Executor executor(2);
  const auto fit = train_residual_kmeans(vectors.view(), {}, executor).value();
  EXPECT_EQ(fit.codebooks.codebook(), 32u);
  const auto out = resolve_collisions(fit.codebooks, vectors.view(), fit.codes.view(), executor).value();
  const auto report = make_report(fit.codebooks, vectors.view(), out.codes.view(), executor).value();
  EXPECT_GT(report.coherence[1].low, report.coherence[0].high + 0.3);
  EXPECT_GT(report.distinct, report.distinct_before);

  std::size_t named = 0, groups = 0;
  const auto names = prefix_names(out.codes.view(), features, {.max_length = 1}).value();
  for (const auto& name : names) {
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
