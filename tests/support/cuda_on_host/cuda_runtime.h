// What src/backend/cuda uses of CUDA, on the host: see block.h. Device memory is the host's, every
// call is complete when it returns.
#pragma once

#include <math.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline
#define __launch_bounds__(...)
// One block runs at a time on a thread, and all its threads on that one.
#define __shared__ static thread_local
#define __align__(n) alignas(n)

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct uint3 {
  unsigned x, y, z;
};
#define SLM_VECTORS(type, name)                                    \
  struct alignas(2 * sizeof(type)) name##2 {                       \
    type x, y;                                                     \
  };                                                               \
  struct alignas(4 * sizeof(type)) name##4 {                       \
    type x, y, z, w;                                               \
  };                                                               \
  inline name##2 make_##name##2(type x, type y) { return {x, y}; } \
  inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
SLM_VECTORS(float, float)
SLM_VECTORS(int, int)
SLM_VECTORS(unsigned, uint)
#undef SLM_VECTORS

extern constinit thread_local uint3 threadIdx, blockIdx;
extern constinit thread_local dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorNoDevice = 100
};
enum cudaMemcpyKind {
  cudaMemcpyHostToHost,
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault
};
enum cudaMemPoolAttr {
  cudaMemPoolAttrReleaseThreshold = 4,
  cudaMemPoolAttrReservedMemCurrent = 5,
  cudaMemPoolAttrUsedMemCurrent = 7
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};
inline constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2,
                          cudaEventDefault = 0;
using cudaStream_t = struct CudaStreamOnHost*;
using cudaEvent_t = struct CudaEventOnHost*;
using cudaMemPool_t = struct CudaMemPoolOnHost*;
struct cudaDeviceProp {
  char name[256];
  int major, minor, multiProcessorCount;
  size_t totalGlobalMem;
};

const char* cudaGetErrorString(cudaError_t error);
const char* cudaGetErrorName(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device);
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t stream);
cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream);
cudaError_t cudaMallocHost(void** memory, size_t bytes);
cudaError_t cudaFreeHost(void* memory);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaFuncGetName(const char** name, const void* kernel);
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel*, cudaFuncAttribute, int) {
  return cudaSuccess;
}

namespace slm::cuda_on_host {
void run(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& kernel);
void meet(const char* what, unsigned mask, const void* brought, void* taken,
          void (*combine)(const void* const* brought, void* const* taken));
int lane();

template <class T>
struct Sent {
  T value;
  int from;  // the lane whose value this one wants
};

// Lanes that ask for one outside the mask get nothing defined on a GPU, here an error value.
template <class T>
T shuffle(const char* what, unsigned mask, T value, int from) {
  Sent<T> brought{value, from};
  T taken;
  meet(what, mask, &brought, &taken, [](const void* const* all, void* const* out) {
    for (int l = 0; l < 32; ++l) {
      if (!all[l]) continue;
      const void* source = all[static_cast<const Sent<T>*>(all[l])->from];
      if (source)
        std::memcpy(out[l], &static_cast<const Sent<T>*>(source)->value, sizeof(T));
      else
        std::memset(out[l], 0xff, sizeof(T));
    }
  });
  return taken;
}
}  // namespace slm::cuda_on_host

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
  void* attrs = nullptr;
  unsigned numAttrs = 0;
};
template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  std::tuple<Parameters...> copies(std::forward<Arguments>(arguments)...);
  slm::cuda_on_host::run(config->gridDim, config->blockDim, config->dynamicSmemBytes,
                         [&] { std::apply(kernel, copies); });
  return cudaSuccess;
}

void __syncthreads();
int __syncthreads_or(int vote);
inline void __syncwarp(unsigned mask = 0xffffffff) {
  slm::cuda_on_host::meet("__syncwarp", mask, nullptr, nullptr,
                          [](const void* const*, void* const*) {});
}
template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32) {
  int lane = slm::cuda_on_host::lane();
  return slm::cuda_on_host::shuffle("__shfl_sync", mask, value,
                                    lane / width * width + (from & (width - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int with, int width = 32) {
  int lane = slm::cuda_on_host::lane(), from = lane ^ with;
  return slm::cuda_on_host::shuffle("__shfl_xor_sync", mask, value,
                                    from / width > lane / width ? lane : from);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, int by, int width = 32) {
  int lane = slm::cuda_on_host::lane();
  return slm::cuda_on_host::shuffle("__shfl_down_sync", mask, value,
                                    lane % width + by < width ? lane + by : lane);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, int by, int width = 32) {
  int lane = slm::cuda_on_host::lane();
  return slm::cuda_on_host::shuffle("__shfl_up_sync", mask, value,
                                    lane % width >= by ? lane - by : lane);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  bool brought = predicate != 0;
  unsigned taken;
  slm::cuda_on_host::meet("__ballot_sync", mask, &brought, &taken,
                          [](const void* const* all, void* const* out) {
                            unsigned bits = 0;
                            for (int l = 0; l < 32; ++l)
                              if (all[l] && *static_cast<const bool*>(all[l])) bits |= 1u << l;
                            for (int l = 0; l < 32; ++l)
                              if (out[l]) *static_cast<unsigned*>(out[l]) = bits;
                          });
  return taken;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) == mask;
}

template <class T>
T __ldg(const T* at) {
  return *at;
}
template <class T>
T atomicAdd(T* at, T value) {
  return std::exchange(*at, T(*at + value));
}
template <class T>
T atomicMax(T* at, T value) {
  return std::exchange(*at, *at < value ? value : *at);
}

inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline int __float2int_rn(float x) {  // what no int can be: the nearest, and 0 for NaN
  if (x != x) return 0;
  if (x >= 0x1p31f) return INT32_MAX;
  return x <= -0x1p31f ? INT32_MIN : int(rintf(x));
}
inline unsigned __umulhi(unsigned x, unsigned y) {
  return unsigned(uint64_t{x} * uint64_t{y} >> 32);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(unsigned(x)); }
inline int __dp4a(int a, int b, int c) {
  for (int i = 0; i < 4; ++i) c += int(int8_t(a >> 8 * i)) * int(int8_t(b >> 8 * i));
  return c;
}
template <class T>
constexpr T min(T x, T y) {
  return y < x ? y : x;
}
template <class T>
constexpr T max(T x, T y) {
  return x < y ? y : x;
}
