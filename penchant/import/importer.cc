#include "penchant/import/importer.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "penchant/catalog/text_form.h"
#include "penchant/import/vector_file.h"

namespace penchant::import {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kEventBatch = 50'000;
constexpr auto kTellEvery = std::chrono::milliseconds(100);

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int order_of(Role role) {
  switch (role) {
    case Role::items: return 0;
    case Role::users: return 1;
    case Role::events: return 2;
    case Role::vectors: return 3;
    default: return 4;
  }
}

store::TimeKind kind_of(TimeKind kind) {
  if (kind == TimeKind::epoch) return store::TimeKind::epoch;
  return kind == TimeKind::since_first ? store::TimeKind::since_first : store::TimeKind::position;
}

}  // namespace

Result<std::vector<InputFile>> list_inputs(std::span<const std::string> paths, const ImportOptions& options) {
  std::vector<InputFile> out;
  std::set<std::string> taken;
  const auto add = [&](InputFile input) {
    std::error_code error;
    const auto real = fs::weakly_canonical(input.path, error).string();
    if (taken.insert(error ? input.path : real).second) out.push_back(std::move(input));
  };
  if (!options.items_file.empty()) add({options.items_file, Role::items, false, ""});
  if (!options.users_file.empty()) add({options.users_file, Role::users, false, ""});
  for (const auto& vector : options.vectors) add({vector.path, Role::vectors, false, vector.modality});
  for (const auto& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      add({path, Role::unknown, false, ""});
      continue;
    }
    std::vector<std::string> inside;
    for (const auto& entry : fs::directory_iterator(path, error))
      if (entry.is_regular_file(error) && !entry.path().filename().string().starts_with('.'))
        inside.push_back(entry.path().string());
    if (error) return Error{ErrorCode::io, path + ": the folder cannot be read (" + error.message() + ")"};
    std::sort(inside.begin(), inside.end());
    for (auto& file : inside)
      if (!is_sidecar(file)) add({std::move(file), Role::unknown, true, ""});
  }
  if (out.empty()) return invalid("nothing to import: name files, or a folder that holds some");
  return out;
}

Status Importer::plan_all(std::vector<InputFile> inputs) {
  std::size_t readable = 0;
  std::string first_problem;
  for (auto& input : inputs) {
    Job job;
    auto plan = plan_file(input.path, input.forced, options_);
    if (!plan.ok()) {
      if (!input.from_folder) return std::move(plan).error();
      if (first_problem.empty()) first_problem = plan.error().message;
      job.report.problem = plan.error().message;
      job.plan.path = input.path;
      job.plan.role = Role::skip;
    } else {
      job.plan = std::move(plan).value();
      if (job.plan.role == Role::skip) job.report.problem = job.plan.skip_reason;
    }
    readable += job.plan.role != Role::skip ? 1 : 0;
    job.report.path = input.path;
    job.report.format = job.plan.layout.name;
    job.report.role = name_of(job.plan.role);
    job.report.columns = mapping_of(job.plan);
    job.report.notes = job.plan.notes;
    job.input = std::move(input);
    jobs_.push_back(std::move(job));
  }
  if (readable == 0)
    return invalid("nothing to import: " +
                   (first_problem.empty() ? jobs_.front().report.path + ": " + jobs_.front().report.problem
                                          : first_problem));
  std::stable_sort(jobs_.begin(), jobs_.end(),
                   [](const Job& a, const Job& b) { return order_of(a.plan.role) < order_of(b.plan.role); });
  return {};
}

Status Importer::check_map() const {
  for (const auto& map : options_.map) {
    std::vector<std::string> known;
    bool found = false;
    for (const auto& job : jobs_)
      for (const auto& column : job.plan.columns) {
        found = found || catalog::fold_case(column.name) == catalog::fold_case(map.column);
        known.push_back(column.name);
      }
    if (!found)
      return invalid("--map " + map.field + "=" + map.column + ": no file has a column '" + map.column + "'" +
                     catalog::near_names_hint(map.column, known));
  }
  return {};
}

