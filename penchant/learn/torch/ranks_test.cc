#include "penchant/learn/torch/ranks.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

#include "penchant/learn/test_data.h"
#include "penchant/learn/trainer.h"

namespace penchant::learn {
namespace {

using ::testing::HasSubstr;

/// A port that nobody listened on a moment ago.
std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(socket);
  return ntohs(address.sin_port);
}

/// Runs `work` as every rank of `size`, a thread each.
void as_ranks(std::uint32_t size, const std::function<void(const Launch&)>& work) {
  const std::uint16_t port = free_port();
  std::vector<std::jthread> ranks;
  for (std::uint32_t r = 0; r < size; ++r)
    ranks.emplace_back([&, r] {
      Launch launch;
      launch.rank = r, launch.size = size, launch.address = "127.0.0.1", launch.port = port;
      work(launch);
    });
}

TEST(Ranks, SumFollowAndAgree) {
  as_ranks(3, [](const Launch& launch) {
    auto ranks = Ranks::join(launch);
    ASSERT_TRUE(ranks.ok()) << ranks.error().message;
    EXPECT_EQ(ranks->sum(1.0 + ranks->rank()), 6);
    EXPECT_TRUE(ranks->any(ranks->rank() == 2));
    EXPECT_FALSE(ranks->any(false));
    torch::Tensor values = torch::full({2, 3}, float(ranks->rank()));
    ranks->sum(values);
    EXPECT_TRUE(values.equal(torch::full({2, 3}, 3.0F)));
    torch::Tensor own = torch::full({4}, float(ranks->rank() + 7));
    ranks->follow({&own, 1});
    EXPECT_TRUE(own.equal(torch::full({4}, 7.0F)));
    EXPECT_TRUE(ranks->agree("the same"));
    EXPECT_FALSE(ranks->agree(ranks->rank() == 1 ? "another" : "the same"));
  });
}

TEST(Ranks, OneAloneNeedsNoOther) {
  auto ranks = Ranks::join({});
  ASSERT_TRUE(ranks.ok());
  EXPECT_TRUE(ranks->alone() && ranks->leads());
  EXPECT_EQ(ranks->sum(3.0), 3);
  EXPECT_TRUE(ranks->agree("anything"));
}

TEST(Ranks, SayThatAnotherIsGone) {
  as_ranks(2, [](const Launch& launch) {
    auto ranks = Ranks::join(launch);
    ASSERT_TRUE(ranks.ok()) << ranks.error().message;
    EXPECT_EQ(ranks->sum(1.0), 2);
    if (!ranks->leads()) return;  // a crash
    try {
      ranks->sum(1.0);
      ADD_FAILURE() << "the other rank is gone";
    } catch (const RankLost& e) {
      EXPECT_THAT(e.what(), HasSubstr("--resume"));
    }
  });
}

/// Two ranks make the steps that one makes: the same mean gradient, summed in another order. All go on from the same
/// weights: ranks that are threads would draw theirs from one source of random numbers.
TEST(Ranks, LearnTheNetworkOfOneProcess) {
  TrainingData data = ring_data(24, 61);  // an odd number: the shares differ
  TrainOptions o = small_options();
  o.dropout = o.input_dropout = o.id_dropout = 0;
  auto first = train(data, o);
  ASSERT_TRUE(first.ok()) << first.error().message;
  const StartWeights start{{"first", data.items, 0, 0}, first->tensors, first->shape.logit_scale};
  const Knowledge known{&start};
  const auto alone = train_from(known, data, o);
  ASSERT_TRUE(alone.ok()) << alone.error().message;
  std::vector<TrainedModel> models(2);
  as_ranks(2, [&](const Launch& launch) {
    TrainOptions shared = o;
    shared.launch = launch;
    auto model = train_from(known, data, shared);
    ASSERT_TRUE(model.ok()) << model.error().message;
    models[launch.rank] = std::move(model).value();
  });
  ASSERT_EQ(models[0].epochs.size(), alone->epochs.size());
  for (std::size_t e = 0; e < alone->epochs.size(); ++e)
    EXPECT_NEAR(models[0].epochs[e].loss, alone->epochs[e].loss, 2e-4 * alone->epochs[e].loss) << e;
  EXPECT_NEAR(models[0].best_ndcg10, alone->best_ndcg10, 0.02);
  ASSERT_EQ(models[0].tensors.size(), models[1].tensors.size());
  for (std::size_t i = 0; i < models[0].tensors.size(); ++i)
    EXPECT_EQ(models[0].tensors[i].values, models[1].tensors[i].values) << models[0].tensors[i].name;
}

TEST(Ranks, WithOtherDataAreRefused) {
  as_ranks(2, [](const Launch& launch) {
    TrainOptions o = small_options();
    o.launch = launch;
    const auto model = train(ring_data(24, 60, 14, 1 + launch.rank), o);
    ASSERT_FALSE(model.ok());
    EXPECT_THAT(model.error().message, HasSubstr("do not train the same network"));
  });
}

}  // namespace
}  // namespace penchant::learn
