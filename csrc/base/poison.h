// Poison: free memory that AddressSanitizer reports when it is touched, as it reports a use after
// free. In other builds these functions do nothing.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define ZEROFILL_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ZEROFILL_POISONS 1
#endif
#endif

#ifdef ZEROFILL_POISONS
#include <sanitizer/asan_interface.h>
#endif

namespace zerofill {

#ifdef ZEROFILL_POISONS
constexpr bool kPoisons = true;
#else
constexpr bool kPoisons = false;
#endif

inline void poison([[maybe_unused]] const std::byte* address,
                   [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef ZEROFILL_POISONS
  __asan_poison_memory_region(address, bytes);
#endif
}

inline void unpoison([[maybe_unused]] const std::byte* address,
                     [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef ZEROFILL_POISONS
  __asan_unpoison_memory_region(address, bytes);
#endif
}

}  // namespace zerofill
