# What `cmake --install` puts where, in two components: the server, and what an
# application needs to embed the engine or the matcher.
#
#   cmake --install build/release --prefix /usr/local --component server
#   cmake --install build/release --prefix /usr/local --component development
#
# Headers keep their folders below include/velo: an application writes
# #include <velo/actors/engine.hpp>.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(VELO_INSTALL_CMAKE ${CMAKE_INSTALL_LIBDIR}/cmake/velo)
set(VELO_INSTALL_HEADERS ${CMAKE_INSTALL_INCLUDEDIR}/velo)

install(TARGETS velo RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT server)
install(FILES packaging/velo.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT server)
install(FILES packaging/velo.toml DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/velo COMPONENT server)
install(FILES packaging/velo.service packaging/velo.socket
  DESTINATION lib/systemd/system COMPONENT server)
install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT server)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright COMPONENT server)

install(TARGETS velo_options velo_rules velo_storage velo_actors velo_net
  EXPORT velo-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
  FILE_SET HEADERS DESTINATION ${VELO_INSTALL_HEADERS} COMPONENT development)
configure_file(cmake/version.hpp.in ${CMAKE_BINARY_DIR}/installed/version.hpp @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/installed/version.hpp
  DESTINATION ${VELO_INSTALL_HEADERS} COMPONENT development)

install(EXPORT velo-targets NAMESPACE velo:: DESTINATION ${VELO_INSTALL_CMAKE}
  COMPONENT development)
# Before 1.0 a new minor version may break what the last one promised (semver.org, 4).
write_basic_package_version_file(${CMAKE_BINARY_DIR}/installed/velo-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES cmake/velo-config.cmake cmake/dependencies.cmake cmake/FindCAF.cmake
  ${CMAKE_BINARY_DIR}/installed/velo-config-version.cmake
  DESTINATION ${VELO_INSTALL_CMAKE} COMPONENT development)
file(RELATIVE_PATH VELO_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/velo.pc.in ${CMAKE_BINARY_DIR}/installed/velo.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/installed/velo.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
