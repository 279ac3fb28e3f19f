#include "penchant/learn/torch/ranks.h"

#include <chrono>
#include <cstdlib>
#include <functional>
#include <vector>

// The wheel carries the Gloo backend without the headers of Gloo; those are Debian's (docs/decisions/0018).
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace penchant::learn {
namespace {

using torch::Tensor;

constexpr std::chrono::minutes kPatience{30};

std::string first_line(const std::exception& e) {
  const std::string what = e.what();
  return what.substr(0, what.find('\n'));
}

c10::intrusive_ptr<c10d::Store> meeting_point(const Launch& launch) {
  c10d::TCPStoreOptions options;
  options.port = launch.port;
  options.isServer = launch.leads() && !launch.launcher_meets;
  options.numWorkers = launch.size;
  options.waitWorkers = !launch.launcher_meets;
  options.timeout = kPatience;
  c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::TCPStore>(launch.address, options);
  return c10::make_intrusive<c10d::PrefixStore>("penchant/" + launch.attempt, store);
}

}  // namespace

struct Ranks::Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;

  void run(const std::function<c10::intrusive_ptr<c10d::Work>()>& call) const {
    try {
      call()->wait();
    } catch (const std::exception& e) {
      throw RankLost("another rank of this training is gone (" + first_line(e) + "): start all ranks again with --resume");
    }
  }
};

Ranks::Ranks(const Launch& launch) : launch_(launch) {}
Ranks::Ranks(Ranks&&) noexcept = default;
Ranks& Ranks::operator=(Ranks&&) noexcept = default;
Ranks::~Ranks() = default;

Result<Ranks> Ranks::join(const Launch& launch) {
  Ranks ranks(launch);
  if (launch.alone()) return ranks;
  try {
    ranks.group_ = std::make_unique<Group>();
    ranks.group_->store = meeting_point(launch);
    const auto options = c10d::ProcessGroupGloo::Options::create(kPatience);
    const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
    options->devices.push_back(interface != nullptr && *interface != '\0' ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                                                          : c10d::ProcessGroupGloo::createDefaultDevice());
    ranks.group_->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(ranks.group_->store, static_cast<int>(launch.rank),
                                                                     static_cast<int>(launch.size), options);
  } catch (const std::exception& e) {
    return Error{ErrorCode::unavailable, "rank " + std::to_string(launch.rank) + " of " + std::to_string(launch.size) +
                                             " could not meet the others at " + launch.address + ":" + std::to_string(launch.port) +
                                             " (" + first_line(e) + "): check MASTER_ADDR and MASTER_PORT, and that all ranks were started"};
  }
  return ranks;
}

void Ranks::sum(Tensor& values) {
  if (alone()) return;
  std::vector<Tensor> one{values};
  group_->run([&] { return group_->gloo->allreduce(one, {}); });
}

double Ranks::sum(double value) {
  if (alone()) return value;
  Tensor values = torch::full({1}, value, torch::kFloat64);
  sum(values);
  return values.item<double>();
}

bool Ranks::any(bool value) { return sum(value ? 1.0 : 0.0) > 0; }

void Ranks::follow(std::span<Tensor> values) {
  if (alone()) return;
  torch::NoGradGuard no_grad;
  for (Tensor& value : values) {
    std::vector<Tensor> one{value};
    group_->run([&] { return group_->gloo->broadcast(one, {}); });
  }
}

bool Ranks::agree(const std::string& text) {
  if (alone()) return true;
  // Half of the hash: a sum of doubles keeps 32 bits exactly, whatever the number of ranks.
  const auto mine = static_cast<double>(static_cast<std::uint32_t>(std::hash<std::string>{}(text)));
  Tensor first = torch::full({1}, mine, torch::kFloat64);
  follow({&first, 1});
  return !any(first.item<double>() != mine);
}

}  // namespace penchant::learn
