// A stack that runs a function and can be left in the middle of it.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <functional>
#include <memory>

namespace slm::cuda_on_host {

class Fiber {
 public:
  explicit Fiber(std::function<void(Fiber&)> body);  // does not start it; body never returns
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void enter();  // from outside: goes on where the fiber left, returns when it leaves
  void leave();  // from inside

 private:
  static void begin(boost::context::detail::transfer_t from);

  std::function<void(Fiber&)> body_;
  std::unique_ptr<std::byte[]> stack_;
  boost::context::detail::fcontext_t inside_, outside_ = nullptr;
  const void* outside_stack_ = nullptr;  // told to the address sanitizer
  size_t outside_size_ = 0;
};

}  // namespace slm::cuda_on_host
