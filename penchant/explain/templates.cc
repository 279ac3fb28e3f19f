#include "penchant/explain/templates.h"

#include <algorithm>
#include <vector>

namespace penchant::explain {
namespace {

using Found = std::vector<const Reason*>;

Found of_type(std::span<const Reason> reasons, std::string_view type) {
  Found found;
  for (const Reason& reason : reasons)
    if (reason.type == type && reason.weight > 0 && !reason.evidence.empty()) found.push_back(&reason);
  return found;
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i)
    out += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
  return out;
}

/// Reasons that carry at least a fifth of the heaviest of their kind: the others are not worth words.
Found weighty(Found reasons) {
  double most = 0;
  for (const Reason* reason : reasons) most = std::max(most, reason->weight);
  std::erase_if(reasons, [&](const Reason* reason) { return reason->weight < 0.2 * most; });
  return reasons;
}

/// First texts of the evidence of up to `most` reasons, each once.
std::vector<std::string> texts(const Found& reasons, std::size_t most) {
  std::vector<std::string> out;
  for (const Reason* reason : reasons) {
    std::string text = cut(reason->evidence.front().text);
    if (out.size() < most && std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  }
  return out;
}

const Evidence* find_count(const Reason& reason) {
  for (const Evidence& evidence : reason.evidence)
    if (evidence.kind == "count") return &evidence;
  return nullptr;
}

bool shows_event(const Reason& reason, std::string_view id) {
  return std::any_of(reason.evidence.begin(), reason.evidence.end(),
                     [&](const Evidence& e) { return e.kind == "event" && e.id == id; });
}

/// "Sci-Fi with 14 films you chose": values of one attribute reason or of two of equal count.
std::string shared_values(const Found& attributes, const Wording& wording) {
  std::vector<std::string> values{cut(attributes[0]->evidence.front().text)};
  const Evidence* count = find_count(*attributes[0]);
  if (attributes.size() > 1 && count != nullptr) {
    // Two values in one sentence need a number that is true of both: the smaller is "at least".
    const Evidence* other = find_count(*attributes[1]);
    if (other != nullptr && other->id == count->id) values.push_back(cut(attributes[1]->evidence.front().text));
  }
  std::string out = join(values);
  if (count == nullptr) return out;
  return out + " with " + count->text + " " + wording.items +
         (count->tone == Tone::rated_low ? " in your history" : " you chose");
}

std::string because(Tone tone, const std::string& names) {
  switch (tone) {
    case Tone::rated_high: return "Because you rated " + names + " highly";
    case Tone::liked: return "Because you liked " + names;
    case Tone::bought: return "Because you bought " + names;
    case Tone::viewed: return "Because you viewed " + names;
    case Tone::rated_low: return "Connected with " + names + ", which you rated low";
    case Tone::neutral: break;
  }
  return "Because of " + names + " in your history";
}

std::string history_line(const Found& history, const Found& attributes) {
  // Events of one tone share a sentence; a low rating speaks only when nothing else does.
  const auto lead = std::find_if(history.begin(), history.end(), [](const Reason* reason) {
    return reason->evidence.front().tone != Tone::rated_low;
  });
  const Evidence& first = lead == history.end() ? history.front()->evidence.front() : (*lead)->evidence.front();
  Found named{lead == history.end() ? history.front() : *lead};
  for (const Reason* reason : weighty(history))
    if (reason->evidence.front().tone == first.tone && named.size() < 2 &&
        named.front()->evidence.front().id != reason->evidence.front().id)
      named.push_back(reason);
  std::string out = because(first.tone, join(texts(named, 2)));
  for (const Reason* attribute : attributes) {
    const bool all = std::all_of(named.begin(), named.end(), [&](const Reason* reason) {
      return shows_event(*attribute, reason->evidence.front().id);
    });
    if (!all) continue;
    const std::string value = cut(attribute->evidence.front().text);
    return out + (named.size() == 2 ? "; both " + value + " like this one" : "; " + value + " like this one");
  }
  return out;
}

std::string source_line(const Reason& reason) {
  const std::string& source = reason.evidence.front().id;
  if (source == "towers") return "Its content and its audience are like those of what you chose";
  if (source == "transitions") return "Often comes next after what you chose lately";
  if (source == "content") return "Close in content to what you chose lately";
  if (source == "lexical" || source == "text") return "Matches your search";
  if (source.starts_with("anchor")) return "Close to what you asked for";
  if (source == "recent") return "Chosen by others lately";
  return "Fits your history as a whole";
}

}  // namespace

std::string cut(std::string_view text, std::size_t characters) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;  // inside a character
    if (++seen > characters) {
      // The last character makes room for the ellipsis.
      std::size_t end = i;
      do --end; while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
      while (end > 0 && text[end - 1] == ' ') --end;
      return std::string(text.substr(0, end)) + "…";
    }
  }
  return std::string(text);
}

std::string line(std::span<const Reason> reasons, const Wording& wording) {
  const Found history = of_type(reasons, "history"), attributes = of_type(reasons, "attribute");
  const Found query = of_type(reasons, "query"), anchors = of_type(reasons, "similar_to");
  const Found fresh = of_type(reasons, "new"), popular = of_type(reasons, "popular"), source = of_type(reasons, "source");
  if (!query.empty()) {
    std::vector<std::string> words;
    for (const std::string& word : texts(weighty(query), 3)) words.push_back("\"" + word + "\"");
    std::string out = "Matches " + join(words) + " in your search";
    if (!history.empty() && history.front()->evidence.front().tone != Tone::rated_low)
      out += "; near " + texts(history, 1).front() + " in your history";
    return out;
  }
  if (!anchors.empty()) return "Goes with " + join(texts(anchors, 2));
  if (!fresh.empty()) {
    if (!attributes.empty()) return "New here: shares " + shared_values(attributes, wording);
    if (!history.empty()) return "New here: close to " + texts(history, 1).front() + " in your history";
    return "New here: close in content to what you chose lately";
  }
  const bool only_low = !history.empty() && std::all_of(history.begin(), history.end(), [](const Reason* reason) {
    return reason->evidence.front().tone == Tone::rated_low;
  });
  // What was rated low is named only where there is nothing better to say.
  if (!history.empty() && !(only_low && (!attributes.empty() || !source.empty()))) return history_line(history, attributes);
  if (!attributes.empty()) return "Shares " + shared_values(attributes, wording);
  if (!popular.empty()) return wording.knows_user ? "Popular with others" : "Popular now; we know little about you yet";
  if (!source.empty()) return source_line(*source.front());
  return "Here by its overall score; no single reason stands out";
}

}  // namespace penchant::explain
