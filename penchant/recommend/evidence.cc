/// Reasons of a list: the scores of its items with evidence taken away, by the way they were made.
#include <algorithm>
#include <cmath>
#include <set>

#include "penchant/explain/templates.h"
#include "penchant/recommend/request_run.h"

namespace penchant::recommend {

using rank::column;
using rank::Feature;

namespace {

constexpr std::size_t kNewestTried = 32;       ///< newest events, each left out alone
constexpr std::size_t kTransitionsTried = 16;  ///< older events with the most weight to a listed item

template <class T>
std::vector<T> without(const std::vector<T>& from, std::span<const std::size_t> positions) {
  std::vector<T> kept;
  kept.reserve(from.size());
  for (std::size_t p = 0; p < from.size(); ++p)
    if (!std::binary_search(positions.begin(), positions.end(), p)) kept.push_back(from[p]);
  return kept;
}

}  // namespace

/// Re-scores the listed rows. Every answer goes the same way, the baseline too, so differences are
/// those of the evidence alone.
class RequestRun::Removal final : public explain::Rescorer {
 public:
  Removal(RequestRun& run, std::span<const std::size_t> positions)
      : run_(run), world_(run.world_), until_(Steady::now() + std::chrono::milliseconds(kExplainBudgetMs)),
        base_(positions.size(), rank::kFeatures) {
    for (std::size_t r = 0; r < positions.size(); ++r) {
      rows_.push_back(run.pool_[positions[r]]);
      std::copy_n(run.features_.row(positions[r]).begin(), rank::kFeatures, base_.row(r).begin());
    }
  }

  std::optional<std::vector<double>> baseline() override {
    if (late()) return std::nullopt;
    if (!run_.state_.hidden.empty() && run_.uses(Feature::generator)) fill_generator(run_.state_.hidden, base_);
    return scores(base_);
  }

  std::optional<std::vector<double>> without_events(std::span<const std::size_t> positions) override {
    if (late()) return std::nullopt;
    Matrix<float> features = base_;
    const auto history = without(run_.history_, positions);
    const auto items = without(run_.history_items_, positions);
    auto hidden = encode(history, positions.front());
    if (!hidden.ok()) return std::nullopt;
    const HistorySignals signals =
        history_signals(world_.model.get(), world_.tables, world_.transitions, hidden.value(), items);
    fill_history_features(signals, {&world_.tables, world_.count_views(), world_.median, run_.context_.now_ms, run_.seen_},
                          rows_, features.view());
    if (items.empty()) know_nothing(features);
    else if (!hidden.value().empty() && run_.uses(Feature::generator)) fill_generator(hidden.value(), features);
    return scores(features);
  }

  std::optional<std::vector<double>> without_anchor(std::size_t anchor) override {
    if (late()) return std::nullopt;
    Matrix<float> features = base_;
    const auto all = run_.anchors_;
    run_.anchors_.erase(run_.anchors_.begin() + static_cast<std::ptrdiff_t>(anchor));
    run_.read_anchors();
    run_.fill_query_features(rows_, features.view());
    run_.anchors_ = all;
    run_.read_anchors();
    return scores(features);
  }