Status Importer::choose_time_kind() {
  const Job* first = nullptr;
  for (const auto& job : jobs_) {
    if (job.plan.role != Role::events) continue;
    const auto kind = kind_of(job.plan.time);
    if (time_kind_ && *time_kind_ != kind)
      return invalid(job.report.path + ": its times are '" + std::string(store::name_of(kind)) +
                     "', those of " + first->report.path + " are '" +
                     std::string(store::name_of(*time_kind_)) +
                     "'; they cannot be put in one order. Import one of them, or name its time column with "
                     "--map time=<column>");
    time_kind_ = kind;
    if (first == nullptr) first = &job;
  }
  if (!time_kind_) return {};
  PENCHANT_TRY(stored, store::time_kind_if_set(store_));
  PENCHANT_TRY(counts, store_.counts());
  const auto have = stored.value_or(store::TimeKind::epoch);
  if (counts.events > 0 && have != *time_kind_)
    return invalid(first->report.path + ": its times are '" + std::string(store::name_of(*time_kind_)) +
                   "', the store holds '" + std::string(store::name_of(have)) +
                   "'; they cannot be put in one order. Use another home folder, or name the time column "
                   "with --map time=<column>");
  next_order_ = counts.events > 0 ? counts.last_event_ms + 1 : 0;
  return {};
}

Result<ImportReport> Importer::run(std::vector<InputFile> inputs) {
  const auto start = std::chrono::steady_clock::now();
  report_.dry_run = options_.dry_run;
  PENCHANT_DO(plan_all(std::move(inputs)));
  PENCHANT_DO(check_map());
  PENCHANT_DO(choose_time_kind());
  for (auto& job : jobs_) {
    if (job.plan.role == Role::skip) continue;
    const auto file_start = std::chrono::steady_clock::now();
    if (job.plan.role == Role::events && !options_.dry_run)
      PENCHANT_DO(store::put_time_kind(store_, *time_kind_));
    PENCHANT_DO(read_job(job));
    job.report.seconds = seconds_since(file_start);
  }
  PENCHANT_DO(rejects_.close());
  report_.items = items_.written();
  report_.users = users_.written();
  if (time_kind_) report_.time_kind = store::name_of(*time_kind_);
  if (rejects_.written()) report_.rejects_path = options_.rejects_path;
  for (auto& job : jobs_) {
    for (const auto& [reason, rows] : job.report.rejected) report_.rejected += rows;
    report_.files.push_back(std::move(job.report));
  }
  report_.seconds = seconds_since(start);
  if (!options_.dry_run) PENCHANT_DO(store_.put_setting("import.last", to_json(report_)));
  return std::move(report_);
}

Status Importer::reject(Job& job, const Row& row, const std::string& reason, bool row_kept) {
  if (!row_kept || !reason.empty()) ++job.report.rejected[reason];
  return rejects_.add(job.report.path, row.number, reason, row.raw);
}

Status Importer::tell(const Job& job, std::uint64_t done, bool last) {
  const auto now = std::chrono::steady_clock::now();
  if (!progress_ || (!last && now - last_told_ < kTellEvery)) return {};
  last_told_ = now;
  std::error_code error;
  const auto size = fs::file_size(job.report.path, error);
  Progress progress;
  progress.step = "import " + fs::path(job.report.path).filename().string();
  progress.total = error || job.plan.layout.kind == LayoutKind::parquet ? 0 : size;
  progress.done = last && progress.total > 0 ? progress.total : done;
  progress.detail = std::to_string(job.report.rows) + " rows";
  if (!progress_(progress))
    return Error{ErrorCode::cancelled,
                 "import cancelled; what was committed stays, and the same import can be run again"};
  return {};
}

