#include "penchant/recommend/user_embeddings.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "penchant/artifact/files.h"
#include "penchant/catalog/time.h"
#include "penchant/kernels/vectors.h"

namespace penchant::recommend {
namespace {

constexpr std::size_t kBlock = 4096;         // users computed and committed together
constexpr std::size_t kAlignedUsers = 2000;  // users that an alignment is learned from

struct Types {
  std::vector<std::string> names;
  std::vector<bool> learned;
};
Result<Types> types_of(store::Store& store) {
  PENCHANT_TRY(rows, store.event_types());
  Types out;
  for (auto& row : rows) {
    out.names.push_back(std::move(row.name));
    out.learned.push_back(row.weight > 0);
  }
  return out;
}

struct Reader {
  catalog::UserId user{};
  std::vector<HistoryEvent> history;  ///< types are views of Types::names
};

/// Users with an event that is learned from, in order, with all such events; the visitor returns false to stop.
Status scan_readers(store::Store& store, const Types& types, const std::function<bool(Reader&&)>& visit) {
  Reader reader;
  bool damaged = false, stopped = false;
  PENCHANT_DO(store.scan_events_by_user([&](const store::StoredEvent& event) {
    if (event.type >= types.names.size()) return !(damaged = true);
    if (!types.learned[event.type]) return true;
    if (!reader.history.empty() && reader.user != event.user) {
      if (!visit(std::move(reader))) return !(stopped = true);
      reader = {};
    }
    reader.user = event.user;
    reader.history.push_back({event.item, types.names[event.type], event.value, event.time_ms});
    return true;
  }));
  if (damaged) return Error{ErrorCode::corrupt, "an event names a type that the store does not hold; run `penchant validate`"};
  if (!stopped && !reader.history.empty()) visit(std::move(reader));
  return {};
}

/// Computes and commits one block.
class Pusher {
 public:
  Pusher(const UserModel& model, store::Store& store, Executor& executor, PushReport& report, std::int64_t now_ms)
      : model_(model), store_(store), executor_(executor), report_(report), now_ms_(now_ms) {}

  Status push(std::vector<Reader>& block) {
    std::vector<std::optional<store::UserEmbedding>> made(block.size());
    std::optional<Error> error;
    std::mutex mutex;  // guards error and the counts of the report
    executor_.parallel_for(block.size(), 4, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const auto& history = block[i].history;
        auto vector = model_.user_vector(history);
        const std::scoped_lock lock(mutex);
        if (!vector.ok()) error = std::move(vector).error();
        else if (vector->empty()) ++report_.unread;
        else if (!kernels::all_finite(*vector)) ++report_.unusable;
        else
          made[i] = store::UserEmbedding{block[i].user, report_.release, report_.space, now_ms_, history.back().time_ms, history.size(),
                                         std::move(vector).value()};
      }
    });
    if (error) return std::move(*error);
    std::vector<store::UserEmbedding> rows;
    for (auto& one : made)
      if (one) rows.push_back(std::move(*one));
    PENCHANT_TRY(kept, store_.put_embeddings(rows));
    report_.users += kept;
    block.clear();
    return {};
  }

 private:
  const UserModel& model_;
  store::Store& store_;
  Executor& executor_;
  PushReport& report_;
  std::int64_t now_ms_;
};

std::string npy_header(std::size_t rows, std::size_t dim) {
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " + std::to_string(dim) + "), }";
  const std::size_t fixed = 10;  // magic, version, length
  text.append((64 - (fixed + text.size() + 1) % 64) % 64, ' ');
  text += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(text.size() & 0xff);
  out += static_cast<char>(text.size() >> 8);
  return out + text;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace

Result<PushReport> push_user_embeddings(const UserModel& model, const std::string& space, store::Store& store, const Clock& clock,
                                        Executor& executor, const ProgressSink& progress) {
  PENCHANT_TRY(types, types_of(store));
  PENCHANT_TRY(counts, store.counts());
  PushReport report{.release = model.manifest().name, .space = space};
  Pusher pusher(model, store, executor, report, clock.now_ms());
  std::vector<Reader> block;
  std::uint64_t done = 0;
  Status status;
  bool cancelled = false;
  const auto flush = [&] {
    done += block.size();
    status = pusher.push(block);
    cancelled = status.ok() && progress && !progress({"push embeddings", std::min(done, counts.users), counts.users, ""});
    return status.ok() && !cancelled;
  };
  PENCHANT_DO(scan_readers(store, types, [&](Reader&& reader) {
    block.push_back(std::move(reader));
    return block.size() < kBlock || flush();
  }));
  if (status.ok() && !cancelled && !block.empty()) flush();
  PENCHANT_DO(status);
  if (cancelled) return Error{ErrorCode::cancelled, "cancelled; " + std::to_string(report.users) + " users have new vectors, the others keep theirs"};
  return report;
}

