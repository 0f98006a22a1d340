# find_package(velo): the targets velo::rules, velo::storage, velo::actors and
# velo::net, each bringing those before it. Needs the packages that the build needs.
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
include(${CMAKE_CURRENT_LIST_DIR}/dependencies.cmake)
list(REMOVE_ITEM CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
include(${CMAKE_CURRENT_LIST_DIR}/velo-targets.cmake)
