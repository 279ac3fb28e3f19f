#include "penchant/learn/torch/optimiser.h"

#include <cmath>

namespace penchant::learn {
namespace {

using torch::Tensor;

std::span<float> span_of(const Tensor& t) { return {t.data_ptr<float>(), static_cast<std::size_t>(t.numel())}; }

void read(torch::serialize::InputArchive& archive, const std::string& name, Tensor& into) {
  Tensor found;
  archive.read(name, found);
  TORCH_CHECK(found.sizes() == into.sizes() && found.dtype() == into.dtype(), name, " has another shape than this network");
  into.copy_(found);
}

}  // namespace

void Optimiser::add(const Tensor& value, bool decays) {
  slots_.push_back({value, torch::zeros_like(value.detach()), torch::zeros_like(value.detach()), decays});
}

void Optimiser::zero_grad() {
  for (Slot& s : slots_) s.value.mutable_grad() = Tensor();
}

void Optimiser::join(Ranks& ranks, double& loss) {
  if (ranks.alone()) return;
  torch::NoGradGuard no_grad;
  // One message: the loss, which weights have a gradient, the gradients.
  const auto head = static_cast<std::int64_t>(1 + slots_.size());
  std::int64_t size = head;
  for (const Slot& s : slots_) size += s.value.numel();
  Tensor all = torch::zeros({size});
  auto* first = all.data_ptr<float>();
  first[0] = static_cast<float>(loss);
  std::int64_t at = head;
  for (std::size_t i = 0; i < slots_.size(); at += slots_[i].value.numel(), ++i) {
    if (!slots_[i].value.grad().defined()) continue;
    first[1 + i] = 1;
    all.narrow(0, at, slots_[i].value.numel()).copy_(slots_[i].value.grad().reshape({-1}));
  }
  ranks.sum(all);
  loss = first[0];
  at = head;
  for (std::size_t i = 0; i < slots_.size(); at += slots_[i].value.numel(), ++i)
    if (first[1 + i] > 0) slots_[i].value.mutable_grad() = all.narrow(0, at, slots_[i].value.numel()).view(slots_[i].value.sizes());
}

double Optimiser::gradient_norm() const {
  double sum = 0;
  for (const Slot& s : slots_)
    if (s.value.grad().defined()) sum += kernels::sum_of_squares(span_of(s.value.grad().contiguous()));
  return std::sqrt(sum);
}

void Optimiser::step(double learning_rate, double scale, Executor& executor) {
  ++steps_;
  for (const Slot& s : slots_) {
    if (!s.value.grad().defined()) continue;
    kernels::AdamW how = how_;
    how.learning_rate = learning_rate;
    if (!s.decays) how.weight_decay = 0;
    const Tensor gradient = s.value.grad().contiguous();
    kernels::adamw_step(span_of(s.value.detach()), span_of(gradient), span_of(s.moment), span_of(s.square), how,
                        static_cast<std::uint64_t>(steps_), scale, executor);
  }
}

void Optimiser::save(torch::serialize::OutputArchive& archive) const {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    archive.write("moment." + std::to_string(i), slots_[i].moment);
    archive.write("square." + std::to_string(i), slots_[i].square);
  }
  archive.write("steps", torch::full({1}, steps_, torch::kInt64));
}

void Optimiser::load(torch::serialize::InputArchive& archive) {
  torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    read(archive, "moment." + std::to_string(i), slots_[i].moment);
    read(archive, "square." + std::to_string(i), slots_[i].square);
  }
  Tensor steps = torch::empty({1}, torch::kInt64);
  read(archive, "steps", steps);
  steps_ = steps.item<std::int64_t>();
}

}  // namespace penchant::learn
