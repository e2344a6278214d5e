// What the tests' device that is not there (support/far_backend.h) lets through and what not: other
// rooms' tests rely on it.
#include "core/allocator.h"
#include "support/far_backend.h"
#include "support/op_test.h"
#include "support/refusal.h"

namespace slm {
namespace {

using namespace testing;

TEST(FarMemory, KillsAHostThatReadsOrWritesIt) {
  auto backend = make_far_backend();
  Tensor t = backend->empty({3}, DType::kF32);
  backend->zero(t);
  EXPECT_DEATH((void)*reinterpret_cast<volatile float*>(t.address()), "");
  EXPECT_DEATH(*reinterpret_cast<volatile float*>(t.address()) = 1, "");
  EXPECT_EQ(to_host(*backend, t).data<float>()[2], 0);
  EXPECT_DEATH((void)*reinterpret_cast<volatile float*>(t.address()), "");
}

TEST(FarMemory, RefusesTensorsOfTheHost) {
  auto backend = make_far_backend();
  Tensor here = Tensor::of(std::vector<float>{1, 2}, {2}), there = to_device(*backend, here);
  EXPECT_NE(there.storage(), here.storage());
  EXPECT_EQ(to_device(*backend, there).storage(), there.storage());
  EXPECT_EQ(to_host(*backend, here).storage(), here.storage());
  std::string text = refusal([&] { backend->add({there, here, 1, there}); });
  EXPECT_NE(text.find("add is given f32 [2] on the host"), std::string::npos) << text;
}

TEST(FarMemory, ChangesOnTheHostComeBack) {
  auto far = make_far_backend();
  auto near = make_reference_backend();
  for (Backend* backend : {far.get(), near.get()}) {
    Tensor t = to_device(*backend, Tensor::of(std::vector<float>{1, 2}, {2}));
    change_on_host(*backend, t, [](const Tensor& here) { here.data<float>()[1] = 5; });
    EXPECT_EQ(to_host(*backend, t).data<float>()[1], 5);
  }
}

}  // namespace
}  // namespace slm
