# A room is a folder under src/: one static library `slm_<room>` from its *.cc files, and one test program
# `<room>_test` from its *_test.cc files. Files are found by name, so adding one needs no edit here.

add_library(slm_flags INTERFACE)
target_include_directories(slm_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
set(warnings -Wall -Wextra -Wpedantic -Wshadow -Werror -Wno-missing-field-initializers)
target_compile_options(slm_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${warnings}>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(slm_flags INTERFACE -Wno-restrict)  # false alarms on std::string, GCC bug 105651
endif()
if(STABLELM_SANITIZE)
  target_compile_options(slm_flags INTERFACE -fsanitize=${STABLELM_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=all)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # false alarms that only sanitized code sets off
    target_compile_options(slm_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
  target_link_options(slm_flags INTERFACE -fsanitize=${STABLELM_SANITIZE})
  target_compile_definitions(slm_flags INTERFACE SLM_SANITIZED)  # for what would take minutes
endif()
# A third of the time of a build goes into these. Tests do with them precompiled, and sanitized builds altogether; the
# program's own sources in plain builds do without (but for the command line's own library), so that a missing #include is
# still noticed (and GCC 12 gives false alarms of std::string where it is precompiled).
set(SLM_COMMON_HEADERS <algorithm> <filesystem> <functional> <memory> <optional> <span> <string> <vector>
                       <fmt/format.h> <nlohmann/json.hpp>)

# Registers the tests of a program: one by one, so that a report names them; sanitized programs take long to start,
# so theirs run in a few shares.
function(slm_discover program)
  if(NOT STABLELM_SANITIZE)
    gtest_discover_tests(${program} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 300)
    return()
  endif()
  set(shares 6)
  math(EXPR last "${shares} - 1")
  foreach(share RANGE ${last})
    add_test(NAME ${program}.${share} COMMAND ${program} --gtest_brief=1)
    set_tests_properties(${program}.${share} PROPERTIES TIMEOUT 600
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${shares};GTEST_SHARD_INDEX=${share}")
  endforeach()
endfunction()

# slm_room(<room> [LOOPS | GLUE] [EXCLUDE regex] [SOURCES extra...] [USES targets...] [TEST_USES targets...])
# EXCLUDE: sources left out, where something they need is absent.
# LOOPS: what this room computes is what sanitized tests wait for, so it is optimised there too.
# GLUE: nobody waits for what this room computes, but for its compilation.
function(slm_room room)
  cmake_parse_arguments(ARG "LOOPS;GLUE" "EXCLUDE" "SOURCES;USES;TEST_USES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${ARG_EXCLUDE})
  endif()
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_(test|fuzz|isa)|/main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  add_library(slm_${room} STATIC ${sources} ${ARG_SOURCES})
  target_link_libraries(slm_${room} PUBLIC slm_flags ${ARG_USES})
  if(ARG_LOOPS AND STABLELM_SANITIZE)
    target_compile_options(slm_${room} PRIVATE -O1)
  endif()
  if(ARG_GLUE AND CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(slm_${room} PRIVATE -O1)
  endif()
  if(STABLELM_SANITIZE)
    target_link_libraries(slm_${room} PRIVATE nlohmann_json::nlohmann_json)
    target_precompile_headers(slm_${room} PRIVATE ${SLM_COMMON_HEADERS})
  endif()
  if(STABLELM_FUZZ)  # coverage feedback for libFuzzer, without its main
    target_compile_options(slm_${room} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(STABLELM_TESTS AND tests)
    add_executable(${room}_test ${tests})
    target_link_libraries(${room}_test PRIVATE slm_${room} slm_testing ${ARG_TEST_USES} GTest::gtest_main)
    if(CMAKE_BUILD_TYPE STREQUAL "Release")  # a test runs for moments: compiling it fast counts for more
      target_compile_options(${room}_test PRIVATE -O1)
    endif()
    target_link_libraries(${room}_test PRIVATE nlohmann_json::nlohmann_json)
    target_precompile_headers(${room}_test PRIVATE ${SLM_COMMON_HEADERS} <gtest/gtest.h>)
    slm_discover(${room}_test)
  endif()
endfunction()
