#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "backend/cuda/launch.h"
#include "backend/cuda/mma.cuh"
#include "backend/cuda/reduce.cuh"
#include "backend/cuda/shared.cuh"
#include "support/refusal.h"

namespace slm::cuda {
namespace {

template <class... Parameters, class... Arguments>
void launch_on_host(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes,
                    Arguments... arguments) {
  launch(kernel, grid, block, shared_bytes, nullptr, arguments...);
}

__global__ void number_threads(int* out) {
  unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] = int(1000 * block + thread);
}

TEST(CudaOnHost, EveryThreadOfEveryBlockRunsOnce) {
  std::vector<int> out(24 * 30, -1);
  launch_on_host(number_threads, {2, 3, 4}, {5, 3, 2}, 0, out.data());
  for (int i = 0; i < 24 * 30; ++i) EXPECT_EQ(out[size_t(i)], 1000 * (i / 30) + i % 30);
}

__global__ void reverse(float* x) {
  auto* shared = dynamic_shared<float>();
  shared[threadIdx.x] = x[blockIdx.x * blockDim.x + threadIdx.x];
  __syncthreads();
  x[blockIdx.x * blockDim.x + threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

TEST(CudaOnHost, BarriersSeparateWritesFromReads) {
  std::vector<float> x(3 * 100);
  std::iota(x.begin(), x.end(), 0.0f);
  launch_on_host(reverse, 3, 100, 400, x.data());
  for (int i = 0; i < 300; ++i) EXPECT_EQ(x[size_t(i)], float(i / 100 * 100 + 99 - i % 100));
}

__global__ void add_up(float* sums, float* maxima) {
  float x = float(threadIdx.x + 1) * (threadIdx.x % 2 ? 1.0f : -1.0f);
  float sum = block_sum(x), largest = block_max(x);
  sums[threadIdx.x] = sum;
  maxima[threadIdx.x] = largest + block_sum(0.0f);
}

TEST(CudaOnHost, WarpsAndBlocksReduce) {
  std::vector<float> sums(96), maxima(96);
  launch_on_host(add_up, 1, 96, 0, sums.data(), maxima.data());
  for (size_t i = 0; i < 96; ++i) {
    EXPECT_EQ(sums[i], 48);
    EXPECT_EQ(maxima[i], 96);
  }
}

__global__ void agree(int* out) {
  out[threadIdx.x] = 2 * __syncthreads_or(threadIdx.x == 40);
  out[threadIdx.x] += __syncthreads_or(threadIdx.x == 100);
}

TEST(CudaOnHost, BarriersVote) {
  std::vector<int> out(64);
  launch_on_host(agree, 1, 64, 0, out.data());
  EXPECT_EQ(out, std::vector<int>(64, 2));
}

__global__ void vote(unsigned* out) {
  unsigned lane = threadIdx.x;
  unsigned half = lane < 16 ? 0xffffu : 0xffff0000u;
  out[lane] = __ballot_sync(half, lane % 3 == 0) + unsigned(__shfl_sync(half, int(lane), 3, 16));
}

TEST(CudaOnHost, PartsOfAWarpMeetByThemselves) {
  std::vector<unsigned> out(32);
  launch_on_host(vote, 1, 32, 0, out.data());
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned votes = 0;
    for (unsigned l = lane / 16 * 16; l < lane / 16 * 16 + 16; ++l) votes |= (l % 3 == 0) << l;
    EXPECT_EQ(out[lane], votes + lane / 16 * 16 + 3);
  }
}

__global__ void half_a_barrier() {
  if (threadIdx.x < 20) return;
  __syncthreads();
}
__global__ void two_meetings(float* x) {
  *x = threadIdx.x < 7 ? warp_sum(1.0f) : __shfl_sync(0xffffffffu, 1.0f, 0);
}

TEST(CudaOnHost, ABarrierNotAllReachIsAnError) {
  std::string stuck = testing::refusal([] { launch_on_host(half_a_barrier, 2, 64, 0); });
  EXPECT_NE(stuck.find("20 have returned, 44 wait in __syncthreads"), std::string::npos) << stuck;
  float x = 0;
  std::string apart = testing::refusal([&] { launch_on_host(two_meetings, 1, 32, 0, &x); });
  EXPECT_NE(apart.find("__shfl_xor_sync"), std::string::npos) << apart;
  EXPECT_NE(apart.find("__shfl_sync"), std::string::npos) << apart;
}

__global__ void copy_in_background(const float* from, float* early, float* late) {
  auto* shared = dynamic_shared<float>();
  cp_async_16(shared + 4 * threadIdx.x, from + 4 * threadIdx.x);
  cp_async_commit();
  cp_async_16(shared + 128 + 4 * threadIdx.x, from, /*valid=*/false);
  cp_async_commit();
  early[threadIdx.x] = shared[4 * threadIdx.x];
  cp_async_wait<1>();
  late[threadIdx.x] = shared[4 * threadIdx.x + 3];
  cp_async_wait<0>();
  late[threadIdx.x] += shared[128 + 4 * threadIdx.x];
}

TEST(CudaOnHost, CopiesArriveWhenTheyAreWaitedFor) {
  std::vector<float> from(128), early(32), late(32);
  std::iota(from.begin(), from.end(), 0.0f);
  launch_on_host(copy_in_background, 1, 32, 1024, from.data(), early.data(), late.data());
  for (size_t i = 0; i < 32; ++i) {
    EXPECT_TRUE(std::isnan(early[i]));
    EXPECT_EQ(late[i], float(4 * i + 3));
  }
}

// c = a b through the layouts the PTX ISA gives: a [16, 16] and b [16, 8] row-major in shared
// memory.
template <class T>
__global__ void multiply(const float* a, const float* b, float* c) {
  auto* of_a = dynamic_shared<T>();
  T* of_b = of_a + 256;
  unsigned lane = threadIdx.x;
  for (unsigned i = lane; i < 256; i += 32) of_a[i] = from_float<T>(a[i]);
  for (unsigned i = lane; i < 128; i += 32) of_b[i] = from_float<T>(b[i]);
  __syncwarp();
  uint32_t in_a[4], in_b[2];
  ldmatrix_x4(in_a, of_a + lane % 16 * 16 + lane / 16 * 8);
  ldmatrix_x2_transposed(in_b, of_b + lane % 16 * 8);
  float sum[4] = {};
  mma_16x8x16<T>(sum, in_a, in_b);
  for (unsigned i = 0; i < 4; ++i) c[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = sum[i];
}

TEST(CudaOnHost, TensorCoresMultiply) {
  std::vector<float> a(256), b(128);
  for (size_t i = 0; i < 256; ++i) a[i] = float(int(i * 37 % 19) - 9);
  for (size_t i = 0; i < 128; ++i) b[i] = float(int(i * 23 % 17) - 8);
  for (auto kernel : {multiply<bf16>, multiply<f16>}) {
    std::vector<float> c(128);
    launch_on_host(kernel, 1, 32, 768, a.data(), b.data(), c.data());
    for (size_t m = 0; m < 16; ++m)
      for (size_t n = 0; n < 8; ++n) {
        float sum = 0;
        for (size_t k = 0; k < 16; ++k) sum += a[m * 16 + k] * b[k * 8 + n];
        EXPECT_EQ(c[m * 8 + n], sum);
      }
  }
}

}  // namespace
}  // namespace slm::cuda
