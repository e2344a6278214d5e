#include "support/cuda_on_host/fiber.h"

#if defined(__SANITIZE_ADDRESS__)
#define SLM_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLM_ADDRESS_SANITIZER
#endif
#endif
#ifdef SLM_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

namespace slm::cuda_on_host {
namespace {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

// The address sanitizer must know which stack is in use.
#ifdef SLM_ADDRESS_SANITIZER
constexpr size_t kStackBytes = 256 << 10;
void announce(void** own, const void* stack, size_t size) {
  __sanitizer_start_switch_fiber(own, stack, size);
}
void arrived(void* own, const void** left, size_t* left_size) {
  __sanitizer_finish_switch_fiber(own, left, left_size);
}
#else
constexpr size_t kStackBytes = 64 << 10;
void announce(void**, const void*, size_t) {}
void arrived(void*, const void**, size_t*) {}
#endif

}  // namespace

Fiber::Fiber(std::function<void(Fiber&)> body)
    : body_(std::move(body)), stack_(new std::byte[kStackBytes]) {
  inside_ = make_fcontext(stack_.get() + kStackBytes, kStackBytes, begin);
}

void Fiber::begin(transfer_t from) {
  auto& self = *static_cast<Fiber*>(from.data);
  arrived(nullptr, &self.outside_stack_, &self.outside_size_);
  self.outside_ = from.fctx;
  self.body_(self);
}

void Fiber::enter() {
  void* own = nullptr;
  announce(&own, stack_.get(), kStackBytes);
  transfer_t back = jump_fcontext(inside_, this);
  arrived(own, nullptr, nullptr);
  inside_ = back.fctx;
}

void Fiber::leave() {
  void* own = nullptr;
  announce(&own, outside_stack_, outside_size_);
  transfer_t back = jump_fcontext(outside_, nullptr);
  arrived(own, &outside_stack_, &outside_size_);
  outside_ = back.fctx;
}

}  // namespace slm::cuda_on_host
