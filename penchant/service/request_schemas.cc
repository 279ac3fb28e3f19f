#include "penchant/catalog/item.h"
#include "penchant/service/schemas.h"

namespace penchant::service {

namespace {

constexpr std::size_t kLongText = catalog::kMaxTextBytes;

Schema attribute_value() {
  Schema value{.types = kBoolean | kInteger | kNumber | kText | kArray | kNull, .max_length = kLongText, .max_items = 4096};
  value.items = std::make_shared<Schema>(Schema{.types = kBoolean | kInteger | kNumber | kText, .max_length = kLongText});
  return value.named("AttributeValue").about("number, flag, text or list of texts; null: not given");
}

Schema attributes() {
  return map_of(attribute_value()).about("free attributes by name; at most 256");
}

Schema vectors() {
  return map_of(list(number(), 65'536)).about("one list of numbers per modality, such as \"text\" or \"visual\"");
}

Schema point_in_time() {
  Schema time{.types = kText | kInteger | kNumber, .max_length = 64};
  return time.about("epoch seconds or milliseconds, or ISO 8601");
}

/// The part that recommend and explain share.
std::vector<Property> context() {
  const Schema session_event = object({
      need("item", id(), "item id"),
      may("type", text(64, 1).defaulting("view"), "kind of event"),
      may("value", number().nullable(), "strength: rating, quantity, seconds"),
      may("time", point_in_time(), "when; default: order of the list")}).named("SessionEvent");
  Schema session_entry = session_event.or_types(kText | kInteger);  // or an item id alone
  session_entry.max_length = 512;
  session_entry.min_length = 1;
  return {
      may("user", id(), "user id; unknown users are guests"),
      may("session", list(session_entry, 1000), "events (or item ids) that are not stored, newest last; they follow the stored history"),
      may("query", text(4096), "free text to search for"),
      may("similar_to", list(id(), 100), "ids of items to be like"),
      may("filter", text(16 * 1024), "which items may be shown: genre IN (\"comedy\") AND year >= 2010"),
      may("exclude", list(id(), 10'000), "ids of items never to return"),
      may("include_seen", boolean().nullable(), "may items of the history be returned? default: as the data suggest"),
      may("boosts", list(object({need("filter", text(16 * 1024, 1), "which items"),
                                 need("weight", number(-100, 100), "added to the score, in standard deviations of the list")})
                             .named("Boost"), 100), "lift (weight > 0) or bury (weight < 0) matching items"),
      may("diversity", number(0, 1).defaulting(0), "0: by score alone; 1: as different as possible"),
      may("beam", integer(1, 1024), "width of the generator's beam"),
      may("deadline_ms", integer(1, 600'000), "time for the answer; optional parts are left out when it runs short"),
      may("fields", list(text(512, 1), 256), "attributes to return, \"title\" among them; default: all"),
  };
}

}  // namespace

const Schema& recommend_request_schema() {
  static const Schema schema = [] {
    auto properties = context();
    properties.push_back(may("n", integer(1, 1000).defaulting(10), "how many items"));
    Schema explain = choice({"none", "reasons", "short"}).or_types(kBoolean).defaulting("none");
    properties.push_back(may("explain", explain,
        "none; reasons: what moved each score; short (or true): reasons and one line made from them"));
    properties.push_back(may("debug", boolean().defaulting(false), "return the inputs of the ranker too (needs explain)"));
    Schema out = object(std::move(properties)).named("RecommendRequest");
    out.example = {{"user", "196"}, {"n", 5}, {"explain", "short"}};
    return out;
  }();
  return schema;
}

const Schema& explain_request_schema() {
  static const Schema schema = [] {
    auto properties = context();
    properties.push_back(need("item", id(), "the item to explain"));
    return object(std::move(properties)).named("ExplainRequest");
  }();
  return schema;
}

const Schema& event_schema() {
  static const Schema schema = [] {
    Schema out = object({
        need("user", id(), "user id"),
        need("item", id(), "item id"),
        may("type", text(64).nullable().defaulting("view"), "kind of event: view, like, purchase, rating, …"),
        may("value", number().nullable(), "strength: rating, quantity, seconds"),
        may("time", point_in_time().nullable(), "when: epoch seconds or milliseconds, or ISO 8601; default: now"),
        may("idempotency_key", text(512).nullable(), "a second event with the same key has no effect"),
        may("recommendation_id", text(512).nullable(), "the list it came from")}).named("Event");
    out.example = {{"user", "196"}, {"item", "50"}, {"type", "like"}};
    return out;
  }();
  return schema;
}

const Schema& events_request_schema() {
  static const Schema schema = [] {
    auto properties = event_schema().properties;  // one event alone …
    for (auto& property : properties) property.required = false;
    properties.push_back(may("events", list(event_schema(), 100'000), "… or many"));
    properties.push_back(may("all_or_nothing", boolean().defaulting(false), "one wrong event refuses them all"));
    return object(std::move(properties)).named("EventsRequest")
        .about("one Event, or {\"events\": […]}");
  }();
  return schema;
}

const Schema& item_schema() {
  static const Schema schema = [] {
    Schema out = object({
        may("id", id(), "the owner's key"),
        may("title", text(kLongText).or_types(kInteger | kNull), "shown and searched"),
        may("attributes", attributes().nullable(), "free attributes by name: number, flag, text or list of texts"),
        may("vectors", vectors().nullable(), "one list of numbers per modality"),
        may("available", boolean().nullable().defaulting(true), "false: kept for history, never recommended"),
        may("created", point_in_time().nullable(), "when it appeared: epoch seconds or milliseconds, or ISO 8601")}).named("Item");
    out.example = {{"id", "new-1"}, {"title", "A Quiet Orbit"}, {"attributes", {{"genre", json::array{"Sci-Fi", "Drama"}}, {"year", 1999}}}};
    return out;
  }();
  return schema;
}

const Schema& item_patch_schema() {
  static const Schema schema = [] {
    Schema out = item_schema();
    std::erase_if(out.properties, [](const Property& property) { return property.name == "id"; });
    return out.named("ItemPatch").about("given fields replace; attributes and vectors are merged by name, null removes one");
  }();
  return schema;
}

const Schema& user_schema() {
  static const Schema schema = object({
      may("id", id(), "the owner's key"),
      may("attributes", attributes().nullable(), "free attributes by name")}).named("User");
  return schema;
}

const Schema& user_patch_schema() {
  static const Schema schema = object({
      need("attributes", attributes(), "merged by name, null removes one")}).named("UserPatch");
  return schema;
}

const Schema& import_request_schema() {
  static const Schema schema = object({
      need("paths", list(text(4096, 1), 1000), "files or folders of events, below the import folder of the server"),
      may("items", text(4096, 1), "file of items, below the import folder"),
      may("users", text(4096, 1), "file of users, below the import folder"),
      may("dry_run", boolean().defaulting(false), "say what would happen, change nothing")}).named("ImportRequest");
  return schema;
}

const Schema& train_request_schema() {
  static const Schema schema = object({
      may("name", text(64, 1), "name of the release: letters, digits, '.', '_', '-'; default: made from the time"),
      may("preset", choice({"auto", "tiny", "small", "sparse", "base", "large"}).defaulting("auto"), "size of the model; auto: by the data"),
      may("warm_start", text(64, 1), "release to go on from, or live: its weights and semantic IDs, for a retraining with new events and items"),
      may("holdout", choice({"none", "last-out", "time", "cold"}), "what training does not see, so that it can be evaluated"),
      may("seed", integer(0, 9007199254740991.0), "same seed and data, same model"),
      may("epochs", integer(1, 10'000), "most passes over the data"),
      may("promote", boolean().defaulting(true), "make the release live when it is done")}).named("TrainRequest");
  return schema;
}

}  // namespace penchant::service
