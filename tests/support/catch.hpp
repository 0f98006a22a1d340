// Catch2 by one name: version 2 on Debian 12, version 3 on Debian 13.

#pragma once

#ifdef VELO_CATCH2_V3
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
