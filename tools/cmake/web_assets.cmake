# sf_web_assets: the built web app as a library; src/serve/web_assets.hpp is its header. What links
# it fails to build, with one line that says what to do, while web/dist is not there.
set(SF_WEB_DIST ${PROJECT_SOURCE_DIR}/web/dist CACHE PATH "Built web app to put into the binary")
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(generated ${PROJECT_BINARY_DIR}/web_assets)
file(GLOB_RECURSE dist_files CONFIGURE_DEPENDS ${SF_WEB_DIST}/*)
add_custom_command(
  OUTPUT ${generated}/web_assets.cpp ${generated}/web_assets.S ${generated}/web_assets.bin
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/embed_web
          --dist ${SF_WEB_DIST} --out ${generated}
  DEPENDS ${PROJECT_SOURCE_DIR}/tools/embed_web ${dist_files}
  COMMENT "Embedding the web app"
  VERBATIM)
set_source_files_properties(${generated}/web_assets.S PROPERTIES
  OBJECT_DEPENDS ${generated}/web_assets.bin)

add_library(sf_web_assets STATIC ${generated}/web_assets.cpp ${generated}/web_assets.S)
target_include_directories(sf_web_assets PRIVATE ${PROJECT_SOURCE_DIR}/src/serve)
target_link_libraries(sf_web_assets PUBLIC sf_base)
