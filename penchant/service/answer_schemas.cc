#include "penchant/service/schemas.h"

namespace penchant::service {

namespace {

Schema plain() { return text(std::numeric_limits<std::size_t>::max()); }
Schema any_list(Schema element) { return list(std::move(element), std::numeric_limits<std::size_t>::max()); }
Schema count() { return integer(0, 9007199254740991.0); }
Schema codes() { return any_list(integer(0, 65'535)); }
Schema fields() { return map_of(any_value()).about("title and attributes"); }
Schema when() { return plain().nullable().about("ISO 8601"); }

Schema evidence() {
  return object({need("kind", plain(), "event, attribute, item, query_term, source"),
                 need("id", plain(), "item id, attribute name, term or source"),
                 need("text", plain(), "title, attribute value, …")}).named("Evidence");
}

Schema reason() {
  return object({need("type", plain(), "history, attribute, source, query, similar_to, popular, new"),
                 need("weight", number(), "change of the score when the evidence is taken away"),
                 need("evidence", any_list(evidence()), "")}).named("Reason");
}

const Schema& scored_item() {
  static const Schema schema = object({
      need("id", plain(), ""), need("title", plain(), ""), need("score", number(), ""), need("rank", count(), "1 is first"),
      need("fields", fields(), ""), need("semantic_id", codes(), ""),
      need("sources", any_list(plain()), "candidate sources that proposed it"),
      need("reasons", any_list(reason()), "empty without explain"),
      need("explanation", plain().nullable(), "one line made from the reasons; null without explain"),
      may("features", map_of(number()), "inputs of the ranker, with debug")}).named("ScoredItem");
  return schema;
}

Schema applied() {
  return object({need("scenario", plain().nullable(), ""), need("filter", plain(), "normal form"),
                 need("include_seen", boolean(), ""), need("task", plain(), "recommend, search, similar"),
                 need("release", plain().nullable(), "null: no model yet"),
                 need("n", count(), "")}).named("Applied");
}

Schema degraded() {
  return any_list(object({need("part", plain(), ""), need("why", plain(), "")}).named("Degraded"))
      .about("parts that were asked for and did not run; empty: everything ran");
}

Schema line_error() {
  return object({need("line", count(), "of the lines, or position in the list, from 1"), need("code", plain(), ""),
                 need("message", plain(), ""), may("field", plain(), ""), may("hint", plain(), "")}).named("LineError");
}

}  // namespace

const Schema& error_schema() {
  static const Schema schema = [] {
    Schema out = object({need("error", object({
        need("code", plain(), "invalid_argument, not_found, unavailable, …"),
        need("message", plain(), "what is wrong"),
        may("field", plain(), "JSON pointer into the body, or ?name of a query parameter"),
        may("hint", plain(), "what to do")}), "")}).named("Error");
    out.others = std::make_shared<Schema>(any_value());  // bulk answers carry their counts too
    return out;
  }();
  return schema;
}

const Schema& recommend_answer_schema() {
  static const Schema schema = object({
      need("recommendation_id", plain(), "to be given with the events that the list leads to"),
      need("items", any_list(scored_item()), ""),
      need("intent", any_value(), "null until a sentence was understood"),
      need("applied", applied(), "what was used"), need("degraded", degraded(), ""),
      need("ignored", any_list(plain()), "items of the history or session that are not known here"),
      need("notes", any_list(plain()), "what a reader should know, such as why the list is empty"),
      need("timings", map_of(number()), "milliseconds per stage")}).named("RecommendAnswer");
  return schema;
}

const Schema& explain_answer_schema() {
  static const Schema schema = object({need("item", scored_item(), ""), need("timings", map_of(number()), "milliseconds")})
      .named("ExplainAnswer");
  return schema;
}

const Schema& events_answer_schema() {
  static const Schema schema = object({
      need("accepted", count(), "new events, on disk"), need("duplicates", count(), "known by idempotency key: no effect"),
      need("rejected", count(), "events with an error"),
      need("errors", any_list(line_error()), "the first 1,000"),
      need("created_users", count(), ""), need("created_items", count(), "")}).named("EventsAnswer");
  return schema;
}

const Schema& stored_item_schema() {
  static const Schema schema = object({
      need("id", plain(), ""), need("title", plain(), ""), need("attributes", fields(), ""),
      may("vectors", map_of(any_list(number())), ""), need("available", boolean(), ""),
      may("created", when(), "")}).named("StoredItem");
  return schema;
}

const Schema& stored_user_schema() {
  static const Schema schema = object({need("id", plain(), ""), need("attributes", fields(), ""),
                                       may("events", count(), "stored, at most 10,000 counted")}).named("StoredUser");
  return schema;
}

const Schema& user_embedding_schema() {
  static const Schema schema = object({
      need("user", plain(), ""), need("release", plain(), "whose user model made it"),
      need("space", plain(), "release in whose coordinates it is: vectors of one space may be compared"),
      need("made", when(), ""), need("until", when(), "time of the newest event that it knows"),
      need("events", count(), "of the user that it knows"), need("age_s", number(), "since it was made"),
      need("events_since", count(), "of the user that it does not know"),
      need("vector", any_list(number()), ""),
      need("degraded", degraded(), "why it is not what would be made now")}).named("UserEmbedding");
  return schema;
}

const Schema& history_schema() {
  static const Schema schema = object({
      need("user", plain(), ""),
      need("events", any_list(object({
          need("item", plain(), ""), need("title", plain(), ""), need("fields", fields(), ""),
          need("type", plain(), ""), need("value", number().nullable(), ""),
          need("time", when(), ""), need("time_ms", number(), "ms since 1970, or the position where there is no time")})
          .named("HistoryEvent")), "newest first")}).named("History");
  return schema;
}

const Schema& item_list_schema() {
  static const Schema schema = object({need("items", any_list(stored_item_schema()), "best first")}).named("ItemList");
  return schema;
}

const Schema& user_list_schema() {
  static const Schema schema = object({need("users", any_list(stored_user_schema()), "best first"),
                                       need("truncated", boolean(), "more may match")}).named("UserList");
  return schema;
}

const Schema& put_answer_schema() {
  static const Schema schema = object({need("id", plain(), ""), need("created", boolean(), "false: replaced")}).named("PutAnswer");
  return schema;
}

const Schema& bulk_answer_schema() {
  static const Schema schema = object({need("accepted", count(), "on disk"), need("rejected", count(), ""),
                                       need("errors", any_list(line_error()), "the first 1,000")}).named("BulkAnswer");
  return schema;
}

const Schema& item_card_schema() {
  static const Schema schema = object({
      need("item", stored_item_schema(), ""), need("semantic_id", codes(), ""),
      need("tokens", plain(), "the semantic ID as <a_1><b_2><c_3>"), need("events", count(), ""),
      need("neighbours", any_list(object({
          need("id", plain(), ""), need("title", plain(), ""), need("semantic_id", codes(), ""),
          need("shared_prefix", count(), "codes in common"), need("similarity", number(), "cosine of content")})
          .named("Neighbour")), "by shared prefix, then similarity")}).named("ItemCard");
  return schema;
}

const Schema& semantic_id_schema() {
  static const Schema schema = object({
      need("item", plain(), ""), need("title", plain(), ""), need("semantic_id", codes(), ""),
      need("tokens", plain(), ""),
      need("neighbours", any_list(any_value()), "as in the item card")}).named("SemanticId");
  return schema;
}

const Schema& semantic_id_tree_schema() {
  static const Schema item = object({need("id", plain(), ""), need("title", plain(), ""), need("events", count(), "")})
                                 .named("SemanticIdItem");
  static const Schema node = object({
      need("code", count().nullable(), "last code of the prefix; null at the root"),
      need("prefix", codes(), "first codes of the semantic IDs"),
      need("name", plain(), "what sets these items apart from their siblings; \"mixed\": nothing does"),
      need("items", count(), "available ones"), need("share", number(), "of the items that have an ID"),
      need("terms", any_list(object({need("attribute", plain(), "empty: a word of the title"), need("value", plain(), ""),
                                     need("share", number(), "of these items that have it"),
                                     need("share_outside", number(), "of their siblings")})), "what the name is made of"),
      need("examples", any_list(item), "most events first")}).named("SemanticIdNode");
  static const Schema schema = object({
      need("release", plain(), ""), need("levels", count(), "codes of a whole semantic ID"),
      need("path", any_list(node), "from the root to the prefix"),
      need("children", any_list(node), "one code longer, most items first; empty at a whole ID"),
      need("items", any_list(item), "of a whole ID"),
      need("below", count(), "children, or items of a whole ID, that there are")}).named("SemanticIdTree");
  return schema;
}

const Schema& release_list_schema() {
  static const Schema schema = object({
      need("live", plain().nullable(), "name of the live release"),
      need("releases", any_list(object({
          need("name", plain(), ""), need("created", when(), ""), need("live", boolean(), ""),
          need("card", any_value(), "card.json of the release, or null")}).named("ReleaseRow")), "newest first")}).named("ReleaseList");
  return schema;
}

const Schema& release_schema() {
  static const Schema schema = object({
      need("name", plain(), ""), need("live", boolean(), ""),
      need("manifest", any_value(), "manifest.json"), need("card", any_value(), "card.json, or null")}).named("Release");
  return schema;
}

const Schema& task_schema() {
  static const Schema schema = object({
      need("id", plain(), ""), need("kind", plain(), "import, train"),
      need("state", choice({"queued", "running", "succeeded", "failed", "cancelled"}), ""),
      need("progress", object({
          need("step", plain(), ""), need("done", count(), ""), need("total", count(), "0: unknown"),
          need("detail", plain(), ""), need("eta_s", number().nullable(), "of this step")}), ""),
      need("created", when(), ""), need("started", when(), ""), need("finished", when(), ""),
      need("result", any_value(), "of a succeeded task"), need("error", any_value(), "of a failed one")}).named("Task");
  return schema;
}

const Schema& task_list_schema() {
  static const Schema schema = object({need("tasks", any_list(task_schema()), "newest first")}).named("TaskList");
  return schema;
}

const Schema& health_schema() {
  static const Schema schema = object({need("status", plain(), "ok, ready, loading, failed"),
                                       may("release", plain().nullable(), ""), may("reason", plain(), "")}).named("Health");
  return schema;
}

const Schema& version_schema() {
  static const Schema schema = object({need("name", plain(), ""), need("version", plain(), "")}).named("Version");
  return schema;
}

const Schema& describe_schema() {
  static const Schema schema = object({
      need("items", count(), ""), need("users", count(), ""), need("events", count(), ""),
      need("first_event", when(), ""), need("last_event", when(), ""),
      need("event_types", any_list(object({need("name", plain(), ""), need("weight", number(), "")})), ""),
      need("release", plain().nullable(), "")}).named("Description");
  return schema;
}

}  // namespace penchant::service
