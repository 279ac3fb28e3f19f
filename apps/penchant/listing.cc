#include "listing.h"

#include <algorithm>
#include <cstdio>

#include "terminal.h"

namespace penchant::app {

void print_list(const recommend::Response& response) {
  // A title with its score, and the reason on a line of its own: it is a sentence, not a column.
  const std::size_t width = std::min<std::size_t>(terminal_width(), 100);
  const std::size_t title_columns = width - 16;
  for (const auto& item : response.items) {
    std::printf("%3zu  %s %8.2f\n", item.rank, bold(fit(item.title.empty() ? item.id : item.title, title_columns)).c_str(),
                item.score);
    if (!item.explanation.empty()) std::printf("     %s\n", dim(item.explanation).c_str());
  }
  if (response.items.empty())
    std::printf("   nothing to show: the filter, the exclusions or the seen items leave no candidate\n");
  if (!response.ignored.empty()) {
    std::string text;
    for (const auto& id : response.ignored) text += (text.empty() ? "" : ", ") + id;
    std::printf("   %s\n", yellow("not known here: " + text).c_str());
  }
  for (const auto& part : response.degraded)
    std::printf("   %s\n", yellow("did not run: " + part.part + " (" + part.why + ")").c_str());
}

}  // namespace penchant::app
