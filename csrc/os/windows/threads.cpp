// Untried on Windows itself (compiled with MinGW-w64, run under Wine).
#include "os/threads.h"

#include <process.h>

#include <cerrno>
#include <cstdint>
#include <new>

#include "base/align.h"
#include "base/units.h"
#include "os/windows/system.h"

namespace zerofill::os {
namespace {

using SetThreadDescriptionFunction = HRESULT(WINAPI*)(HANDLE, PCWSTR);

// The reason is in os/posix/threads.cpp.
constexpr unsigned kStackBytes = 512 * KiB;

struct Start {
  void (*body)(void*);
  void* argument;
};

unsigned __stdcall run(void* opaque) {
  auto* start = static_cast<Start*>(opaque);
  const Start copy = *start;
  delete start;
  copy.body(copy.argument);
  return 0;
}

void name_thread(HANDLE thread, const char* name) noexcept {
  static const auto describe = find_function<SetThreadDescriptionFunction>("SetThreadDescription");
  if (describe == nullptr) return;
  wchar_t wide[16] = {};
  for (int i = 0; i < 15 && name[i] != '\0'; ++i) wide[i] = static_cast<wchar_t>(name[i]);
  describe(thread, wide);
}

}  // namespace

// There are no signals to block: Windows calls handlers of Ctrl+C on a thread of its own.
int start_thread(const char* name, void (*body)(void*), void* argument, Thread* thread) noexcept {
  auto* start = new (std::nothrow) Start{body, argument};
  if (start == nullptr) return ENOMEM;
  errno = 0;
  // Not CreateThread(): the C library keeps data for each thread, and frees it only for its own.
  const std::uintptr_t handle =
      _beginthreadex(nullptr, kStackBytes, run, start, STACK_SIZE_PARAM_IS_A_RESERVATION, nullptr);
  if (handle == 0) {
    const int error = errno;
    delete start;
    return error != 0 ? error : EAGAIN;
  }
  thread->handle = reinterpret_cast<HANDLE>(handle);
  name_thread(thread->handle, name);
  return 0;
}

void join_threads(const Thread* threads, int count) noexcept {
  for (int i = 0; i < count; ++i) {
    WaitForSingleObject(threads[i].handle, INFINITE);
    CloseHandle(threads[i].handle);
  }
}

// Threads have the affinity mask of the process unless they set their own.
void follow_cpus_of_the_process() noexcept {}

void lower_priority_of_this_thread() noexcept {
  SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_LOWEST);
}

// The count is needed for forks alone, and Windows has none.
int count_threads() noexcept { return 0; }

std::chrono::nanoseconds cpu_time_of_this_thread() noexcept {
  FILETIME created, ended, kernel, user;
  if (!GetThreadTimes(GetCurrentThread(), &created, &ended, &kernel, &user)) return {};
  const auto count = [](const FILETIME& time) {  // in units of 100 ns
    return static_cast<long long>(time.dwHighDateTime) << 32 | time.dwLowDateTime;
  };
  return std::chrono::nanoseconds(100 * (count(kernel) + count(user)));
}

void sleep_microseconds(unsigned microseconds) noexcept {
  Sleep(static_cast<DWORD>(ceil_divide(microseconds, 1000)));
}

}  // namespace zerofill::os