  std::optional<std::vector<double>> without_term(std::size_t term) override {
    if (late()) return std::nullopt;
    Matrix<float> features = base_;
    auto terms = run_.terms_;
    terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(term));
    auto hits = world_.lexical->search(terms, term + 1 != run_.terms_.size(), world_.items());
    if (!hits.ok()) return std::nullopt;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      features(r, column(Feature::lexical)) = 0;
      for (const auto& hit : hits.value())
        if (index(hit.item) == rows_[r]) features(r, column(Feature::lexical)) = hit.score / run_.best_lexical_;
    }
    if (!run_.text_.empty() && !fill_text(terms, features)) return std::nullopt;
    return scores(features);
  }

 private:
  [[nodiscard]] bool late() const { return Steady::now() >= until_ || run_.expired(); }

  [[nodiscard]] std::vector<double> scores(const Matrix<float>& features) const {
    std::vector<double> out(rows_.size());
    for (std::size_t r = 0; r < rows_.size(); ++r) out[r] = run_.ranker_.score(run_.task_, features.row(r));
    return out;
  }

  /// Hidden state of `history`, which is the run's without events from position `first` on. The
  /// model is causal: positions before `first` are taken as they were.
  Result<std::vector<float>> encode(const std::vector<HistoryEvent>& history, std::size_t first) {
    if (world_.model == nullptr || history.empty()) return std::vector<float>();
    const ReleaseModel& model = *world_.model;
    if (window_begin(model, run_.history_.size()) > 0 || first == 0 || run_.state_.keys.empty()) {
      PENCHANT_TRY(state, encode_history(model, world_.tables, history, run_.context_.now_ms));
      return std::move(state.hidden);
    }
    if (first == history.size()) --first;  // nothing follows: the last event is read again
    nn::UserState state = prefix_of(run_.state_, static_cast<std::uint32_t>(first), model.manifest.model.dim);
    PENCHANT_DO(model.sequence->append(state, event_inputs(model, world_.tables, history, first)));
    ask_at(model, history, run_.context_.now_ms, state);
    return std::move(state.hidden);
  }

  void fill_generator(std::span<const float> hidden, Matrix<float>& features) {
    std::vector<std::uint32_t> rows;
    std::vector<std::size_t> where;
    for (std::size_t r = 0; r < rows_.size(); ++r)
      if (world_.tables.has_id[rows_[r]] != 0) {
        rows.push_back(rows_[r]);
        where.push_back(r);
      }
    std::vector<float> log_probs(rows.size());
    generate::path_log_probs(world_.generator(), hidden, world_.tables.codes.view(), rows, log_probs);
    for (std::size_t i = 0; i < rows.size(); ++i) features(where[i], column(Feature::generator)) = log_probs[i];
  }

  /// Without any history every item is as likely as any other.
  void know_nothing(Matrix<float>& features) const {
    if (world_.model == nullptr) return;
    const auto& shape = world_.model->manifest.model;
    const double items = static_cast<double>(std::max<std::size_t>(world_.tables.rows(), 1));
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      features(r, column(Feature::dense)) = static_cast<float>(-std::log(items));
      if (run_.uses(Feature::generator) && !run_.state_.hidden.empty())
        features(r, column(Feature::generator)) = static_cast<float>(-std::log(static_cast<double>(shape.codebook)) * shape.levels);
    }
  }

  bool fill_text(const std::vector<std::string>& terms, Matrix<float>& features) {
    std::string text;
    for (const std::string& term : terms) text += (text.empty() ? "" : " ") + term;
    std::vector<float> query(world_.model->content_dim, 0.0F);
    if (!text.empty()) {
      const std::vector<std::string> texts{text};
      auto vectors = run_.context_.encoder->encode(texts, *run_.context_.executor);
      if (!vectors.ok()) return false;
      std::copy(vectors.value().row(0).begin(), vectors.value().row(0).end(),
                query.begin() + static_cast<std::ptrdiff_t>(world_.model->text_offset));
    }
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      double cosine = 0;
      const auto row = world_.tables.content.row(rows_[r]);
      for (std::size_t j = 0; j < query.size(); ++j) cosine += static_cast<double>(query[j]) * static_cast<double>(row[j]);
      features(r, column(Feature::text)) = static_cast<float>(cosine) * world_.tables.text_scale[rows_[r]];
    }
    return true;
  }

  RequestRun& run_;
  const World& world_;
  Steady::time_point until_;
  std::vector<std::uint32_t> rows_;
  Matrix<float> base_;  ///< [rows, kFeatures]
};

explain::Tone RequestRun::tone_of(const HistoryEvent& event) const {
  using explain::Tone;
  if (event.type == "like" || event.type == "favorite" || event.type == "bookmark") return Tone::liked;
  if (event.type == "purchase" || event.type == "order") return Tone::bought;
  if (event.type == "view" || event.type == "click") return Tone::viewed;
  if (event.type != "rating" || std::isnan(event.value)) return Tone::neutral;
  for (std::uint16_t type = 0; type < world_.types.size(); ++type) {
    if (world_.types[type].name != event.type) continue;
    const auto highest = world_.highest_value.find(type);
    if (highest == world_.highest_value.end() || highest->second <= 0) return Tone::neutral;
    const double share = event.value / highest->second;  // of a scale that starts near 0: 4 of 5 is high
    return share >= 0.75 ? Tone::rated_high : share <= 0.45 ? Tone::rated_low : Tone::neutral;
  }
  return Tone::neutral;
}

