#pragma once
/// \file The online pipeline: one request in, one explained list out. Layer 5.
/// The way of a request: allow (filter) -> user state -> candidates -> rank -> arrange -> explain.
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "penchant/base/clock.h"
#include "penchant/base/executor.h"
#include "penchant/base/result.h"
#include "penchant/catalog/item.h"
#include "penchant/store/store.h"

namespace penchant::recommend {

enum class Explain : std::uint8_t { none, reasons, brief };  ///< brief ("short"): reasons + one line

/// Attribute value that lifts (weight > 0) or buries (weight < 0) matching items.
struct Boost {
  std::string filter;   ///< filter expression choosing the items
  double weight = 0;    ///< added to the score, in units of its standard deviation in the list
};

/// An event of a session that is not stored.
struct SessionEvent {
  std::string item;
  std::string type = "view";
  std::optional<double> value;
  std::int64_t time_ms = 0;  ///< 0: order of the list
};

struct Request {
  std::string user;                     ///< external id; empty: none. Unknown users are guests.
  std::vector<SessionEvent> session;    ///< newest last; follows the stored history
  std::string query;                    ///< free text; empty: none
  std::vector<std::string> similar_to;  ///< item ids
  std::size_t n = 10;                   ///< 1..1000
  std::string filter;                   ///< filter expression of catalog/filter.h; empty: all
  std::vector<std::string> exclude;     ///< item ids never to return
  std::optional<bool> include_seen;     ///< unset: as the data suggest (release card says)
  std::vector<Boost> boosts;
  double diversity = 0;                 ///< 0..1: maximal marginal relevance over item vectors
  Explain explain = Explain::none;
  std::size_t beam = 0;                 ///< 0: default
  std::int64_t deadline_ms = 0;         ///< from arrival; 0: none
};

/// One thing that moved a score, with what it is tied to.
struct Reason {
  std::string type;      ///< "history", "attribute", "source", "query", "similar_to", "popular", "new"
  double weight = 0;     ///< change of the fused score when the evidence is taken away
  struct Evidence {
    std::string kind;    ///< "event", "attribute", "item", "query_term", "source"
    std::string id;      ///< item id, attribute name, term, or source name
    std::string text;    ///< title, attribute value, …
  };
  std::vector<Evidence> evidence;
};

struct ScoredItem {
  std::string id;
  std::string title;
  double score = 0;
  std::size_t rank = 0;                      ///< 1-based
  std::vector<std::uint16_t> semantic_id;
  std::vector<std::string> sources;          ///< "generator", "dense", "transitions", "popular", "fresh", "lexical", "content", "towers"
  std::map<std::string, double> features;    ///< inputs of the ranker, only with explain
  std::vector<Reason> reasons;
  std::string explanation;                   ///< template line made from `reasons` only
};

struct Degraded {
  std::string part;
  std::string why;
};

struct Response {
  std::vector<ScoredItem> items;
  std::string task;                          ///< "recommend", "search", "similar"
  bool include_seen = false;                 ///< what was used
  std::string release;                       ///< name, or empty when there is none
  std::string filter;                        ///< normalised filter that was applied
  std::vector<Degraded> degraded;
  std::map<std::string, double> timings_ms;  ///< per stage
  std::vector<std::string> ignored;          ///< history or session items not known here, said plainly
};

/// What the console and the CLI show of one item.
struct ItemCard {
  catalog::Item item;
  std::vector<std::uint16_t> semantic_id;
  std::uint64_t events = 0;
  struct Neighbour { std::string id, title; std::vector<std::uint16_t> semantic_id; std::size_t shared_prefix = 0; double similarity = 0; };
  std::vector<Neighbour> neighbours;         ///< by shared ID prefix, then content similarity
};

/// Which node of the tree of semantic IDs, and how much of what is below it.
struct IdTreeQuery {
  std::vector<std::uint16_t> prefix;  ///< first codes of an ID; empty: the root
  std::size_t offset = 0;             ///< children (or items of a whole ID) to leave out
  std::size_t limit = 100;            ///< of the rest
  std::size_t examples = 3;           ///< items named with each node
};

/// One node: the available items whose IDs begin alike, named by what sets them apart from their
/// siblings.
struct IdTreeNode {
  std::vector<std::uint16_t> prefix;
  std::string name;                   ///< "Horror · 1980s"; "mixed": nothing stands out; empty at the root
  std::size_t items = 0;
  double share = 0;                   ///< of the items that have an ID
  struct Term { std::string attribute, value; double share = 0, share_outside = 0; };
  std::vector<Term> terms;            ///< what the name is made of; attribute empty: a word of the title
  struct Example { std::string id, title; std::uint64_t events = 0; };
  std::vector<Example> examples;      ///< most events first
};

struct IdTree {
  std::string release;
  std::size_t levels = 0;             ///< codes of a whole ID
  std::vector<IdTreeNode> path;       ///< from the root to the node asked for
  std::vector<IdTreeNode> children;   ///< one code longer, most items first, then by code; empty at a whole ID
  std::vector<IdTreeNode::Example> items;  ///< of a whole ID
  std::size_t below = 0;              ///< children (or items of a whole ID) there are
};

struct EngineOptions {
  std::string home;               ///< folder with penchant.db and models/
  std::string encoder_dir;        ///< sentence encoder; empty: new items get no text vector, said in degraded
  std::size_t beam = 32;
  std::size_t candidates = 200;   ///< per source
  bool live_release = true;       ///< false: starts without one, whatever is live; promote() puts one in place
};

/// Everything in memory that answers requests: live release, catalogue, histories, indexes.
/// Threads: all calls are safe from any thread; recommend() runs beside writers.
class Engine {
 public:
  /// Loads the catalogue and events of the store and the live release (none yet is fine: then only
  /// popular, fresh and lexical sources answer, and `degraded` says so).
  static Result<std::unique_ptr<Engine>> open(store::Store& store, const EngineOptions& options,
                                              Executor& executor, const Clock& clock);
  virtual ~Engine() = default;

  virtual Result<Response> recommend(const Request& request) = 0;
  /// Reasons for one given item in the context of `request` (which need not list it).
  virtual Result<ScoredItem> explain(const Request& request, const std::string& item) = 0;
  virtual Result<ItemCard> item_card(const std::string& item) = 0;
  /// \return not_found when no release is live or no available item's ID begins so
  virtual Result<IdTree> id_tree(const IdTreeQuery& query) = 0;
  /// Full ranking for evaluation and debugging: fused score of every item row, -inf = not allowed.
  virtual Result<std::vector<double>> score_all(const Request& request) = 0;

  // Writes go through the engine so that memory follows the store: first durable, then visible.
  virtual Result<store::AppendReport> append_events(std::span<const catalog::Event> events,
                                                    const store::AppendOptions& options) = 0;
  virtual Status put_items(std::span<const catalog::Item> items) = 0;
  virtual Status put_users(std::span<const catalog::User> users) = 0;
  virtual Status delete_item(const std::string& id) = 0;
  virtual Status delete_user(const std::string& id) = 0;
  /// Loads a release aside, verifies it, swaps it in and marks it live. Requests in flight finish
  /// on the old one.
  virtual Status promote(const std::string& release) = 0;
  /// Re-reads items, users and events from the store (after an import by another process).
  virtual Status reload() = 0;
  [[nodiscard]] virtual std::string live_release() const = 0;
};

}  // namespace penchant::recommend
