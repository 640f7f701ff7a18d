# The libraries from outside, each as one target. Which room may link which: tools/rooms.txt.
find_package(PkgConfig REQUIRED)
set(SF_PKG_NAMES
  liburing=liburing openssl=libcrypto tls=libssl sodium=libsodium zlib=zlib nghttp2=libnghttp2
  avformat=libavformat avcodec=libavcodec avutil=libavutil swresample=libswresample
  swscale=libswscale avfilter=libavfilter zimg=zimg seccomp=libseccomp)
foreach(pair ${SF_PKG_NAMES})
  string(REPLACE "=" ";" pair ${pair})
  list(GET pair 0 name)
  list(GET pair 1 module)
  pkg_check_modules(SF_${name} REQUIRED IMPORTED_TARGET ${module})
  add_library(foreign::${name} ALIAS PkgConfig::SF_${name})
endforeach()

find_package(simdjson REQUIRED)
find_package(mimalloc REQUIRED)
find_package(CLI11 REQUIRED)
find_package(toml11 REQUIRED)

# Debian's RocksDB configuration asks for the development files of all it was built with; the shared
# library alone is what is wanted.
find_path(SF_ROCKSDB_INCLUDE rocksdb/db.h REQUIRED)
find_library(SF_ROCKSDB_LIBRARY rocksdb REQUIRED)
add_library(sf_foreign_rocksdb INTERFACE)
target_include_directories(sf_foreign_rocksdb SYSTEM INTERFACE ${SF_ROCKSDB_INCLUDE})
target_link_libraries(sf_foreign_rocksdb INTERFACE ${SF_ROCKSDB_LIBRARY})
add_library(foreign::rocksdb ALIAS sf_foreign_rocksdb)

# llhttp: libllhttp-dev (Debian 13), else the C sources that Debian 12's node-llhttp ships.
find_path(SF_LLHTTP_INCLUDE llhttp.h PATHS /usr/include NO_DEFAULT_PATH)
find_library(SF_LLHTTP_LIBRARY llhttp)
if(SF_LLHTTP_INCLUDE AND SF_LLHTTP_LIBRARY)
  add_library(sf_foreign_llhttp INTERFACE)
  target_include_directories(sf_foreign_llhttp SYSTEM INTERFACE ${SF_LLHTTP_INCLUDE})
  target_link_libraries(sf_foreign_llhttp INTERFACE ${SF_LLHTTP_LIBRARY})
else()
  find_path(SF_LLHTTP_SOURCES llhttp.c PATHS /usr/share/llhttp REQUIRED NO_DEFAULT_PATH)
  find_path(SF_LLHTTP_HEADER llhttp.h PATHS /usr/share/include/llhttp REQUIRED)
  add_library(sf_foreign_llhttp STATIC ${SF_LLHTTP_SOURCES}/api.c ${SF_LLHTTP_SOURCES}/http.c
              ${SF_LLHTTP_SOURCES}/llhttp.c)
  target_include_directories(sf_foreign_llhttp SYSTEM PUBLIC ${SF_LLHTTP_HEADER})
  target_compile_definitions(sf_foreign_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
endif()
add_library(foreign::llhttp ALIAS sf_foreign_llhttp)
