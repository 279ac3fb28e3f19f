#include "listing.h"

#include <algorithm>
#include <cstdio>

#include "terminal.h"

namespace penchant::app {

void print_list(const recommend::Response& response) {
  std::size_t title_columns = 12;
  for (const auto& item : response.items)
    title_columns = std::max(title_columns, columns_of(item.title.empty() ? item.id : item.title));
  title_columns = std::min<std::size_t>(title_columns, 40);
  const std::size_t width = terminal_width();
  for (const auto& item : response.items) {
    const std::string title = fit(item.title.empty() ? item.id : item.title, title_columns);
    const std::size_t used = 4 + title_columns + 9;
    std::printf("%3zu %s %7.2f  %s\n", item.rank, bold(title).c_str(), item.score,
                item.explanation.empty() ? "" : dim(fit(item.explanation, width > used + 12 ? width - used - 1 : 40)).c_str());
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