Status Importer::read_job(Job& job) {
  if (job.plan.role == Role::vectors) return read_vectors(job);
  PENCHANT_TRY(reader, open_rows(job.plan.path, job.plan.layout));
  RecordBuilder builder(job.plan);
  PENCHANT_DO(job.plan.role == Role::events ? read_events(job, *reader, builder)
                                            : read_records(job, *reader, builder));
  PENCHANT_DO(items_.flush());
  PENCHANT_DO(users_.flush());
  if (builder.texts_cut() > 0)
    job.report.notes.push_back(std::to_string(builder.texts_cut()) + " texts longer than 64 KiB were cut");
  if (builder.attributes_dropped() > 0)
    job.report.notes.push_back(std::to_string(builder.attributes_dropped()) + " attributes beyond " +
                               std::to_string(catalog::kMaxAttributes) + " an item were dropped");
  return tell(job, reader->bytes_read(), true);
}

Status Importer::read_records(Job& job, RowReader& reader, RecordBuilder& builder) {
  Row row;
  catalog::Item item;
  catalog::User user;
  for (;;) {
    auto more = reader.next(row);
    if (!more.ok()) {
      job.report.problem = more.error().message + "; the rows before it were taken";
      return {};
    }
    if (!*more) return {};
    ++job.report.rows;
    PENCHANT_DO(tell(job, reader.bytes_read(), false));
    const bool is_item = job.plan.role == Role::items;
    std::string problem = row.reject;
    if (problem.empty())
      problem =
          is_item ? builder.item(row, reader.columns(), item) : builder.user(row, reader.columns(), user);
    if (!problem.empty()) {
      PENCHANT_DO(reject(job, row, problem));
      continue;
    }
    if (is_item && !builder.vector_problem().empty())
      PENCHANT_DO(reject(job, row, builder.vector_problem(), true));
    ++job.report.kept;
    PENCHANT_TRY(first,
                 is_item ? items_.put(std::move(item), job.plan) : users_.put(std::move(user), job.plan));
    job.report.duplicates += first ? 0 : 1;
  }
}

Status Importer::read_events(Job& job, RowReader& reader, RecordBuilder& builder) {
  Row row;
  EventDraft draft;
  RowKeys keys;
  // Days tie; where the file also has positions, those settle the order of arrival.
  const bool sort = job.plan.time == TimeKind::since_first && job.plan.has(Field::position);
  std::vector<EventDraft> held;
  const auto start = std::chrono::steady_clock::now();
  for (;;) {
    auto more = reader.next(row);
    if (!more.ok()) job.report.problem = more.error().message + "; the rows before it were taken";
    if (!more.ok() || !*more) break;
    ++job.report.rows;
    PENCHANT_DO(tell(job, reader.bytes_read(), false));
    std::string problem = row.reject;
    if (problem.empty()) problem = builder.event(row, reader.columns(), draft);
    if (!problem.empty()) {
      PENCHANT_DO(reject(job, row, problem));
      continue;
    }
    if (!builder.vector_problem().empty()) PENCHANT_DO(reject(job, row, builder.vector_problem(), true));
    ++job.report.kept;
    if (sort)
      held.push_back(std::move(draft));
    else
      PENCHANT_DO(take_event(job, draft, keys));
  }
  std::stable_sort(held.begin(), held.end(),
                   [](const EventDraft& a, const EventDraft& b) { return a.position < b.position; });
  for (auto& one : held) PENCHANT_DO(take_event(job, one, keys));
  PENCHANT_DO(flush_events(job));
  job.report.seconds = seconds_since(start);
  return {};
}

Status Importer::take_event(Job& job, EventDraft& draft, RowKeys& keys) {
  catalog::Event& event = draft.event;
  if (job.plan.time == TimeKind::row_order) event.time_ms = next_order_++;
  if (event.idempotency_key.empty()) {
    std::string content = event.user;
    content.append(1, '\x1f').append(event.item).append(1, '\x1f').append(event.type).append(1, '\x1f');
    if (event.value) content.append(catalog::number_text(*event.value));
    if (job.plan.time != TimeKind::row_order) content.append(1, '\x1f').append(std::to_string(event.time_ms));
    event.idempotency_key = keys.key_of(content);
  }
  if (draft.has_item_facts) PENCHANT_DO(items_.enrich(std::move(draft.item)));
  if (!draft.user.empty()) PENCHANT_DO(users_.enrich({event.user, std::move(draft.user)}));
  events_.push_back(std::move(event));
  return events_.size() >= kEventBatch ? flush_events(job) : Status();
}

