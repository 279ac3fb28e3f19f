#include "penchant/evaluate/baselines/registry.h"

#include <algorithm>
#include <array>

#include "penchant/evaluate/baselines/bpr.h"
#include "penchant/evaluate/baselines/content_knn.h"
#include "penchant/evaluate/baselines/counting.h"
#include "penchant/evaluate/baselines/ease.h"
#include "penchant/evaluate/baselines/hybrid.h"
#include "penchant/evaluate/baselines/ials.h"
#include "penchant/evaluate/baselines/item2vec.h"
#include "penchant/evaluate/baselines/popularity_recent.h"
#include "penchant/evaluate/baselines/settings.h"
#include "penchant/evaluate/baselines/trained.h"
#include "penchant/evaluate/baselines/trained_settings.h"

namespace penchant::evaluate {
namespace {

// Defaults were found on validation events of Beauty and MovieLens-1M: docs/decisions/0009-factor-models.md.

constexpr Setting kPopularityRecent[] = {
    {.name = "days",
     .value = 30,
     .low = 1,
     .high = 365,
     .least = 0.01,
     .most = 36500,
     .logarithmic = true,
     .what = "window before the newest event, where times are moments of the world"},
    {.name = "share",
     .value = 0.2,
     .low = 0.05,
     .high = 1,
     .least = 0.001,
     .most = 1,
     .logarithmic = true,
     .what = "elsewhere: newest share of each user's events"},
};
constexpr Setting kEase[] = {
    {.name = "lambda",
     .value = 250,
     .low = 10,
     .high = 5000,
     .least = 1e-3,
     .most = 1e9,
     .logarithmic = true,
     .what = "ridge on the weights between items"},
    {.name = "decay",
     .value = 0.8,
     .low = 0.5,
     .high = 1,
     .least = 0.01,
     .most = 1,
     .what = "weight of a history event for each step back; 1 is the published model"},
};
constexpr Setting kIals[] = {
    {.name = "dim",
     .value = 128,
     .low = 32,
     .high = 512,
     .least = 1,
     .most = 2048,
     .logarithmic = true,
     .whole = true,
     .what = "length of a vector"},
    {.name = "epochs",
     .value = 16,
     .low = 8,
     .high = 32,
     .least = 1,
     .most = 1000,
     .whole = true,
     .what = "rounds over users and items"},
    {.name = "unobserved_ratio",
     .value = 8,
     .low = 1,
     .high = 64,
     .least = 1e-3,
     .most = 1e6,
     .logarithmic = true,
     .what = "weight of all pairs together over that of the seen ones"},
    {.name = "regularization",
     .value = 0.003,
     .low = 0.0005,
     .high = 0.5,
     .least = 1e-9,
     .most = 1e6,
     .logarithmic = true,
     .what = "lambda"},
    {.name = "frequency_power",
     .value = 1,
     .low = 0,
     .high = 1,
     .least = 0,
     .most = 2,
     .what = "nu: how lambda grows with the events of a row"},
    {.name = "init_deviation",
     .value = 0.1,
     .low = 0.01,
     .high = 1,
     .least = 1e-6,
     .most = 100,
     .logarithmic = true,
     .what = "length of a vector at the start"},
    {.name = "decay",
     .value = 0.7,
     .low = 0.5,
     .high = 1,
     .least = 0.01,
     .most = 1,
     .what =
         "weight of a history event for each step back, when a user is folded in; 1 is the published model"},
};
constexpr Setting kBpr[] = {
    {.name = "dim",
     .value = 128,
     .low = 32,
     .high = 256,
     .least = 1,
     .most = 2048,
     .logarithmic = true,
     .whole = true,
     .what = "length of a vector"},
    {.name = "epochs",
     .value = 40,
     .low = 10,
     .high = 200,
     .least = 1,
     .most = 10000,
     .logarithmic = true,
     .whole = true,
     .what = "passes over the events"},
    {.name = "learning_rate",
     .value = 0.15,
     .low = 0.005,
     .high = 0.3,
     .least = 1e-6,
     .most = 10,
     .logarithmic = true,
     .what = "at the start; falls to a tenth"},
    {.name = "regularization",
     .value = 0.02,
     .low = 0.0005,
     .high = 0.1,
     .least = 0,
     .most = 1,
     .logarithmic = true,
     .what = "pull of vectors and biases towards 0"},
    {.name = "negative_power",
     .value = 0.75,
     .low = 0,
     .high = 1,
     .least = 0,
     .most = 2,
     .what = "negatives are drawn by popularity to this power"},
    {.name = "fold_passes",
     .value = 5,
     .low = 0,
     .high = 50,
     .least = 0,
     .most = 1000,
     .whole = true,
     .what = "passes over the history of a query for its user's vector"},
};
constexpr Setting kItem2Vec[] = {
    {.name = "dim",
     .value = 64,
     .low = 32,
     .high = 256,
     .least = 1,
     .most = 2048,
     .logarithmic = true,
     .whole = true,
     .what = "length of a vector"},
    {.name = "epochs",
     .value = 40,
     .low = 5,
     .high = 200,
     .least = 1,
     .most = 10000,
     .logarithmic = true,
     .whole = true,
     .what = "passes over the histories"},
    {.name = "window",
     .value = 5,
     .low = 1,
     .high = 20,
     .least = 1,
     .most = 1000,
     .logarithmic = true,
     .whole = true,
     .what = "largest distance of two events that belong together"},
    {.name = "negatives",
     .value = 5,
     .low = 2,
     .high = 30,
     .least = 1,
     .most = 1000,
     .logarithmic = true,
     .whole = true,
     .what = "noise items for each pair"},
    {.name = "learning_rate",
     .value = 0.2,
     .low = 0.01,
     .high = 0.3,
     .least = 1e-6,
     .most = 10,
     .logarithmic = true,
     .what = "at the start; falls to nothing"},
    {.name = "noise_power",
     .value = 0.75,
     .low = -0.5,
     .high = 1,
     .least = -2,
     .most = 2,
     .what = "noise is drawn by popularity to this power"},
    {.name = "subsample",
     .value = 0,
     .low = 0,
     .high = 0.01,
     .least = 0,
     .most = 1,
     .what = "items above this share of events are left out now and then; 0 = never"},
    {.name = "decay",
     .value = 0.7,
     .low = 0.5,
     .high = 1,
     .least = 0.01,
     .most = 1,
     .what = "weight of a history event for each step back"},
};
constexpr Setting kContentKnn[] = {
    {.name = "decay",
     .value = 0.7,
     .low = 0.5,
     .high = 1,
     .least = 0.01,
     .most = 1,
     .what = "weight of a history event for each step back"},
};
constexpr Setting kHybrid[] = {
    {.name = "queries",
     .value = 2000,
     .low = 500,
     .high = 5000,
     .least = 10,
     .most = 1e6,
     .logarithmic = true,
     .whole = true,
     .what = "validation queries that the weights are found on, at most"},
    {.name = "decay",
     .value = 0.7,
     .low = 0.5,
     .high = 1,
     .least = 0.01,
     .most = 1,
     .what = "of the content part: weight of a history event for each step back"},
};

constexpr BaselineInfo kBaselines[] = {
    {.name = "popularity", .what = "training events of each item", .settings = {}},
    {.name = "popularity-recent",
     .what = "events of each item in the newest window",
     .settings = kPopularityRecent},
    {.name = "item-knn",
     .what = "cosine of item columns, summed over the history with age decay",
     .settings = {}},
    {.name = "transitions", .what = "counted transitions to the next three events", .settings = {}},
    {.name = "content-knn",
     .what = "cosine of content vectors, summed over the history with age decay",
     .content = ContentUse::needed,
     .settings = kContentKnn},
    {.name = "hybrid",
     .what = "transitions, item-knn, content and popularity, weighted on validation queries",
     .content = ContentUse::welcome,
     .settings = kHybrid},
    {.name = "item2vec",
     .what = "skip-gram over histories (Barkan and Koenigstein 2016)",
     .settings = kItem2Vec},
    {.name = "bpr", .what = "matrix factorisation from pairs (Rendle et al. 2009)", .settings = kBpr},
    {.name = "ials",
     .what = "implicit alternating least squares (Hu et al. 2008, Rendle et al. 2022)",
     .settings = kIals},
    {.name = "ease", .what = "linear autoencoder in closed form, EASE^R (Steck 2019)", .settings = kEase},
    {.name = "gru4rec",
     .what = "recurrent network, cross-entropy over the catalogue (Hidasi et al. 2016)",
     .trained = true,
     .settings = kGru4Rec},
    {.name = "gru4rec-bprmax",
     .what = "recurrent network, BPR-max with extra negatives (Hidasi and Karatzoglou 2018)",
     .trained = true,
     .settings = kGru4RecBprMax},
    {.name = "sasrec",
     .what = "causal transformer, cross-entropy over the catalogue (Kang and McAuley 2018)",
     .trained = true,
     .settings = kSasRec},
    {.name = "sasrec-sampled",
     .what = "the same with sampled softmax and logQ correction",
     .trained = true,
     .settings = kSasRecSampled},
    {.name = "sasrec-bce",
     .what = "the same with one negative, as first published",
     .trained = true,
     .settings = kSasRecBce},
    {.name = "sasrec-refit",
     .what = "sasrec, then trained again on training and validation events for as many epochs as were best",
     .trained = true,
     .settings = kSasRec},
    {.name = "gsasrec",
     .what = "the same with gBCE (Petrov and Macdonald 2023)",
     .trained = true,
     .settings = kGSasRec},
    {.name = "bert4rec",
     .what = "two-sided transformer, masked events (Sun et al. 2019)",
     .trained = true,
     .settings = kBert4Rec},
    {.name = "m3csr",
     .what = "two towers over content, clusters and behaviour (Kwai, RecSys 2024)",
     .trained = true,
     .content = ContentUse::needed,
     .settings = kM3csr},
};

template <class M, class... Arguments>
std::unique_ptr<Model> made(Arguments&&... arguments) {
  return std::make_unique<M>(std::forward<Arguments>(arguments)...);
}

std::unique_ptr<Model> make_counted(std::string_view name, const SettingValues& set) {
  if (name == "popularity") return made<Popularity>();
  if (name == "popularity-recent")
    return made<PopularityRecent>(
        PopularityRecentSettings{.days = set.number("days"), .share = set.number("share")});
  if (name == "item-knn") return made<ItemKnn>();
  if (name == "transitions") return made<Transitions>();
  if (name == "content-knn") return made<ContentKnn>(set.number("decay"));
  if (name == "hybrid")
    return made<Hybrid>(HybridSettings{.queries = set.count("queries"), .decay = set.number("decay")});
  return nullptr;
}

std::unique_ptr<Model> make_factorised(std::string_view name, const SettingValues& set) {
  if (name == "ease")
    return made<Ease>(EaseSettings{.lambda = set.number("lambda"), .decay = set.number("decay")});
  if (name == "ials")
    return made<Ials>(IalsSettings{.dim = set.count("dim"),
                                   .epochs = set.count("epochs"),
                                   .unobserved_ratio = set.number("unobserved_ratio"),
                                   .regularization = set.number("regularization"),
                                   .frequency_power = set.number("frequency_power"),
                                   .init_deviation = set.number("init_deviation"),
                                   .decay = set.number("decay")});
  if (name == "bpr")
    return made<Bpr>(BprSettings{.dim = set.count("dim"),
                                 .epochs = set.count("epochs"),
                                 .learning_rate = set.number("learning_rate"),
                                 .regularization = set.number("regularization"),
                                 .negative_power = set.number("negative_power"),
                                 .fold_passes = set.count("fold_passes")});
  if (name == "item2vec")
    return made<Item2Vec>(Item2VecSettings{.dim = set.count("dim"),
                                           .epochs = set.count("epochs"),
                                           .window = set.count("window"),
                                           .negatives = set.count("negatives"),
                                           .learning_rate = set.number("learning_rate"),
                                           .noise_power = set.number("noise_power"),
                                           .subsample = set.number("subsample"),
                                           .decay = set.number("decay")});
  return nullptr;
}

}  // namespace

std::span<const BaselineInfo> baselines() noexcept { return kBaselines; }

const BaselineInfo* find_baseline(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kBaselines, name, &BaselineInfo::name);
  return found == std::end(kBaselines) ? nullptr : found;
}

Result<std::unique_ptr<Model>> make_baseline(std::string_view name, std::span<const std::string> settings,
                                             const BaselineContext& context) {
  const BaselineInfo* info = find_baseline(name);
  if (info == nullptr) {
    std::string known;
    for (const auto& other : kBaselines) known += (known.empty() ? "" : ", ") + std::string(other.name);
    return invalid("baseline \"" + std::string(name) + "\" is not known: use " + known);
  }
  PENCHANT_TRY(values, SettingValues::parse(*info, settings));
  if (info->trained) return make_trained(std::string(name), values.words(), context);
  if (auto model = make_counted(name, values)) return model;
  if (auto model = make_factorised(name, values)) return model;
  throw InternalError("baseline " + std::string(name) + " is listed but cannot be made");
}

}  // namespace penchant::evaluate
