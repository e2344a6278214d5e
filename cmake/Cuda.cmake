# The CUDA toolkit, version 13 or later, and how kernels are compiled.
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
if(NOT CMAKE_CUDA_ARCHITECTURES)  # A100, H100, and whatever comes later
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90a-real 90-virtual)
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # what some versions of CMake do not know of nvcc 13
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
find_package(CUDAToolkit 13 REQUIRED)

# {fmt} 9 under nvcc's own front end: constexpr as in any C++20 compiler, but format strings are not checked again.
set(cuda_options -Werror=all-warnings -DFMT_CONSTEVAL= -DFMT_USE_CONSTEXPR=1)
target_compile_options(slm_flags INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:${cuda_options}>")
