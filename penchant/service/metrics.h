#pragma once
/// \file Counters, gauges and histograms in the text format of Prometheus. Private to service.
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penchant::service {

/// Small registry; families are declared first, series appear with their first use.
/// Threads: all calls are safe from any thread.
class Metrics {
 public:
  enum class Kind { counter, gauge, histogram };
  using Labels = std::vector<std::pair<std::string, std::string>>;

  /// \param buckets upper bounds, ascending, of a histogram; +Inf is added
  void declare(std::string name, Kind kind, std::string help, std::vector<double> buckets = {});
  void count(std::string_view name, const Labels& labels = {}, double by = 1);
  void set(std::string_view name, double value, const Labels& labels = {});
  /// Forgets all series of a gauge, e.g. before its only label changes.
  void clear(std::string_view name);
  void observe(std::string_view name, double value, const Labels& labels = {});
  /// Text exposition format 0.0.4: families by name, series by labels.
  [[nodiscard]] std::string text() const;

 private:
  struct Series {
    double value = 0;                    // counter or gauge, or the sum of a histogram
    std::vector<std::uint64_t> buckets;  // not cumulative; the last is +Inf
  };
  struct Family {
    Kind kind = Kind::counter;
    std::string help;
    std::vector<double> bounds;
    std::map<std::string, Series> series;  // by rendered labels
  };
  Series& series(std::string_view name, const Labels& labels, Kind kind);
  mutable std::mutex mutex_;  // guards families_
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace penchant::service
