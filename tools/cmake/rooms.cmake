# sf_room(name HEADERS … SOURCES … USES … FOREIGN …)
#   One room: target sf_<name>, front door include/streamforge/<name>, private sources src/<name>.
#   HEADERS are checked to stand alone; USES are rooms; FOREIGN are libraries, linked PRIVATE.
function(sf_room name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;SOURCES;USES;FOREIGN")
  list(TRANSFORM arg_HEADERS PREPEND ${PROJECT_SOURCE_DIR}/include/streamforge/${name}/)
  list(TRANSFORM arg_USES PREPEND sf_)
  add_library(sf_${name} STATIC ${arg_SOURCES})
  target_sources(sf_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include
                 FILES ${arg_HEADERS})
  set_target_properties(sf_${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  target_include_directories(sf_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(sf_${name} PUBLIC ${arg_USES} PRIVATE ${arg_FOREIGN} sf_compile)
endfunction()

# sf_test(name USES rooms… SOURCES … [FOREIGN …] [DEPENDS …]): one GoogleTest program. It may
# include the private headers of the rooms it tests. Each of its cases is a ctest of its own.
function(sf_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "USES;SOURCES;FOREIGN;DEPENDS;LABELS")
  if(NOT arg_SOURCES)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  add_executable(${name} ${arg_SOURCES})
  foreach(room ${arg_USES})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/${room})
    target_link_libraries(${name} PRIVATE sf_${room})
  endforeach()
  target_link_libraries(${name} PRIVATE sf_test_support)
  target_link_libraries(${name} PRIVATE sf_compile ${arg_FOREIGN} GTest::gmock GTest::gtest_main)
  if(arg_DEPENDS)
    add_dependencies(${name} ${arg_DEPENDS})
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
    NO_PRETTY_VALUES
    PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()

# sf_bench(name USES rooms… SOURCES … [FOREIGN …]): one Google Benchmark program. ctest runs it for
# a moment, so that it never rots; bench/README.md says how to measure with it.
function(sf_bench name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "USES;SOURCES;FOREIGN")
  if(NOT arg_SOURCES)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  foreach(room ${arg_USES})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/${room})
    target_link_libraries(${name} PRIVATE sf_${room})
  endforeach()
  target_link_libraries(${name} PRIVATE sf_compile ${arg_FOREIGN} benchmark::benchmark)
  add_test(NAME bench.${name}.smoke COMMAND ${name} --benchmark_min_time=0.001)
  set_tests_properties(bench.${name}.smoke PROPERTIES LABELS bench TIMEOUT 60)
endfunction()

# sf_fuzz(name USES rooms… SOURCES …): one libFuzzer program; ctest runs it for a few seconds on its
# corpus (tests/fuzz/corpus/<name>), a person as long as wanted: build/debug/tests/fuzz_<name>.
function(sf_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "USES;SOURCES")
  add_executable(fuzz_${name} ${arg_SOURCES})
  foreach(room ${arg_USES})
    target_include_directories(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src/${room})
    target_link_libraries(fuzz_${name} PRIVATE sf_${room})
  endforeach()
  target_link_libraries(fuzz_${name} PRIVATE sf_compile -fsanitize=fuzzer)
  set(found ${CMAKE_CURRENT_BINARY_DIR}/corpus/${name})
  file(MAKE_DIRECTORY ${found})
  set(seeds ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(NOT IS_DIRECTORY ${seeds})
    set(seeds "")
  endif()
  add_test(NAME fuzz.${name}
    COMMAND fuzz_${name} -max_total_time=5 -timeout=5 -rss_limit_mb=2048 -print_final_stats=1
            ${found} ${seeds})
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 60)
endfunction()