Result<Alignment> alignment_on(store::Store& store, const UserModel& model, const UserModel& anchor, Executor& executor) {
  PENCHANT_TRY(types, types_of(store));
  PENCHANT_TRY(counts, store.counts());
  const std::uint64_t every = std::max<std::uint64_t>(1, counts.users / kAlignedUsers);
  std::vector<std::vector<HistoryEvent>> histories;
  std::uint64_t seen = 0;
  PENCHANT_DO(scan_readers(store, types, [&](Reader&& reader) {
    if (seen++ % every == 0) histories.push_back(std::move(reader.history));
    return histories.size() < kAlignedUsers;
  }));
  return model.alignment_to(anchor, histories, executor);
}

Result<std::string> space_of_embeddings(store::Store& store) {
  std::string space;
  PENCHANT_DO(store.scan_embeddings([&](store::UserEmbedding&& embedding) {
    space = std::move(embedding.space);
    return false;
  }));
  return space;
}

Result<EmbeddingReading> read_user_embedding(store::Store& store, const std::string& user, const Clock& clock) {
  PENCHANT_TRY(row, store.find_user(user));
  if (!row) return Error{ErrorCode::not_found, "no user \"" + user + "\""};
  PENCHANT_TRY(found, store.get_embedding(*row));
  if (!found)
    return Error{ErrorCode::not_found,
                 "user \"" + user + "\" has no embedding yet; `penchant embeddings push` makes one of every user with events"};
  EmbeddingReading out{.user = user, .embedding = std::move(*found)};
  out.age_ms = std::max<std::int64_t>(0, clock.now_ms() - out.embedding.made_ms);
  PENCHANT_TRY(types, types_of(store));
  PENCHANT_TRY(events, store.user_events(*row, static_cast<std::size_t>(-1)));
  const auto is_learned = [&](const auto& e) { return e.type < types.learned.size() && types.learned[e.type]; };
  const auto learned = static_cast<std::uint64_t>(std::ranges::count_if(events, is_learned));
  out.events_since = learned > out.embedding.events ? learned - out.embedding.events : 0;
  if (out.events_since > 0)
    out.stale.push_back(std::to_string(out.events_since) + (out.events_since == 1 ? " event" : " events") + " of the user came after it was made");
  PENCHANT_TRY(releases, store.releases());
  for (const auto& release : releases)
    if (release.live && release.name != out.embedding.release)
      out.stale.push_back("made by release " + out.embedding.release + "; " + release.name + " is live now");
  return out;
}

Result<std::uint64_t> export_user_embeddings(store::Store& store, const std::string& path) {
  const std::string base = path.ends_with(".npy") ? path.substr(0, path.size() - 4) : path;
  std::unordered_map<std::uint32_t, std::string> id_of;
  PENCHANT_DO(store.scan_users([&](catalog::UserId row, catalog::User&& user) {
    id_of.emplace(catalog::index(row), std::move(user.id));
    return true;
  }));
  std::string values, ids, stamps = "user,release,space,made,until,events\n", space;
  std::size_t rows = 0, dim = 0;
  std::optional<Error> error;
  PENCHANT_DO(store.scan_embeddings([&](store::UserEmbedding&& e) {
    const auto id = id_of.find(catalog::index(e.user));
    if (id == id_of.end()) return true;
    if (rows == 0) space = e.space, dim = e.vector.size();
    if (e.space != space || e.vector.size() != dim) {
      error = invalid("the store holds vectors in the coordinates of " + space + " and of " + e.space +
                      ", which do not compare: push them again before they are written");
      return false;
    }
    if (id->second.find_first_of("\r\n") != std::string::npos) {
      error = invalid("a user id holds a line break, so it cannot be written one a line");
      return false;
    }
    values.append(reinterpret_cast<const char*>(e.vector.data()), dim * sizeof(float));
    ids += id->second + "\n";
    stamps += csv_field(id->second) + "," + csv_field(e.release) + "," + csv_field(e.space) + "," + catalog::format_time(e.made_ms) + "," +
              catalog::format_time(e.until_ms) + "," + std::to_string(e.events) + "\n";
    ++rows;
    return true;
  }));
  if (error) return std::move(*error);
  if (rows == 0) return Error{ErrorCode::not_found, "there are no embeddings yet; `penchant embeddings push` makes them"};
  PENCHANT_DO(artifact::write_file(base + ".npy", npy_header(rows, dim) + values));
  PENCHANT_DO(artifact::write_file(base + ".ids", ids));
  PENCHANT_DO(artifact::write_file(base + ".stamps.csv", stamps));
  return std::uint64_t{rows};
}

}  // namespace penchant::recommend
