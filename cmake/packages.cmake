# `cpack` in the build directory makes velo_*.deb (the server) and
# libvelo-dev_*.deb (headers, static libraries, CMake package).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME velo)
set(CPACK_PACKAGE_VENDOR "Velo Realtime")
set(CPACK_PACKAGE_CONTACT "Velo Realtime contributors <velo@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Real-time record events over the Pusher protocol")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL server development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
# Configuration belongs into /etc, whatever the prefix.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/packaging/move_etc.cmake)

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME velo)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION net)
set(CPACK_DEBIAN_SERVER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_SERVER_PACKAGE_SUGGESTS libvelo-dev)
set(CPACK_COMPONENT_SERVER_DESCRIPTION
  "Tells exactly the right WebSocket clients that a record changed.
Clients subscribe to collections with a filter; rules decide who may see what.
The WebSocket speaks the Pusher Channels protocol, so pusher-js and Laravel
Echo work unmodified.")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/packaging/conffiles
  ${CMAKE_SOURCE_DIR}/packaging/postinst
  ${CMAKE_SOURCE_DIR}/packaging/prerm
  ${CMAKE_SOURCE_DIR}/packaging/postrm)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libvelo-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "libcaf-dev (>= 0.17), libcaf-dev (<< 0.18), libboost-dev (>= 1.81) | libboost1.81-dev, nlohmann-json3-dev, liblmdb-dev, liburing-dev, libssl-dev, libspdlog-dev, libfmt-dev, libcli11-dev, libtomlplusplus-dev, libutf8proc-dev, librhonabwy-dev, libgnutls28-dev, pkg-config")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
  "Embed Velo Realtime's engine or its matcher in a C++20 program.")

include(CPack)
