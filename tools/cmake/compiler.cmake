# How everything of ours is compiled: one interface target, never global flags.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(SF_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
option(SF_FUZZ "Build the fuzz tests (Clang with SF_SANITIZE)" OFF)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

find_program(SF_CCACHE ccache)
if(SF_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Build folders share objects: the folder's name does not enter the hash.
  set(SF_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
                  ${SF_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${SF_LAUNCHER})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SF_LAUNCHER})
endif()

find_package(Threads REQUIRED)

add_library(sf_compile INTERFACE)
target_compile_options(sf_compile INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Werror
  -Wno-missing-field-initializers  # {.port = 1} leaves the rest to its defaults on purpose.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  # g++ 12 sees overlap in std::string's own memcpy (PR 105651); only when it optimises.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:RelWithDebInfo>>:-Wno-restrict>
  # Clang blames us for what libstdc++'s std::stable_sort calls inside; g++ still tells of our own.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>
  $<$<CONFIG:RelWithDebInfo>:-g1>
  -fno-omit-frame-pointer)
target_link_libraries(sf_compile INTERFACE Threads::Threads)
if(SF_SANITIZE)
  target_compile_options(sf_compile INTERFACE -fsanitize=${SF_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(sf_compile INTERFACE -fsanitize=${SF_SANITIZE})
  # -O1: several times faster to run than -O0, and the traces stay readable.
  target_compile_options(sf_compile INTERFACE -O1 -g1)
  target_compile_definitions(sf_compile INTERFACE SF_SANITIZED=1)
endif()
if(SF_FUZZ)
  target_compile_options(sf_compile INTERFACE -fsanitize=fuzzer-no-link)
endif()
