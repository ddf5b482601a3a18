#include "alloc/renewal.h"

#include <atomic>
#include <chrono>

#include "base/clock.h"
#include "base/units.h"
#include "blocks/first_touch.h"
#include "blocks/huge_page_watch.h"
#include "os/cpus.h"
#include "os/pages.h"
#include "os/threads.h"
#include "team/team.h"

namespace zerofill::alloc {
namespace {

constexpr std::size_t kLeastBytes = 4 * MiB;
constexpr std::size_t kMostBytes = 32 * MiB;  // 64 MiB take twice as long
constexpr int kMostThreads = 2;

// A huge page that was discarded just before takes 60 to 105 us of a CPU's time. It takes longer
// where it has gone elsewhere meanwhile: the host of a virtual machine may have taken it.
constexpr std::chrono::nanoseconds kSlowTime = std::chrono::microseconds(200);
/// For how long nothing is discarded after a slow one.
constexpr Clock::duration kSlowFor = std::chrono::milliseconds(50);

std::atomic<Clock::rep> slow_until{0};

/// At load time: base/immortal.h.
const std::size_t kSecondCacheBytes = os::cache_bytes(2);

Clock::rep now() noexcept { return Clock::now().time_since_epoch().count(); }

// Threads that fault at once hold each other up: two that make and use 8 MiB each take 1.6 times as
// long as where both zero them.
constexpr Clock::duration kAloneFor = std::chrono::milliseconds(20);

std::atomic<const void*> last_thread{nullptr};
std::atomic<Clock::rep> alone_since{0};

/// Whether this thread alone has asked for such memory lately.
bool is_alone() noexcept {
  thread_local const char mine = 0;
  if (last_thread.exchange(&mine) != &mine) alone_since = now();
  return now() - alone_since >= kAloneFor.count();
}

bool pays(const blocks::Block& block, const Request& request) noexcept {
  return kSecondCacheBytes >= os::huge_page_bytes() && request.commit == Commit::lazy &&
         request.touch == Touch::dense && !request.shared && request.bytes >= kLeastBytes &&
         request.bytes <= kMostBytes && block.huge_pages && team::max_threads() <= kMostThreads &&
         is_alone() && blocks::should_ask_for_huge_pages() && now() >= slow_until.load();
}

/// The first huge page tells how the others will come.
void make_first(std::byte* address) noexcept {
  const std::chrono::nanoseconds start = os::cpu_time_of_this_thread();
  blocks::touch_pages(address, 1);
  const std::chrono::nanoseconds took = os::cpu_time_of_this_thread() - start;
  const bool is_granted = os::is_huge_page_granted(address);
  blocks::note_huge_page(is_granted, took);
  if (!is_granted || took > kSlowTime) slow_until = now() + kSlowFor.count();
}

}  // namespace

bool renew(Allocation* reused, const Request& request) noexcept {
  if (!pays(reused->block(), request)) return false;
  reused->discard();
  make_first(reused->block().address);
  return true;
}

}  // namespace zerofill::alloc
