#include "penchant/import/column_names.h"

#include <algorithm>
#include <initializer_list>
#include <unordered_map>

namespace penchant::import {
namespace {

struct Synonyms {
  Field field;
  std::initializer_list<const char*> names;  ///< best first
};

const Synonyms kSynonyms[] = {
    {Field::user,
     {"userid",   "user",       "uid",          "userno",      "usernumber",  "userkey",  "customerid",
      "customer", "customerno", "clientid",     "client",      "memberid",    "member",   "accountid",
      "account",  "profileid",  "visitorid",    "visitor",     "reviewerid",  "reviewer", "buyerid",
      "buyer",    "shopperid",  "applicantid",  "applicant",   "candidateid", "personid", "person",
      "viewerid", "viewer",     "listenerid",   "listener",    "readerid",    "reader",   "playerid",
      "patronid", "borrowerid", "householdkey", "householdid", "cookieid",    "deviceid", "sessionid",
      "session",  "sid"}},
    {Field::item, {"itemid",    "item",       "iid",        "itemno",  "itemkey",   "productid",  "product",
                   "productno", "productkey", "stockcode",  "sku",     "asin",      "parentasin", "articleid",
                   "article",   "movieid",    "movie",      "filmid",  "film",      "videoid",    "video",
                   "showid",    "songid",     "song",       "trackid", "track",     "artistid",   "albumid",
                   "bookid",    "book",       "isbn",       "isbn13",  "jobid",     "job",        "vacancyid",
                   "newsid",    "contentid",  "postid",     "storyid", "listingid", "offerid",    "goodsid",
                   "goods",     "businessid", "gameid",     "appid",   "recipeid",  "courseid",   "podcastid",
                   "adid",      "docid",      "documentid", "pid"}},
    {Field::time,
     {"timestamp",
      "time",
      "ts",
      "datetime",
      "eventtime",
      "eventtimestamp",
      "timestampms",
      "timems",
      "unixtime",
      "unixtimestamp",
      "unixreviewtime",
      "invoicedate",
      "orderdate",
      "purchasedate",
      "purchasetime",
      "viewedat",
      "clickedat",
      "ratedat",
      "watchedat",
      "playedat",
      "listenedat",
      "boughtat",
      "borrowedat",
      "occurredat",
      "createdat",
      "eventdate",
      "date",
      "servertime",
      "reviewtime",
      "reviewdate",
      "transactiondate",
      "tdat",
      "day",
      "at"}},
    {Field::value, {"rating",     "ratings",  "stars",        "score",     "overall",         "value",
                    "bookrating", "quantity", "qty",          "seconds",   "durationseconds", "duration",
                    "dwelltime",  "dwell",    "dwellseconds", "watchtime", "playtime",        "listeningtime",
                    "playcount",  "plays",    "watchratio",   "weight",    "count",           "strength"}},
    {Field::type,
     {"eventtype", "event", "type", "action", "actiontype", "behavior", "behaviortype", "behaviour",
      "interaction", "interactiontype", "eventname", "feedbacktype", "activity"}},
    {Field::position,
     {"position", "pos", "sequence", "seq", "eventorder", "step", "orderinsession", "timestep"}},
    {Field::days, {"dayssincefirst", "dayssincefirstevent", "daysoffset", "dayoffset"}},
    {Field::title, {"title",       "name",         "itemtitle",          "itemname",
                    "productname", "producttitle", "productdisplayname", "movietitle",
                    "moviename",   "filmtitle",    "booktitle",          "trackname",
                    "tracktitle",  "songname",     "songtitle",          "jobtitle",
                    "videotitle",  "gamename",     "recipename",         "headline",
                    "displayname", "shorttext",    "shortdescription",   "description"}},
    {Field::available, {"available", "isavailable", "instock"}},
    {Field::key, {"idempotencykey", "eventid", "eventkey"}},
    {Field::recommendation, {"recommendationid", "recommid"}},
    {Field::query, {"query", "queryid", "searchterm", "searchquery", "querytext"}},
};

bool any_of(std::string_view column, std::initializer_list<const char*> names) {
  const std::string squeezed = squeeze(column);
  return std::any_of(names.begin(), names.end(), [&](const char* name) { return squeezed == name; });
}

}  // namespace

std::string squeeze(std::string_view column) {
  std::string out;
  for (const char c : column) {
    if (c >= 'A' && c <= 'Z')
      out.push_back(static_cast<char>(c + 32));
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80)
      out.push_back(c);
  }
  return out;
}

std::optional<NameMatch> match_name(std::string_view column) {
  static const auto known = [] {
    std::unordered_map<std::string, NameMatch> out;
    for (const auto& group : kSynonyms) {
      int rank = 0;
      for (const char* name : group.names) out.emplace(name, NameMatch{group.field, rank++});
    }
    return out;
  }();
  const auto found = known.find(squeeze(column));
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

bool is_known_column(std::string_view column) {
  return match_name(column).has_value() || squeeze(column) == "id";
}

bool names_a_list(std::string_view column) {
  return any_of(column, {"genres",    "genre",  "categories",  "category", "tags",    "keywords",
                         "cast",      "actors", "directors",   "director", "authors", "author",
                         "artists",   "topics", "labels",      "colors",   "colours", "languages",
                         "countries", "skills", "ingredients", "class"});
}

bool names_an_order(std::string_view column) {
  const std::string name = squeeze(column);
  for (const char* word :
       {"invoice", "order", "transaction", "basket", "session", "receipt", "visit", "request", "cookie"})
    if (name.find(word) != std::string::npos) return true;
  return false;
}

bool names_an_item_fact(std::string_view column) {
  return names_a_list(column) ||
         any_of(column, {"price", "unitprice", "brand", "manufacturer", "vendor", "seller", "year",
                         "releaseyear", "publisher", "company", "album", "artist", "color", "colour", "size",
                         "material", "department", "producttype", "subcategory"});
}

namespace {
constexpr std::pair<Field, const char*> kFieldNames[] = {{Field::ignore, "ignore"},
                                                         {Field::user, "user"},
                                                         {Field::item, "item"},
                                                         {Field::time, "time"},
                                                         {Field::value, "value"},
                                                         {Field::type, "type"},
                                                         {Field::position, "position"},
                                                         {Field::days, "days_since_first"},
                                                         {Field::title, "title"},
                                                         {Field::available, "available"},
                                                         {Field::key, "idempotency_key"},
                                                         {Field::recommendation, "recommendation_id"},
                                                         {Field::query, "query"},
                                                         {Field::attribute, "attribute"},
                                                         {Field::user_attribute, "user_attribute"},
                                                         {Field::vector, "vector"}};
}

const char* name_of(Field field) noexcept {
  for (const auto& [known, name] : kFieldNames)
    if (known == field) return name;
  return "ignore";
}

std::optional<Field> field_of(std::string_view name) {
  for (const auto& [field, known] : kFieldNames)
    if (name == known) return field;
  return std::nullopt;
}

}  // namespace penchant::import
