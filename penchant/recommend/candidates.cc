/// Candidates of one request and their features.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/generate/beam_search.h"
#include "penchant/kernels/top_k.h"
#include "penchant/recommend/request_run.h"

namespace penchant::recommend {

using rank::column;
using rank::Feature;
using rank::Task;

void RequestRun::add_candidate(std::uint32_t row, Source source, std::size_t rank) {
  found_.set(row);
  if (rank < kNamedDepth) found_by_[row] |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(source));
}

void RequestRun::add_candidates(Source source, std::span<const float> scores) {
  std::size_t depth = context_.options->candidates;
  if (ranks_all()) depth = std::min(depth, kNamedDepth);  // the rest joins anyway
  const auto best = kernels::top_k(scores, depth, &allowed_);
  for (std::size_t r = 0; r < best.size(); ++r) add_candidate(best[r].index, source, r);
}

Status RequestRun::run_beam() {
  if (state_.hidden.empty() || !uses(Feature::generator)) return {};
  if (expired()) {
    degrade("generator", "the deadline passed");
    return {};
  }
  generate::BeamOptions options;
  options.beam = request_.beam != 0 ? request_.beam : context_.options->beam;
  options.items = std::max(context_.options->candidates, options.beam);
  options.allowed = &allowed_;
  options.expired = [this] { return expired(); };
  auto found = generate::beam_search(world_.generator(), state_.hidden, options);
  if (!found.ok()) {
    if (found.error().code != ErrorCode::deadline_exceeded) return std::move(found).error();
    degrade("generator", "the deadline passed during beam search");
    return {};
  }
  const auto& items = found.value();
  for (std::size_t r = 0; r < items.size(); ++r) {
    beam_[index(items[r].item)] = items[r].log_prob;
    add_candidate(index(items[r].item), Source::generator, r);
    beam_floor_ = items[r].log_prob;  // best first: the last is the floor
  }
  return {};
}

bool RequestRun::ranks_all() const {
  return (task_ == Task::recommend || task_ == Task::guest) && allowed_count_ <= kRankAll;
}

Status RequestRun::find_candidates() {
  found_ = Bitmap(world_.items());
  found_by_.assign(world_.items(), 0);
  allowed_count_ = allowed_.count();
  PENCHANT_DO(run_beam());
  if (task_ == Task::search) {
    std::vector<float> scores(world_.items(), 0.0F);
    for (const auto& [row, score] : lexical_) scores[row] = score;
    if (!lexical_.empty()) add_candidates(Source::lexical, scores);
    if (!text_.empty()) add_candidates(Source::content, text_);
    // Zero scores fill a short list of matches: they are no candidates.
    found_.for_each([&](std::size_t i) {
      if (!lexical_.contains(static_cast<std::uint32_t>(i)) && (text_.empty() || text_[i] <= 0)) found_.reset(i);
    });
  } else if (task_ == Task::similar) {
    if (!anchor_vector_.empty()) add_candidates(Source::dense, anchor_vector_);
    if (!anchor_content_.empty()) add_candidates(Source::content, anchor_content_);
    add_candidates(Source::transitions, anchor_transitions_);
  } else {
    if (!signals_.logits.empty()) add_candidates(Source::dense, signals_.logits);
    if (!signals_.towers.empty()) add_candidates(Source::towers, signals_.towers);
    if (!signals_.transitions.empty()) add_candidates(Source::transitions, signals_.transitions);
    if (!signals_.content.empty()) add_candidates(Source::content, signals_.content);
    std::vector<float> scores(world_.items());
    world_.popularity.all_time(scores);
    add_candidates(Source::popular, scores);
    world_.popularity.window(scores);
    add_candidates(Source::popular, scores);
    if (!signals_.logits.empty() || world_.model == nullptr) {
      // The fresh lane: items training never saw, those nearest to the person first.
      const float none = std::numeric_limits<float>::quiet_NaN();  // never a candidate
      for (std::size_t i = 0; i < scores.size(); ++i) {
        const bool fresh = world_.model == nullptr ? world_.transitions.count(ItemId{static_cast<std::uint32_t>(i)}) == 0
                                                   : world_.tables.untrained[i] != 0;
        scores[i] = !fresh ? none : signals_.logits.empty() ? static_cast<float>(i) : signals_.logits[i];
      }
      add_candidates(Source::fresh, scores);
    }
    if (ranks_all()) {
      found_ |= allowed_;
    } else {
      for (std::size_t b = 0; b < boosted_.size(); ++b) {  // what is lifted must be there to be lifted
        if (request_.boosts[b].weight <= 0) continue;
        Bitmap lifted = boosted_[b];
        lifted &= allowed_;
        world_.popularity.all_time(scores);
        for (const auto& hit : kernels::top_k(signals_.logits.empty() ? std::span<const float>(scores) : signals_.logits,
                                              context_.options->candidates, &lifted))
          found_.set(hit.index);
      }
    }
  }
  pool_.clear();
  found_.for_each([&](std::size_t i) { pool_.push_back(static_cast<std::uint32_t>(i)); });
  return {};
}

