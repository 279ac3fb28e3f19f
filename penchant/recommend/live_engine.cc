/// Reading: requests, item cards.
#include "penchant/recommend/live_engine.h"

#include <algorithm>

#include "penchant/kernels/top_k.h"
#include "penchant/recommend/id_tree.h"

namespace penchant::recommend {
namespace {

constexpr std::size_t kNeighbours = 10;

/// A broken promise of ours or a lack of memory fails one request, not the process.
template <class Call>
auto guarded(Call&& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::resource_exhausted, "out of memory"};
  } catch (const std::exception& problem) {
    return Error{ErrorCode::internal, problem.what()};
  }
}

}  // namespace

LiveEngine::LiveEngine(store::Store& store, EngineOptions options, Executor& executor, const Clock& clock)
    : store_(store), options_(std::move(options)), executor_(executor), clock_(clock) {}

std::shared_lock<std::shared_mutex> LiveEngine::read_lock() const {
  const std::scoped_lock gate(gate_);
  return std::shared_lock(world_mutex_);
}

std::unique_lock<std::shared_mutex> LiveEngine::write_lock() {
  const std::scoped_lock gate(gate_);
  return std::unique_lock(world_mutex_);
}

const text::SentenceEncoder* LiveEngine::encoder_for(const ReleaseModel* model) const {
  if (encoder_ == nullptr || model == nullptr || model->text_dim == 0) return nullptr;
  if (model->text_encoder_sha256 != encoder_->sha256() || model->text_dim != encoder_->dim()) return nullptr;
  return encoder_.get();
}

RunContext LiveEngine::context() const {
  RunContext context;
  context.world = world_.get();
  context.states = &states_;
  context.encoder = encoder_for(world_->model.get());
  context.encoder_problem = encoder_ == nullptr ? std::string_view(encoder_problem_)
                                                : "the release was trained with another sentence encoder";
  context.options = &options_;
  context.executor = &executor_;
  context.now_ms = world_->calendar_times ? clock_.now_ms() : 0;
  return context;
}

Result<Response> LiveEngine::recommend(const Request& request) {
  PENCHANT_DO(RequestRun::check(request));
  return guarded([&]() -> Result<Response> {
    const auto lock = read_lock();
    const RunContext run_context = context();
    return RequestRun(run_context, request).list();
  });
}

Result<ScoredItem> LiveEngine::explain(const Request& request, const std::string& item) {
  PENCHANT_DO(RequestRun::check(request));
  return guarded([&]() -> Result<ScoredItem> {
    Request explained = request;
    if (explained.explain == Explain::none) explained.explain = Explain::brief;
    const auto lock = read_lock();
    const auto row = world_->find_item(item);
    if (!row) return Error{ErrorCode::not_found, "there is no item '" + item + "'"};
    const RunContext run_context = context();
    return RequestRun(run_context, explained).explain_one(*row);
  });
}

Result<std::vector<double>> LiveEngine::score_all(const Request& request) {
  PENCHANT_DO(RequestRun::check(request));
  return guarded([&]() -> Result<std::vector<double>> {
    const auto lock = read_lock();
    const RunContext run_context = context();
    return RequestRun(run_context, request).score_all();
  });
}

Result<ItemCard> LiveEngine::item_card(const std::string& item) {
  return guarded([&]() -> Result<ItemCard> {
    ItemCard card;
    PENCHANT_TRY(stored, store_.get_item(item));
    card.item = std::move(stored);
    const auto lock = read_lock();
    const World& world = *world_;
    const auto row = world.find_item(item);
    if (!row) return card;  // put by another process: known after reload()
    card.events = static_cast<std::uint64_t>(std::max<std::int64_t>(world.transitions.count(*row), 0));
    const std::uint32_t self = index(*row);
    if (world.model == nullptr || world.tables.has_id[self] == 0) return card;
    const auto codes = world.tables.codes.row(self);
    card.semantic_id.assign(codes.begin(), codes.end());
    std::vector<float> similarity(world.tables.rows(), 0.0F);
    if (world.model->content_dim > 0) world.tables.content.scan(world.tables.content.row(self), similarity);
    else world.tables.unit_vectors.scan(world.tables.unit_vectors.row(self), similarity);
    // Shared prefix first, then likeness: one number, because likeness lies within -1..1.
    std::vector<float> order(world.tables.rows());
    std::vector<std::size_t> shared(world.tables.rows(), 0);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto other = world.tables.codes.row(i);
      while (world.tables.has_id[i] != 0 && shared[i] < codes.size() && other[shared[i]] == codes[shared[i]]) ++shared[i];
      order[i] = 4 * static_cast<float>(shared[i]) + similarity[i];
    }
    Bitmap others = world.available;
    others.reset(self);
    for (const auto& hit : kernels::top_k(order, kNeighbours, &others)) {
      ItemCard::Neighbour neighbour{world.ids[hit.index], world.titles[hit.index], {}, shared[hit.index],
                                    static_cast<double>(similarity[hit.index])};
      if (world.tables.has_id[hit.index] != 0) {
        const auto id = world.tables.codes.row(hit.index);
        neighbour.semantic_id.assign(id.begin(), id.end());
      }
      card.neighbours.push_back(std::move(neighbour));
    }
    return card;
  });
}

Result<IdTree> LiveEngine::id_tree(const IdTreeQuery& query) {
  return guarded([&]() -> Result<IdTree> {
    const auto lock = read_lock();
    return id_tree_of(*world_, query);
  });
}

std::string LiveEngine::live_release() const {
  const auto lock = read_lock();
  return world_->model == nullptr ? "" : world_->model->manifest.name;
}

Result<std::unique_ptr<Engine>> Engine::open(store::Store& store, const EngineOptions& options, Executor& executor,
                                             const Clock& clock) {
  auto engine = std::make_unique<LiveEngine>(store, options, executor, clock);
  PENCHANT_DO(engine->open());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace penchant::recommend
