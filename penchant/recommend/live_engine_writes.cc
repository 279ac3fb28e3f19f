/// Loading and writing: the store first, then memory.
#include <algorithm>
#include <cmath>

#include "penchant/kernels/vectors.h"
#include "penchant/recommend/live_engine.h"
#include "penchant/store/time_kind.h"

namespace penchant::recommend {
namespace {

constexpr std::size_t kMaxNounBytes = 30;

/// A release name is one folder below models/, nothing else.
Status check_name(const std::string& name) {
  const bool plain = !name.empty() && name.size() <= 200 && name.front() != '.' &&
                     name.find_first_of("/\\") == std::string::npos && name.find('\0') == std::string::npos;
  return plain ? Status{} : invalid("release name '" + name.substr(0, 60) + "' is not the name of a folder below models/");
}

}  // namespace

Status LiveEngine::open() {
  if (options_.encoder_dir.empty()) return open(nullptr);
  auto encoder = text::SentenceEncoder::load(options_.encoder_dir);
  if (!encoder.ok()) return open(nullptr, "the sentence encoder cannot be read: " + encoder.error().message);
  return open(std::move(encoder).value());
}

Status LiveEngine::open(std::unique_ptr<text::SentenceEncoder> encoder, std::string problem) {
  encoder_ = std::move(encoder);
  encoder_problem_ = std::move(problem);
  if (encoder_ != nullptr)
    texts_ = std::make_unique<text::VectorCache>(options_.home + "/cache/text_vectors.safetensors", encoder_->sha256(), encoder_->dim());
  PENCHANT_TRY(world, load_world(kEncodedAtOpen));
  world_ = std::move(world);
  return {};
}

Result<std::unique_ptr<World>> LiveEngine::load_world(std::size_t encode_at_most) {
  auto world = std::make_unique<World>();
  PENCHANT_TRY(lexical, retrieve::LexicalIndex::create());
  world->lexical = std::move(lexical);
  PENCHANT_TRY(types, store_.event_types());
  world->types = std::move(types);
  PENCHANT_TRY(noun, store_.get_setting("item_noun"));
  if (noun && !noun->empty() && noun->size() <= kMaxNounBytes) {
    std::erase(*noun, '"');
    world->item_noun = *noun;
  }
  PENCHANT_TRY(times, store::time_kind(store_));
  world->calendar_times = times == store::TimeKind::epoch;
  PENCHANT_DO(world->lexical->begin());
  Status problem;
  PENCHANT_DO(store_.scan_items(
      [&](ItemId row, catalog::Item&& item) {
        problem = world->put_item(row, item);
        return problem.ok();
      },
      false));
  PENCHANT_DO(std::move(problem));
  PENCHANT_DO(world->lexical->commit());
  PENCHANT_DO(store_.scan_users([&](UserId row, catalog::User&& user) {
    world->put_user(row, std::move(user.id), std::move(user.attributes));
    return true;
  }));
  PENCHANT_DO(store_.scan_events_by_user([&](const store::StoredEvent& event) {
    world->load_event(event);
    return true;
  }));
  world->finish_loading();
  if (options_.live_release) PENCHANT_DO(load_live_release(*world, encode_at_most));
  return world;
}

Status LiveEngine::load_live_release(World& world, std::size_t encode_at_most) {
  PENCHANT_TRY(rows, store_.releases());
  for (const store::ReleaseRow& row : rows) {
    if (!row.live) continue;
    PENCHANT_DO(check_name(row.name));
    auto release = load_release(options_.home + "/models/" + row.name);
    if (!release.ok()) return std::move(release).error().within("live release " + row.name);
    const std::size_t known = release.value().ids.size();
    PENCHANT_TRY(paths, make_paths(*release.value().model, release.value().tables, executor_));
    PENCHANT_DO(world.adopt(std::move(release).value(), std::move(paths)));
    return place_new_items(world, known, encode_at_most);
  }
  return {};
}

std::vector<LiveEngine::Content> LiveEngine::contents_of(const ReleaseModel& model, std::span<const catalog::Item> items,
                                                         std::size_t encode_at_most, std::size_t* left_out) {
  const auto& modalities = model.manifest.modalities;
  std::vector<Content> contents(items.size());
  std::vector<std::string> texts;
  std::vector<std::pair<std::size_t, std::size_t>> where;  // item, modality
  for (std::size_t i = 0; i < items.size(); ++i) {
    contents[i].parts.resize(modalities.size());
    contents[i].text = catalog::item_text(items[i]);
    for (std::size_t m = 0; m < modalities.size(); ++m) {
      for (const auto& given : items[i].vectors)
        if (given.modality == modalities[m].name && given.values.size() == modalities[m].dim &&
            kernels::all_finite(given.values)) {
          contents[i].parts[m] = given.values;
          kernels::l2_normalise(contents[i].parts[m]);
        }
      const bool encoded = modalities[m].name == "text" && modalities[m].encoder != "given";
      if (!encoded || !contents[i].parts[m].empty() || contents[i].text.empty() || encoder_for(&model) == nullptr) continue;
      contents[i].parts[m] = texts_->find(contents[i].text);
      if (!contents[i].parts[m].empty()) continue;
      if (texts.size() < encode_at_most) {
        texts.push_back(contents[i].text);
        where.emplace_back(i, m);
      } else if (left_out != nullptr) {
        ++*left_out;
      }
    }
  }
  if (texts.empty()) return contents;
  auto vectors = encoder_->encode(texts, executor_);
  if (!vectors.ok()) return contents;  // stays without text; `degraded` of requests names such items' lane
  for (std::size_t t = 0; t < texts.size(); ++t) {
    const auto row = vectors.value().row(t);
    texts_->add(texts[t], row);
    contents[where[t].first].parts[where[t].second].assign(row.begin(), row.end());
  }
  (void)texts_->save_if_grown();  // a cache: where it cannot be written, the next start encodes again
  return contents;
}

Status LiveEngine::place_new_items(World& world, std::size_t first_row, std::size_t encode_at_most) {
  std::vector<catalog::Item> items;
  for (std::size_t row = first_row; row < world.items(); ++row) {
    PENCHANT_TRY(item, store_.get_item(world.ids[row]));
    items.push_back(std::move(item));
  }
  if (items.empty()) return {};
  const auto contents = contents_of(*world.model, items, encode_at_most, &world.texts_left_out);
  for (std::size_t i = 0; i < items.size(); ++i)
    PENCHANT_DO(world.place_item(ItemId{static_cast<std::uint32_t>(first_row + i)}, contents[i].spans()));
  return world.settle_items(executor_);
}

Result<store::AppendReport> LiveEngine::append_events(std::span<const catalog::Event> events,
                                                      const store::AppendOptions& options) {
  std::vector<std::string> users, items;
  {
    const auto lock = read_lock();
    for (const catalog::Event& event : events) {
      if (world_->find_user(event.user) == nullptr) users.push_back(event.user);
      if (!world_->find_item(event.item)) items.push_back(event.item);
    }
  }
  {
    const std::scoped_lock lock(pending_mutex_);
    pending_users_.insert(users.begin(), users.end());
    pending_items_.insert(items.begin(), items.end());
  }
  auto report = store_.append_events(events, options);
  const std::scoped_lock writing(writing_);
  Status applied = report.ok() ? apply_tail() : Status{};
  {
    const std::scoped_lock lock(pending_mutex_);
    for (const auto& id : users) pending_users_.extract(id);
    for (const auto& id : items) pending_items_.extract(id);
  }
  if (!applied.ok()) return std::move(applied).error();
  return report;
}

Status LiveEngine::learn_rows() {
  std::set<std::string> users, items;
  {
    const std::scoped_lock lock(pending_mutex_);
    users.insert(pending_users_.begin(), pending_users_.end());
    items.insert(pending_items_.begin(), pending_items_.end());
  }
  {
    const auto lock = read_lock();
    std::erase_if(users, [&](const std::string& id) { return world_->find_user(id) != nullptr; });
    std::erase_if(items, [&](const std::string& id) { return world_->find_item(id).has_value(); });
  }
  std::vector<catalog::Item> new_items;
  for (const std::string& id : items) {
    auto item = store_.get_item(id);
    if (item.ok()) new_items.push_back(std::move(item).value());
  }
  if (!new_items.empty()) {
    std::vector<Content> contents(new_items.size());
    std::shared_ptr<const ReleaseModel> model;
    {
      const auto lock = read_lock();
      model = world_->model;
    }
    if (model != nullptr) contents = contents_of(*model, new_items);
    PENCHANT_DO(apply_items(new_items, contents));
  }
  for (const std::string& id : users) {
    PENCHANT_TRY(row, store_.find_user(id));
    if (!row) continue;
    auto user = store_.get_user(id);
    const auto lock = write_lock();
    world_->put_user(*row, id, user.ok() ? std::move(user).value().attributes : catalog::Attributes{});
  }
  return {};
}

Status LiveEngine::apply_tail() {
  std::uint64_t after = 0;
  {
    const auto lock = read_lock();
    after = world_->last_seq;
  }
  std::vector<store::StoredEvent> tail;
  PENCHANT_DO(store_.scan_events_after(after, [&](const store::StoredEvent& event) {
    tail.push_back(event);
    return true;
  }));
  if (tail.empty()) return {};
  PENCHANT_DO(learn_rows());  // after the scan: whoever has an event in it is in the store by now
  PENCHANT_TRY(types, store_.event_types());
  bool unknown = false;
  {
    const auto lock = write_lock();
    world_->types = std::move(types);
    for (const store::StoredEvent& event : tail) {
      unknown = unknown || index(event.user) >= world_->people.size() || index(event.item) >= world_->items() ||
                world_->people[index(event.user)].id.empty();
      if (unknown) break;  // rows that another process made: read everything again
      world_->add_event(event);
    }
  }
  return unknown ? reload_locked() : Status{};
}

Status LiveEngine::put_items(std::span<const catalog::Item> items) {
  PENCHANT_TRY(rows, store_.put_items(items));
  std::shared_ptr<const ReleaseModel> model;
  {
    const auto lock = read_lock();
    model = world_->model;
  }
  // Texts are encoded before the locks: it takes milliseconds.
  std::vector<Content> contents(items.size());
  if (model != nullptr) contents = contents_of(*model, items);
  const std::scoped_lock writing(writing_);
  return apply_items(items, contents);
}

Status LiveEngine::apply_items(std::span<const catalog::Item> items, std::span<const Content> contents) {
  // What the store holds now is what becomes visible: another writer may have been faster.
  struct Change {
    ItemId row;
    catalog::Item item;
    const Content* content;
  };
  std::vector<Change> changes;
  for (std::size_t i = 0; i < items.size(); ++i) {
    PENCHANT_TRY(row, store_.find_item(items[i].id));
    if (!row) continue;
    PENCHANT_TRY(item, store_.get_item(items[i].id));
    changes.push_back({*row, std::move(item), &contents[i]});
  }
  std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return index(a.row) < index(b.row); });
  std::shared_ptr<const ReleaseModel> model;
  std::size_t known = 0;
  {
    const auto lock = read_lock();
    model = world_->model;
    known = world_->items();
  }
  for (const Change& change : changes) {
    if (index(change.row) == known) ++known;
    else if (index(change.row) > known) return reload_locked();  // rows that another process made
  }
  std::vector<Content> again;
  again.reserve(changes.size());
  for (Change& change : changes) {
    const bool stale = model != nullptr && (change.content->parts.size() != model->manifest.modalities.size() ||
                                            change.content->text != catalog::item_text(change.item));
    if (!stale) continue;
    again.push_back(std::move(contents_of(*model, std::span(&change.item, 1)).front()));
    change.content = &again.back();
  }
  const auto lock = write_lock();
  bool moved = false;
  for (const Change& change : changes) {
    PENCHANT_DO(world_->put_item(change.row, change.item));
    if (model == nullptr) continue;
    if (world_->trained_row(change.row)) {
      const auto& parts = change.content->parts;
      const bool any = std::any_of(parts.begin(), parts.end(), [](const auto& part) { return !part.empty(); });
      if (any) world_->refresh_content(change.row, change.content->spans());
    } else {
      PENCHANT_DO(world_->place_item(change.row, change.content->spans()));
      moved = true;
    }
  }
  return moved ? world_->settle_items(executor_) : Status{};
}