void RequestRun::fill_query_features(std::span<const std::uint32_t> rows, MatrixView<float> out) const {
  const auto at = [](const std::vector<float>& values, std::uint32_t i) { return i < values.size() ? values[i] : 0.0F; };
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::uint32_t i = rows[r];
    const auto hit = lexical_.find(i);
    out(r, column(Feature::lexical)) = hit == lexical_.end() ? 0 : hit->second / best_lexical_;
    out(r, column(Feature::text)) = at(text_, i);
    out(r, column(Feature::anchor_vector)) = at(anchor_vector_, i);
    out(r, column(Feature::anchor_content)) = at(anchor_content_, i);
    out(r, column(Feature::anchor_transitions)) = at(anchor_transitions_, i);
  }
}

void RequestRun::fill_features() {
  features_ = Matrix<float>(pool_.size(), rank::kFeatures);
  fill_history_features(signals_, {&world_.tables, world_.count_views(), world_.median, context_.now_ms, seen_}, pool_,
                        features_.view());
  fill_query_features(pool_, features_.view());
  exact_.assign(pool_.size(), 0);
  if (beam_.empty()) return;
  for (std::size_t p = 0; p < pool_.size(); ++p) {
    const auto hit = beam_.find(pool_[p]);
    features_(p, column(Feature::generator)) = hit == beam_.end() ? beam_floor_ : hit->second;
    exact_[p] = hit == beam_.end() ? 0 : 1;
  }
}

void RequestRun::exact_generator(std::size_t count) {
  const auto score_pool = [&] {
    scores_.resize(pool_.size());
    for (std::size_t p = 0; p < pool_.size(); ++p) scores_[p] = ranker_.score(task_, features_.row(p));
  };
  const bool wanted = !state_.hidden.empty() && uses(Feature::generator);
  if (!wanted || (beam_.empty() && count < pool_.size())) return score_pool();  // the beam said why it did not run
  score_pool();
  std::vector<std::uint32_t> order(pool_.size());
  std::iota(order.begin(), order.end(), 0U);
  const std::size_t top = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(), [&](auto a, auto b) {
    return scores_[a] != scores_[b] ? scores_[a] > scores_[b] : a < b;
  });
  std::vector<std::uint32_t> rows, positions;
  for (std::size_t r = 0; r < top; ++r)
    if (exact_[order[r]] == 0 && world_.tables.has_id[pool_[order[r]]] != 0) {
      positions.push_back(order[r]);
      rows.push_back(pool_[order[r]]);
    }
  if (expired()) degrade("generator", "the deadline passed: items beyond the beam keep its lowest score");
  else if (!rows.empty()) {
    std::vector<float> log_probs(rows.size());
    generate::path_log_probs(world_.generator(), state_.hidden, world_.tables.codes.view(), rows, log_probs);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      features_(positions[r], column(Feature::generator)) = log_probs[r];
      exact_[positions[r]] = 1;
    }
  }
  score_pool();
}

}  // namespace penchant::recommend
