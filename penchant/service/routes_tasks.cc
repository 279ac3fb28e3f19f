// /v1/tasks, /v1/imports and POST /admin/v1/models/train.
#include "penchant/service/json_text.h"
#include "penchant/service/json_values.h"
#include "penchant/service/route.h"
#include "penchant/service/schemas.h"
#include "penchant/service/state.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <boost/json/serialize.hpp>

#include "penchant/catalog/text_form.h"

namespace penchant::service {

namespace fs = std::filesystem;

namespace {

json::value task_json(const TaskInfo& task) {
  json::object error;
  if (task.error) error = fault_json(fault_of(*task.error));
  return {{"id", task.id}, {"kind", task.kind}, {"state", name_of(task.state)},
          {"progress", {{"step", task.progress.step}, {"done", task.progress.done}, {"total", task.progress.total},
                        {"detail", task.progress.detail},
                        {"eta_s", task.eta_seconds ? json::value(*task.eta_seconds) : json::value(nullptr)}}},
          {"created", iso_time(task.created_ms)}, {"started", iso_time(task.started_ms)},
          {"finished", iso_time(task.finished_ms)},
          {"result", task.result.empty() ? json::value(nullptr) : parsed(task.result)},
          {"error", task.error ? json::value(std::move(error)) : json::value(nullptr)}};
}

Answer accepted(Result<TaskInfo> task) {
  if (!task.ok()) return std::move(task).error();
  Reply reply{.status = 202, .body = task_json(*task)};
  reply.headers.add("Location", "/v1/tasks/" + task->id);
  return reply;
}

Answer list_tasks(ServiceState& state, const Call&) {
  json::array tasks;
  for (const auto& task : state.tasks.all()) tasks.emplace_back(task_json(task));
  return json::value{{"tasks", std::move(tasks)}};
}

Answer get_task(ServiceState& state, const Call& call) {
  PENCHANT_TRY(task, state.tasks.get(call.path[0]));
  return task_json(task);
}

Answer cancel_task(ServiceState& state, const Call& call) {
  PENCHANT_TRY(task, state.tasks.cancel(call.path[0]));
  return task_json(task);
}

/// The absolute path of `given` below the import folder, links resolved; it must exist.
Result<std::string> below_import_folder(ServiceState& state, const std::string& given, const std::string& field) {
  if (state.options.import_dir.empty())
    return invalid("this server has no import folder: start it with --import-dir, or upload the file as the body "
                   "of POST /v1/imports?filename=NAME");
  std::error_code ec;
  const fs::path root = fs::canonical(state.options.import_dir, ec);
  if (ec) return Error{ErrorCode::io, "the import folder of the server cannot be read: " + ec.message()};
  const std::string shown = "\"" + catalog::quoted_for_message(given) + "\"";
  const fs::path path = fs::weakly_canonical(root / given, ec);
  const auto relative = path.lexically_relative(root);
  if (given.find('\0') != std::string::npos || ec || relative.empty() || *relative.begin() == "..")
    return invalid(field + ": " + shown + " does not lie below the import folder of the server");
  if (!fs::exists(path, ec)) return Error{ErrorCode::not_found, field + ": there is no " + shown + " in the import folder"};
  return path.string();
}

std::optional<Fault> read_paths(ServiceState& state, const json::object& body, ImportJob& job) {
  const auto resolve = [&](const json::value& given, const std::string& pointer, std::string& out) -> std::optional<Fault> {
    auto path = below_import_folder(state, std::string(view(given.get_string())), pointer);
    if (!path.ok()) return fault_of(std::move(path).error(), pointer);
    out = std::move(path).value();
    return std::nullopt;
  };
  const auto& paths = body.at("paths").get_array();
  for (std::size_t i = 0; i < paths.size(); ++i)
    if (auto fault = resolve(paths[i], "/paths/" + std::to_string(i), job.paths.emplace_back())) return fault;
  if (const auto* items = member(body, "items"))
    if (auto fault = resolve(*items, "/items", job.items_path)) return fault;
  if (const auto* users = member(body, "users"))
    if (auto fault = resolve(*users, "/users", job.users_path)) return fault;
  job.dry_run = flag(member(body, "dry_run"));
  if (job.paths.empty() && job.items_path.empty() && job.users_path.empty())
    return Fault{.code = ErrorCode::invalid_argument, .message = "nothing to import", .field = "/paths"};
  return std::nullopt;
}

/// Letters, digits, '.', '_' and '-' of the last part of a name; never empty, never hidden.
std::string safe_name(std::string_view given) {
  if (const auto slash = given.find_last_of("/\\"); slash != std::string_view::npos) given = given.substr(slash + 1);
  std::string out;
  for (const char c : given.substr(0, 128))
    out += std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-' ? c : '_';
  while (out.starts_with('.')) out.erase(0, 1);
  return out.empty() ? "upload" : out;
}

/// A folder of its own below <home>/uploads, with the body as a file of the given name in it.
Result<fs::path> store_upload(ServiceState& state, std::string_view filename, const std::string& body) {
  const fs::path folder = fs::path(state.options.home) / "uploads" / state.ids.next(state.clock.now_ms());
  std::error_code ec;
  fs::create_directories(folder, ec);
  if (ec) return Error{ErrorCode::io, "cannot make the upload folder: " + ec.message()};
  const fs::path path = folder / safe_name(filename);
  std::ofstream out(path, std::ios::binary);
  out.write(body.data(), static_cast<std::streamsize>(body.size()));
  out.close();
  if (!out) {
    fs::remove_all(folder, ec);
    return Error{ErrorCode::resource_exhausted, "the upload could not be stored: is the disk full?"};
  }
  return path;
}

TaskTable::Work import_work(ServiceState& state, ImportJob job, fs::path upload) {
  return [&state, job = std::move(job), upload = std::move(upload)](const ProgressSink& sink) -> Result<std::string> {
    auto outcome = state.runner.import_files(job, sink);
    std::error_code ignored;
    if (!upload.empty()) fs::remove_all(upload.parent_path(), ignored);
    if (!outcome.ok()) return std::move(outcome).error();
    if (!job.dry_run) {
      sink({.step = "reload", .detail = "reading the new data"});
      PENCHANT_DO(state.engine->reload());
      state.items.clear();
    }
    return outcome->json.empty() ? std::string("{}") : std::move(outcome->json);
  };
}

Answer post_import(ServiceState& state, const Call& call) {
  ImportJob job;
  job.dry_run = flag(call.parameter("dry_run"));
  if (const auto* filename = call.parameter("filename")) {
    if (call.http.body.empty())
      return Fault{.code = ErrorCode::invalid_argument, .message = "the uploaded file is empty",
                   .hint = "with curl: --data-binary @FILE"};
    PENCHANT_TRY(path, store_upload(state, view(filename->get_string()), call.http.body));
    const std::string kind = text_or(call.parameter("kind"), "events");
    if (kind == "items") job.items_path = path.string();
    else if (kind == "users") job.users_path = path.string();
    else job.paths.push_back(path.string());
    auto task = state.tasks.start("import", import_work(state, std::move(job), path));
    std::error_code ignored;
    if (!task.ok()) fs::remove_all(path.parent_path(), ignored);
    return accepted(std::move(task));
  }
  auto value = parse_json(call.http.body);
  if (auto* fault = std::get_if<Fault>(&value)) {
    fault->hint = "to upload a file, name it: POST /v1/imports?filename=ratings.csv";
    return std::move(*fault);
  }
  const auto& body = std::get<json::value>(value);
  if (auto fault = check(body, import_request_schema())) return std::move(*fault);
  if (auto fault = read_paths(state, body.get_object(), job)) return std::move(*fault);
  return accepted(state.tasks.start("import", import_work(state, std::move(job), {})));
}

/// What the name of a release may be made of: it becomes a folder.
bool plain_name(const std::string& name) {
  return !name.starts_with('.') && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
}

Answer post_train(ServiceState& state, const Call& call) {
  const auto& body = call.body.get_object();
  TrainJob job;
  job.name = text_or(member(body, "name"));
  if (!plain_name(job.name) || job.name == "live")
    return Fault{.code = ErrorCode::invalid_argument, .message = "the name of a release has letters, digits, '.', '_' and '-', "
                 "does not begin with '.', and is not \"live\"", .field = "/name"};
  job.warm_start = text_or(member(body, "warm_start"));
  if (!plain_name(job.warm_start))
    return Fault{.code = ErrorCode::invalid_argument, .message = "a release of this name cannot be: use one of GET /admin/v1/models, or live",
                 .field = "/warm_start"};
  job.preset = text_or(member(body, "preset"), "auto");
  job.holdout = text_or(member(body, "holdout"));
  if (const auto* seed = member(body, "seed")) job.seed = seed->to_number<std::uint64_t>();
  if (const auto* epochs = member(body, "epochs")) job.epochs = epochs->to_number<std::uint32_t>();
  const bool promote = flag(member(body, "promote"), true);
  return accepted(state.tasks.start("train", [&state, job, promote](const ProgressSink& sink) -> Result<std::string> {
    PENCHANT_TRY(outcome, state.runner.train(job, sink));
    if (promote && !outcome.release.empty()) {
      sink({.step = "promote", .detail = outcome.release});
      PENCHANT_DO(state.engine->promote(outcome.release));
    }
    json::value result = parsed(outcome.json);
    if (!result.is_object()) result = json::object{};
    result.get_object()["release"] = outcome.release;
    result.get_object()["promoted"] = promote && !outcome.release.empty();
    return std::string(json::serialize(result));
  }));
}

}  // namespace

void add_task_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "POST", .path = "/v1/imports", .operation = "import", .tag = "tasks",
                    .summary = "Import files of the import folder, or the body itself with ?filename=",
                    .description = "Starts a task; see GET /v1/tasks/{id}.",
                    .query = {{"filename", text(255, 1), "the body is a file of this name (its ending tells the format)"},
                              {"kind", choice({"events", "items", "users"}).defaulting("events"), "what the uploaded file holds"},
                              {"dry_run", boolean().defaulting(false), "say what would happen, change nothing"}},
                    .takes = Body::raw, .body = import_request_schema(), .status = 202,
                    .answer = task_schema(), .handler = post_import});
  routes.push_back({.method = "POST", .path = "/admin/v1/models/train", .operation = "train", .tag = "models",
                    .summary = "Train a release from what is stored",
                    .description = "Starts a task; see GET /v1/tasks/{id}.", .takes = Body::json,
                    .body = train_request_schema(), .status = 202, .answer = task_schema(), .handler = post_train});
  routes.push_back({.method = "GET", .path = "/v1/tasks", .operation = "listTasks", .tag = "tasks",
                    .summary = "Imports and trainings of this process, newest first",
                    .needs_data = false, .answer = task_list_schema(), .handler = list_tasks});
  routes.push_back({.method = "GET", .path = "/v1/tasks/{id}", .operation = "getTask", .tag = "tasks",
                    .summary = "One task with its progress", .needs_data = false, .answer = task_schema(), .handler = get_task});
  routes.push_back({.method = "DELETE", .path = "/v1/tasks/{id}", .operation = "cancelTask", .tag = "tasks",
                    .summary = "Cancel a task", .description = "A waiting task ends at once, a running one at its next report of progress.",
                    .needs_data = false, .answer = task_schema(), .handler = cancel_task});
}

}  // namespace penchant::service