Status LiveEngine::put_users(std::span<const catalog::User> users) {
  PENCHANT_TRY(rows, store_.put_users(users));
  const std::scoped_lock writing(writing_);
  for (const catalog::User& user : users) {
    auto stored = store_.get_user(user.id);
    PENCHANT_TRY(row, store_.find_user(user.id));
    if (!stored.ok() || !row) continue;  // deleted meanwhile
    const auto lock = write_lock();
    world_->put_user(*row, user.id, std::move(stored).value().attributes);
  }
  return {};
}

Status LiveEngine::delete_item(const std::string& id) {
  PENCHANT_DO(store_.delete_item(id));
  const std::scoped_lock writing(writing_);
  const auto lock = write_lock();
  const auto row = world_->find_item(id);
  if (!row) return {};
  PENCHANT_TRY(item, store_.get_item(id));
  return world_->put_item(*row, item);
}

Status LiveEngine::delete_user(const std::string& id) {
  PENCHANT_DO(store_.delete_user(id));
  const std::scoped_lock writing(writing_);
  PENCHANT_TRY(still, store_.find_user(id));
  const auto lock = write_lock();
  UserId row{};
  if (world_->find_user(id, &row) == nullptr) return {};
  world_->forget_user(row);
  states_.erase(row);
  if (still) return invalid("user '" + id + "' was written again while being deleted; delete it once more");
  return {};
}

