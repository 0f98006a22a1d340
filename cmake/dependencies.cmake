find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)          # headers: Asio, Beast, System
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CAF 0.17 REQUIRED)            # cmake/FindCAF.cmake
find_package(OpenSSL 3 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(RHONABWY REQUIRED IMPORTED_TARGET librhonabwy)
pkg_check_modules(GNUTLS REQUIRED IMPORTED_TARGET gnutls)
find_package(CLI11 REQUIRED)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)
