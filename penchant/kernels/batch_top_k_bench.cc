// Users per second of the 10 best of a catalogue, one thread: bench/peers/recommend_speed.py prints
// the same beside other libraries, with the same vectors.
//   batch_top_k_bench [FOLDER]: users.f32, items.f32, seen.u32, offsets.u64 and shape.txt
//   (users items dim); the lists with the filter are left there as best.u32. Without a folder: normal
//   vectors of Amazon Beauty's size.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "penchant/base/cpu_time.h"
#include "penchant/base/rng.h"
#include "penchant/kernels/batch_top_k.h"

namespace {

using penchant::cpu_seconds;
using penchant::Matrix;
using penchant::kernels::BatchTopK;
using penchant::kernels::Exclusions;
using penchant::kernels::Scored;

template <class T>
std::vector<T> read_all(const std::string& path, std::size_t count) {
  std::vector<T> values(count);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(count * sizeof(T)));
  if (!file) std::fprintf(stderr, "%s is too short\n", path.c_str()), std::exit(1);
  return values;
}

float normal(penchant::Rng& rng) {
  const double u = 1 - rng.uniform(), v = rng.uniform();
  return static_cast<float>(std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v));
}

struct Data {
  Matrix<float> users, items;
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint32_t> seen;
};

Data made() {
  Data data{Matrix<float>(22363, 64), Matrix<float>(12101, 64), {0}, {}};
  penchant::Rng rng(1);
  for (float& x : data.users.values()) x = normal(rng);
  for (float& x : data.items.values()) x = normal(rng);
  for (std::size_t u = 0; u < data.users.rows(); ++u) {
    std::uint32_t item = static_cast<std::uint32_t>(rng.below(1000));
    for (int i = 0; i < 9; ++i, item += 1 + static_cast<std::uint32_t>(rng.below(1200))) data.seen.push_back(item);
    data.offsets.push_back(data.seen.size());
  }
  return data;
}

Data read(const std::string& folder) {
  std::size_t users = 0, items = 0, dim = 0;
  std::ifstream(folder + "/shape.txt") >> users >> items >> dim;
  Data data;
  data.users = Matrix<float>(read_all<float>(folder + "/users.f32", users * dim), users, dim);
  data.items = Matrix<float>(read_all<float>(folder + "/items.f32", items * dim), items, dim);
  data.offsets = read_all<std::uint64_t>(folder + "/offsets.u64", users + 1);
  data.seen = read_all<std::uint32_t>(folder + "/seen.u32", data.offsets.back());
  return data;
}

}  // namespace

int main(int argc, char** argv) {
  const Data data = argc > 1 ? read(argv[1]) : made();
  std::vector<Scored> best(data.users.rows() * 10);
  std::string last;  // automatic may be one of the others
  for (const auto engine : {BatchTopK::Engine::automatic, BatchTopK::Engine::vnni, BatchTopK::Engine::floats}) {
    double start = cpu_seconds();
    const BatchTopK index(data.items.view(), {}, engine);
    if (index.engine_name() == last) continue;
    last = index.engine_name();
    const double build = cpu_seconds() - start;
    for (const bool filter : {false, true}) {
      const Exclusions seen = filter ? Exclusions{data.offsets, data.seen} : Exclusions{};
      double least = 1e9;
      for (int round = 0; round < 9; ++round) {
        start = cpu_seconds();
        index.find(data.users.view(), 10, seen, best);
        least = std::min(least, cpu_seconds() - start);
      }
      double sum = 0;
      for (const Scored& s : best) sum += s.index;
      std::printf("%s\t%s\t%.0f users per CPU second\tbuild %.3f s\tchecksum %.0f\n", index.engine_name(),
                  filter ? "filter" : "no filter", static_cast<double>(data.users.rows()) / least, build, sum);
    }
  }
  if (argc < 2) return 0;
  std::vector<std::uint32_t> rows;
  for (const Scored& s : best) rows.push_back(s.index);
  std::ofstream file(std::string(argv[1]) + "/best.u32", std::ios::binary);
  file.write(reinterpret_cast<const char*>(rows.data()), static_cast<std::streamsize>(rows.size() * sizeof rows[0]));
}
