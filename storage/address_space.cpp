#include "storage/address_space.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace velo::storage {

namespace {

constexpr std::size_t map_bytes_min = std::size_t{1} << 20;
constexpr std::size_t step_bytes_min = std::size_t{64} << 10;

std::size_t whole_pages(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return std::max(page, (bytes + page - 1) / page * page);
}

}  // namespace

bool address_space_holds(std::size_t bytes, int file) {
  // NORESERVE and PROT_NONE: nothing but addresses is asked for.
  const int kind = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
  void* at = ::mmap(nullptr, bytes, PROT_NONE, kind, file, 0);
  if (at == MAP_FAILED) return false;
  ::munmap(at, bytes);
  return true;
}

std::size_t fitting_map_bytes(std::size_t wanted) {
  if (address_space_holds(whole_pages(wanted))) return whole_pages(wanted);
  std::size_t fits = wanted;
  while (fits > map_bytes_min && !address_space_holds(whole_pages(fits))) fits /= 2;
  return whole_pages(std::max(fits / 4, std::min(wanted, map_bytes_min)));
}

std::size_t growth_step(std::size_t current, int file) {
  for (std::size_t step = std::max(current, step_bytes_min); step >= step_bytes_min; step /= 2) {
    const auto size = whole_pages(current + step);
    if (address_space_holds(size, file)) return size - current;
  }
  return 0;
}

}  // namespace velo::storage
