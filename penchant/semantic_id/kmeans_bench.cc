// CPU seconds and error of Lloyd's k-means from given centroids, for bench/peers/kmeans.py.
//   kmeans_bench ROWS START N DIM K ITERATIONS THREADS
// ROWS and START are raw float32, row-major: [N, DIM] and [K, DIM].
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "penchant/base/cpu_time.h"
#include "penchant/semantic_id/kmeans.h"

namespace penchant::semantic_id {
namespace {

bool read(const char* path, Matrix<float>& out) {
  std::ifstream file(path, std::ios::binary);
  const auto bytes = static_cast<std::streamsize>(out.values().size() * sizeof(float));
  return static_cast<bool>(file.read(reinterpret_cast<char*>(out.values().data()), bytes));
}

int run(char** argv) {
  const auto number = [&](int at) { return std::strtoul(argv[at], nullptr, 10); };
  Matrix<float> rows(number(3), number(4)), start(number(5), number(4));
  if (!read(argv[1], rows) || !read(argv[2], start)) return std::fprintf(stderr, "a file is too short\n"), 1;
  Executor executor(number(7));
  const auto began = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  const auto fit = fit_kmeans(rows.view(),
                              {.clusters = static_cast<std::uint32_t>(start.rows()),
                               .iterations = static_cast<std::uint32_t>(number(6)),
                               .tolerance = 0,
                               .start = start.view()},
                              executor);
  if (!fit.ok()) return std::fprintf(stderr, "%s\n", fit.error().message.c_str()), 1;
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
  std::printf("{\"cpu\": %.3f, \"wall\": %.3f, \"error\": %.9g, \"iterations\": %u}\n", cpu_seconds() - cpu,
              wall.count(), fit->error, fit->iterations);
  return 0;
}

}  // namespace
}  // namespace penchant::semantic_id

int main(int argc, char** argv) {
  if (argc == 8) return penchant::semantic_id::run(argv);
  return std::fprintf(stderr, "usage: kmeans_bench ROWS START N DIM K ITERATIONS THREADS\n"), 2;
}