Status LiveEngine::promote(const std::string& release) {
  PENCHANT_DO(check_name(release));
  auto loaded = load_release(options_.home + "/models/" + release);
  if (!loaded.ok()) return std::move(loaded).error().within("release " + release);
  PENCHANT_TRY(paths, make_paths(*loaded.value().model, loaded.value().tables, executor_));
  const std::scoped_lock writing(writing_);
  // The catalogue may not move between the check and the swap; requests go on meanwhile.
  {
    const auto lock = read_lock();
    World probe;
    if (loaded.value().ids.size() > world_->items() ||
        !std::equal(loaded.value().ids.begin(), loaded.value().ids.end(), world_->ids.begin())) {
      probe.ids = world_->ids;
      return probe.adopt(std::move(loaded).value(), {});  // says which row differs
    }
  }
  std::vector<catalog::Item> items;
  for (std::size_t row = loaded.value().ids.size();; ++row) {
    std::string id;
    {
      const auto lock = read_lock();
      if (row >= world_->items()) break;
      id = world_->ids[row];
    }
    PENCHANT_TRY(item, store_.get_item(id));
    items.push_back(std::move(item));
  }
  const auto contents = contents_of(*loaded.value().model, items);
  PENCHANT_DO(store_.promote(release));
  const auto lock = write_lock();
  const std::size_t known = loaded.value().ids.size();
  PENCHANT_DO(world_->adopt(std::move(loaded).value(), std::move(paths)));
  for (std::size_t i = 0; i < items.size(); ++i)
    PENCHANT_DO(world_->place_item(ItemId{static_cast<std::uint32_t>(known + i)}, contents[i].spans()));
  states_.clear();
  return items.empty() ? Status{} : world_->settle_items(executor_);
}

Status LiveEngine::reload() {
  const std::scoped_lock writing(writing_);
  return reload_locked();
}

Status LiveEngine::reload_locked() {
  PENCHANT_TRY(world, load_world(kNoLimit));
  const auto lock = write_lock();
  world_ = std::move(world);
  states_.clear();
  return {};
}

}  // namespace penchant::recommend