std::vector<std::size_t> RequestRun::events_to_try(std::span<const std::size_t> positions) const {
  std::set<std::size_t> tried;
  const std::size_t n = history_.size();
  for (std::size_t p = n > kNewestTried ? n - kNewestTried : 0; p < n; ++p) tried.insert(p);
  std::vector<std::pair<double, std::size_t>> older;
  for (std::size_t p = 0; p + kNewestTried < n; ++p) {
    double most = 0;
    for (const std::size_t position : positions)
      most = std::max(most, world_.transitions.contribution(history_items_, p, ItemId{pool_[position]}));
    if (most > 0) older.emplace_back(-most, p);
  }
  std::sort(older.begin(), older.end());
  for (std::size_t i = 0; i < older.size() && i < kTransitionsTried; ++i) tried.insert(older[i].second);
  return {tried.rbegin(), tried.rend()};  // newest first: what time allows is the newest
}

std::vector<explain::InputDrop> RequestRun::input_drops(std::size_t position) {
  if (medians_.empty()) {
    medians_.resize(rank::kFeatures, 0);
    std::vector<float> values(pool_.size());
    for (std::size_t f = 0; f < rank::kFeatures; ++f) {
      for (std::size_t p = 0; p < pool_.size(); ++p) values[p] = features_(p, f);
      const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
      std::nth_element(values.begin(), middle, values.end());
      medians_[f] = *middle;
    }
  }
  std::vector<explain::InputDrop> drops;
  for (std::size_t f = 0; f < rank::kFeatures; ++f) {
    const auto feature = static_cast<Feature>(f);
    if (feature == Feature::seen || feature == Feature::cold || !uses(feature)) continue;
    const double drop = ranker_.weights(task_)[f] * static_cast<double>(features_(position, f) - medians_[f]);
    std::string source(rank::name_of(feature));
    if (feature == Feature::popularity) source = "popular";
    if (feature == Feature::recency) source = "recent";
    drops.push_back({std::move(source), drop});
  }
  return drops;
}

explain::Context RequestRun::reason_context(std::span<const std::size_t> positions) {
  listed_.clear();
  for (const std::size_t position : positions) {
    const std::uint32_t row = pool_[position];
    const bool is_new = world_.model != nullptr && world_.tables.untrained[row] != 0;
    listed_.push_back({world_.ids[row], world_.titles[row], world_.facets_of[row], is_new, input_drops(position)});
  }
  past_.clear();
  for (const HistoryEvent& event : history_) {
    const std::uint32_t row = index(event.item);
    past_.push_back({world_.ids[row], world_.titles[row], tone_of(event), world_.facets_of[row]});
  }
  anchor_names_.clear();
  for (const ItemId anchor : anchors_) anchor_names_.push_back({world_.ids[index(anchor)], world_.titles[index(anchor)]});
  tried_ = events_to_try(positions);
  return {listed_, past_, tried_, anchor_names_, terms_, [this](explain::FacetId facet) {
            return explain::NamedValue{world_.facets[facet].attribute, world_.facets[facet].value};
          }};
}

void RequestRun::explain(std::vector<ScoredItem>& items, std::span<const std::size_t> positions) {
  const explain::Context context = reason_context(positions);
  Removal removal(*this, positions);
  const explain::Reasons found = explain::find_reasons(context, removal);
  if (!found.complete)
    degrade("explain", "time ran out: some history events or attributes were not tried as reasons");
  const explain::Wording wording{world_.item_noun, !history_.empty()};
  for (std::size_t i = 0; i < items.size(); ++i) {
    for (const explain::Reason& reason : found.of_item[i]) {
      Reason shown{reason.type, reason.weight, {}};
      for (const explain::Evidence& evidence : reason.evidence) shown.evidence.push_back({evidence.kind, evidence.id, evidence.text});
      items[i].reasons.push_back(std::move(shown));
    }
    if (request_.explain == Explain::brief) items[i].explanation = explain::line(found.of_item[i], wording);
  }
}

}  // namespace penchant::recommend
