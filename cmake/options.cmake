include(GNUInstallDirs)

# What every target of ours compiles with. Libraries' headers are SYSTEM and
# stay outside these warnings.
add_library(velo_options INTERFACE)
add_library(velo::options ALIAS velo_options)
target_compile_features(velo_options INTERFACE cxx_std_20)
target_include_directories(velo_options INTERFACE
  $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# Ours alone: whoever embeds the libraries has warnings of their own.
target_compile_options(velo_options INTERFACE
  $<BUILD_INTERFACE:-Wall;-Wextra;-Wpedantic;-Werror>)
set_target_properties(velo_options PROPERTIES EXPORT_NAME options)

if(VELO_SANITIZE)
  # CAF 0.17's init_fun_factory.hpp binds a reference to null on purpose.
  target_compile_options(velo_options INTERFACE
    -fsanitize=${VELO_SANITIZE} -fno-sanitize=null,vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # clang 14 cannot put its check of called functions into a coroutine.
  target_compile_options(velo_options INTERFACE $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>)
  target_link_options(velo_options INTERFACE -fsanitize=${VELO_SANITIZE})
endif()
if(VELO_FUZZ)
  target_compile_options(velo_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE_PROGRAM})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(velo_options INTERFACE $<BUILD_INTERFACE:-fpch-preprocess>)
  endif()
endif()

# velo_library(name SOURCES ... HEADERS ... LINK ...): one folder, one static
# library, each header checked to compile alone by all_verify_interface_header_sets.
function(velo_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;LINK;PRIVATE_LINK" ${ARGN})
  add_library(velo_${name} STATIC)
  add_library(velo::${name} ALIAS velo_${name})
  target_sources(velo_${name} PRIVATE ${ARG_SOURCES})
  target_sources(velo_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${ARG_HEADERS})
  set_target_properties(velo_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(velo_${name} PUBLIC velo::options ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()