Status Importer::flush_events(Job& job) {
  if (events_.empty()) return {};
  if (options_.dry_run) {
    report_.events += events_.size();
    events_.clear();
    return {};
  }
  PENCHANT_TRY(done,
               store_.append_events(events_, {.create_unknown_users = true, .create_unknown_items = true}));
  events_.clear();
  report_.events += done.accepted;
  report_.duplicate_events += done.duplicates;
  report_.created_items += done.created_items;
  report_.created_users += done.created_users;
  job.report.duplicates += done.duplicates;
  return {};
}

Result<std::vector<std::string>> Importer::ids_of_rows(Job& job, std::uint64_t rows) {
  PENCHANT_TRY(ids, sidecar_ids(job.plan.path));
  if (!ids.empty()) {
    if (ids.size() != rows)
      return invalid(job.plan.path + ": " + std::to_string(rows) + " rows, but its list of ids has " +
                     std::to_string(ids.size()));
    job.report.notes.emplace_back("row = line of the list of ids beside it");
    return ids;
  }
  bool integers = true;
  double most = -1;
  PENCHANT_DO(store_.scan_items(
      [&](store::ItemId, store::Item&& item) {
        double number = 0;
        integers = integers && catalog::parse_number(item.id, number) &&
                   catalog::number_text(number) == item.id && number >= 0 && std::nearbyint(number) == number;
        most = std::max(most, number);
        ids.push_back(std::move(item.id));
        return true;
      },
      false));
  if (!ids.empty() && integers && most < static_cast<double>(rows)) {
    job.report.notes.emplace_back(
        "row number = item id (all ids are whole numbers below the number of rows)");
    ids.clear();
    for (std::uint64_t i = 0; i < rows; ++i) ids.push_back(std::to_string(i));
  } else if (ids.size() == rows) {
    job.report.notes.emplace_back("row number = order of the items in the store");
  } else if (!options_.dry_run) {
    return invalid(job.plan.path + ": " + std::to_string(rows) + " rows for " + std::to_string(ids.size()) +
                   " items; put the item ids, one a line, into " +
                   fs::path(job.plan.path).replace_extension(".ids").string());
  }
  return ids;
}

Status Importer::read_vectors(Job& job) {
  const std::string modality = job.input.modality.empty() ? modality_of(job.plan.path) : job.input.modality;
  auto opened = NpyReader::open(job.plan.path);
  if (!opened.ok()) {
    job.report.problem = opened.error().message;
    return {};
  }
  NpyReader reader = std::move(opened).value();
  auto ids = ids_of_rows(job, reader.rows());
  if (!ids.ok()) {
    if (ids.error().code != ErrorCode::invalid_argument) return std::move(ids).error();
    job.report.problem = ids.error().message;
    return {};
  }
  job.report.notes.push_back("modality '" + modality + "', " + std::to_string(reader.dim()) +
                             " numbers an item");
  Row row;
  std::vector<float> values;
  for (std::uint64_t i = 0; i < reader.rows(); ++i) {
    PENCHANT_DO(reader.next(values));
    row.number = i;
    ++job.report.rows;
    PENCHANT_DO(tell(job, i * values.size() * sizeof(float), false));
    const bool finite = std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
    const bool zero = std::all_of(values.begin(), values.end(), [](float x) { return x == 0; });
    if (!finite || zero) {
      PENCHANT_DO(reject(job, row, zero ? "vector of zeros" : "vector holds a number that is not finite"));
      continue;
    }
    ++job.report.kept;
    if (!options_.dry_run) PENCHANT_DO(items_.put_vector((*ids)[i], {modality, values}));
  }
  PENCHANT_DO(items_.flush());
  return tell(job, 0, true);
}

Result<ImportReport> import_paths(std::span<const std::string> paths, const ImportOptions& options,
                                  store::Store& store, const ProgressSink& progress) {
  PENCHANT_TRY(inputs, list_inputs(paths, options));
  return Importer(options, store, progress).run(std::move(inputs));
}

}  // namespace penchant::import
