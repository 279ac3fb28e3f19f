#include "penchant/recommend/request_run.h"

#include <algorithm>
#include <cmath>

#include "penchant/catalog/filter.h"
#include "penchant/kernels/vectors.h"
#include "penchant/retrieve/lexical.h"

namespace penchant::recommend {
namespace {

using rank::Feature;
using rank::Task;

constexpr std::size_t kLexicalReach = 5000;  ///< matches that are looked at before filters

Status too_many(std::string_view field, std::size_t size, std::size_t most) {
  if (size <= most) return {};
  return invalid(std::string(field) + " holds " + std::to_string(size) + " entries; at most " + std::to_string(most) + " are read");
}

}  // namespace

RequestRun::RequestRun(const RunContext& context, const Request& request)
    : context_(context), world_(*context.world), request_(request) {
  if (world_.model != nullptr) {
    ranker_ = world_.model->ranker;
    response_.release = world_.model->manifest.name;
  }
}

Status RequestRun::check(const Request& request) {
  if (request.n < 1 || request.n > kMaxList) return invalid("n is " + std::to_string(request.n) + "; it must be 1 to 1000");
  if (!(request.diversity >= 0 && request.diversity <= 1)) return invalid("diversity must be 0 to 1");
  if (request.beam > kMaxBeamWidth) return invalid("beam is " + std::to_string(request.beam) + "; it must be 0 (default) to 1024");
  if (request.deadline_ms < 0) return invalid("deadline_ms must be 0 (none) or more");
  if (request.query.size() > retrieve::kMaxQueryBytes)
    return invalid("query is " + std::to_string(request.query.size()) + " bytes long; at most 2048 are read");
  PENCHANT_DO(too_many("exclude", request.exclude.size(), kMaxExclude));
  PENCHANT_DO(too_many("session", request.session.size(), kMaxSession));
  PENCHANT_DO(too_many("similar_to", request.similar_to.size(), kMaxAnchors));
  PENCHANT_DO(too_many("boosts", request.boosts.size(), kMaxBoosts));
  for (std::size_t b = 0; b < request.boosts.size(); ++b)
    if (!(std::abs(request.boosts[b].weight) <= 1000))
      return invalid("boosts[" + std::to_string(b) + "].weight must be a number within +-1000");
  return {};
}

bool RequestRun::expired() const {
  return request_.deadline_ms > 0 && Steady::now() - start_ >= std::chrono::milliseconds(request_.deadline_ms);
}

void RequestRun::lap(std::string_view stage) {
  const auto now = Steady::now();
  response_.timings_ms[std::string(stage)] += std::chrono::duration<double, std::milli>(now - lap_).count();
  lap_ = now;
}

void RequestRun::degrade(std::string part, std::string why) {
  for (const Degraded& entry : response_.degraded)
    if (entry.part == part) return;
  response_.degraded.push_back({std::move(part), std::move(why)});
}

bool RequestRun::uses(Feature feature) const { return ranker_.weights(task_)[rank::column(feature)] != 0; }

Status RequestRun::prepare() {
  if (world_.model == nullptr)
    degrade("model", "there is no live release yet: train one (penchant train); popular, fresh, transition and word matches answer");
  if (world_.texts_left_out > 0)
    degrade("new_items", std::to_string(world_.texts_left_out) +
                             " items that came after training have no text vector yet: reload, or train a release");
  PENCHANT_DO(read_history());
  for (const std::string& id : request_.similar_to) {
    if (const auto item = world_.find_item(id)) anchors_.push_back(*item);
    else response_.ignored.push_back("similar_to: item '" + id + "' is not in the catalogue");
  }
  if (!request_.similar_to.empty() && anchors_.empty() && request_.query.empty())
    return Error{ErrorCode::not_found, "similar_to: no item '" + request_.similar_to.front() + "' in the catalogue; put it first"};
  choose_task();
  PENCHANT_DO(read_allowed());
  PENCHANT_DO(read_boosts());
  lap("allow");
  PENCHANT_DO(read_state());
  signals_ = history_signals(world_.model.get(), world_.tables, world_.transitions, state_.hidden, history_items_);
  lap("user_state");
  PENCHANT_DO(read_query());
  read_anchors();
  lap("understand");
  return {};
}

Status RequestRun::read_history() {
  seen_.assign(world_.items(), 0);
  if (!request_.user.empty()) {
    person_ = world_.find_user(request_.user, &user_);
    if (person_ == nullptr) response_.ignored.push_back("user: '" + request_.user + "' is not known here");
  }
  if (person_ != nullptr) {
    history_.reserve(person_->history.size() + request_.session.size());
    for (const HistoryEntry& entry : person_->history)
      history_.push_back({entry.item, world_.type_name(entry.type), entry.value, entry.time_ms});
  }
  stored_events_ = history_.size();
  for (const SessionEvent& event : request_.session) {
    const auto item = world_.find_item(event.item);
    if (!item) {
      response_.ignored.push_back("session: item '" + event.item + "' is not in the catalogue");
      continue;
    }
    const std::int64_t next = world_.calendar_times ? context_.now_ms : history_.empty() ? 0 : history_.back().time_ms + 1;
    history_.push_back({*item, event.type, event.value.value_or(std::numeric_limits<double>::quiet_NaN()),
                        event.time_ms != 0 ? event.time_ms : next});
  }
  for (const HistoryEvent& event : history_) {
    history_items_.push_back(event.item);
    seen_[index(event.item)] = 1;
  }
  if (!request_.user.empty() && history_.empty())
    degrade("personalization", person_ == nullptr
                ? "user '" + request_.user + "' is unknown and there is no session: what is popular is shown"
                : "user '" + request_.user + "' has no events yet and there is no session: what is popular is shown");
  return {};
}

void RequestRun::choose_task() {
  task_ = !request_.query.empty() ? Task::search
          : !anchors_.empty()     ? Task::similar
          : !history_.empty()     ? Task::recommend
                                  : Task::guest;
  response_.task = task_ == Task::guest ? "recommend" : std::string(rank::name_of(task_));
}

Status RequestRun::read_allowed() {
  auto filter = catalog::Filter::parse(request_.filter);
  if (!filter.ok()) return std::move(filter).error().within("filter");
  response_.filter = filter.value().matches_all() ? "" : filter.value().to_string();
  allowed_ = world_.available;
  if (!filter.value().matches_all()) {
    std::vector<std::string> unresolved;
    auto matching = world_.attributes.evaluate(filter.value(), person_ == nullptr ? nullptr : &person_->attributes, &unresolved);
    if (!matching.ok()) return std::move(matching).error().within("filter");
    allowed_ &= matching.value();
    for (const std::string& name : unresolved)
      degrade("filter", "user." + name + " is not an attribute of this user: comparisons with it are false");
  }
  for (const std::string& id : request_.exclude)
    if (const auto item = world_.find_item(id)) allowed_.reset(index(*item));
  for (const ItemId anchor : anchors_) allowed_.reset(index(anchor));
  // A search for something one knows should find it; other lists follow what people do here.
  response_.include_seen =
      request_.include_seen.value_or(task_ == Task::search || world_.repeat_share() >= kRepeatShare);
  if (!response_.include_seen)
    for (const ItemId item : history_items_) allowed_.reset(index(item));
  if (person_ != nullptr && !request_.include_seen.value_or(false) && task_ != Task::search)
    for (const ItemId item : person_->disliked) allowed_.reset(index(item));
  return {};
}

Status RequestRun::read_boosts() {
  for (std::size_t b = 0; b < request_.boosts.size(); ++b) {
    const std::string name = "boosts[" + std::to_string(b) + "].filter";
    auto filter = catalog::Filter::parse(request_.boosts[b].filter);
    if (!filter.ok()) return std::move(filter).error().within(name);
    auto matching = world_.attributes.evaluate(filter.value(), person_ == nullptr ? nullptr : &person_->attributes);
    if (!matching.ok()) return std::move(matching).error().within(name);
    boosted_.push_back(std::move(matching).value());
  }
  return {};
}

Status RequestRun::read_state() {
  if (world_.model == nullptr || history_.empty()) return {};
  const ReleaseModel& model = *world_.model;
  const std::size_t window = model.manifest.model.max_len;
  const std::size_t begin = window_begin(model, stored_events_);
  if (stored_events_ == 0 || history_.size() - begin > window) {
    PENCHANT_TRY(state, encode_history(model, world_.tables, history_, context_.now_ms));
    state_ = std::move(state);
    return {};
  }
  auto warm = context_.states->find(user_);
  const bool usable = warm != nullptr && warm->version == person_->version && warm->begin == begin &&
                      warm->state.length <= stored_events_ - begin;
  if (!usable || warm->state.length < stored_events_ - begin) {
    auto next = std::make_shared<WarmState>();
    if (usable) *next = *warm;
    next->begin = begin;
    next->version = person_->version;
    const auto inputs = event_inputs(model, world_.tables, std::span(history_).first(stored_events_), begin + next->state.length);
    PENCHANT_DO(model.sequence->append(next->state, inputs));
    context_.states->put(user_, next);
    warm = std::move(next);
  }
  const bool keeps_positions = request_.explain != Explain::none || history_.size() > stored_events_;
  if (keeps_positions) {
    state_ = warm->state;
  } else {  // the keys and values are not needed: spare the copy
    state_.hidden = warm->state.hidden;
    state_.residual = warm->state.residual;
    state_.length = warm->state.length;
  }
  if (history_.size() > stored_events_)
    PENCHANT_DO(model.sequence->append(state_, event_inputs(model, world_.tables, history_, stored_events_)));
  ask_at(model, history_, context_.now_ms, state_);
  return {};
}

Status RequestRun::read_query() {
  if (request_.query.empty()) return {};
  terms_ = retrieve::query_terms(request_.query);
  PENCHANT_TRY(hits, world_.lexical->search(request_.query, kLexicalReach));
  for (const auto& hit : hits) {
    if (!allowed_.test(index(hit.item))) continue;
    lexical_[index(hit.item)] = hit.score;
    best_lexical_ = std::max(best_lexical_, hit.score);
  }
  if (world_.model == nullptr || world_.model->text_dim == 0) {
    if (world_.model != nullptr) degrade("text_search", "the release holds no text vectors: only words are matched");
    return {};
  }
  if (context_.encoder == nullptr) {
    degrade("text_search", std::string(context_.encoder_problem) + ": only words are matched");
    return {};
  }
  if (expired()) {
    degrade("text_search", "the deadline passed");
    return {};
  }
  const std::vector<std::string> texts{request_.query};
  PENCHANT_TRY(vectors, context_.encoder->encode(texts, *context_.executor));
  std::vector<float> query(world_.model->content_dim, 0.0F);
  std::copy(vectors.row(0).begin(), vectors.row(0).end(), query.begin() + static_cast<std::ptrdiff_t>(world_.model->text_offset));
  text_.resize(world_.tables.rows());
  world_.tables.content.scan(query, text_);
  for (std::size_t i = 0; i < text_.size(); ++i) text_[i] *= world_.tables.text_scale[i];
  return {};
}

void RequestRun::read_anchors() {
  anchor_vector_.clear();
  anchor_content_.clear();
  anchor_transitions_.clear();
  if (anchors_.empty()) return;
  anchor_transitions_.resize(world_.items());
  world_.transitions.score(anchors_, anchor_transitions_);
  for (float& score : anchor_transitions_) score = score == 0 ? 0 : transition_feature(static_cast<double>(score));
  if (world_.model == nullptr) return;
  const auto mean_cosine = [&](const retrieve::VectorTable& table, std::vector<float>& out) {
    std::vector<float> mean(table.dim(), 0.0F);
    for (const ItemId anchor : anchors_)
      kernels::add_scaled(mean, 1.0F / static_cast<float>(anchors_.size()), table.row(index(anchor)));
    out.resize(table.rows());
    table.scan(mean, out);
  };
  mean_cosine(world_.tables.unit_vectors, anchor_vector_);
  if (world_.model->content_dim > 0) mean_cosine(world_.tables.content, anchor_content_);
}

Result<Response> RequestRun::list() {
  PENCHANT_DO(prepare());
  PENCHANT_DO(find_candidates());
  lap("candidates");
  fill_features();
  exact_generator(std::max(kExactGenerator, 2 * request_.n));
  apply_boosts();
  lap("rank");
  const auto best = arrange();
  for (std::size_t r = 0; r < best.size(); ++r) response_.items.push_back(scored(best[r], r + 1));
  lap("arrange");
  if (request_.explain != Explain::none && !response_.items.empty()) {
    explain(response_.items, best);
    lap("explain");
  }
  response_.timings_ms["total"] = std::chrono::duration<double, std::milli>(Steady::now() - start_).count();
  return std::move(response_);
}

Result<ScoredItem> RequestRun::explain_one(ItemId item) {
  PENCHANT_DO(prepare());
  PENCHANT_DO(find_candidates());
  const std::uint32_t row = index(item);
  const bool listed = std::binary_search(pool_.begin(), pool_.end(), row);
  if (!listed) pool_.insert(std::lower_bound(pool_.begin(), pool_.end(), row), row);
  fill_features();
  exact_generator(std::max(kExactGenerator, 2 * request_.n));
  apply_boosts();
  const auto position = static_cast<std::size_t>(std::lower_bound(pool_.begin(), pool_.end(), row) - pool_.begin());
  std::size_t rank = 0;
  if (listed) {
    rank = 1;
    for (std::size_t p = 0; p < pool_.size(); ++p)
      if (scores_[p] > scores_[position] || (scores_[p] == scores_[position] && p < position)) ++rank;
  }
  std::vector<ScoredItem> items{scored(position, rank)};
  explain(items, std::span(&position, 1));
  return std::move(items.front());
}

Result<std::vector<double>> RequestRun::score_all() {
  PENCHANT_DO(prepare());
  pool_.resize(world_.items());
  for (std::uint32_t i = 0; i < pool_.size(); ++i) pool_[i] = i;
  fill_features();
  exact_generator(pool_.size());
  apply_boosts();
  for (std::size_t i = 0; i < scores_.size(); ++i)
    if (!allowed_.test(i)) scores_[i] = -std::numeric_limits<double>::infinity();
  return std::move(scores_);
}

}  // namespace penchant::recommend
