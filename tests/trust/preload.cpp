// To be preloaded (ld.so(8), LD_PRELOAD): makes calls of the system and of the C library fail if
// they come from the extension module, and only then. The module needs no code for that.
//
// Failing calls: after fail_nth("mmap", 3), the third call of that kind fails; stop_failing() ends
// that and returns how many calls there were.
//
// Profiles, by the environment variable PRELOAD_PROFILE: "no-populate" and "no-huge-pages" remove
// features of the kernel, "no-cgroup" hides its files of control groups, "one-cpu" hides all CPUs
// but one. Several are joined by "+".
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <atomic>
#include <cstdint>
#include <new>

namespace {

std::atomic<const char*> failing{nullptr};
std::atomic<long> seen{0};
std::atomic<long> nth{0};
std::uintptr_t module_start = 0;
std::uintptr_t module_end = 0;
const char* profile = "";

int find_module(dl_phdr_info* info, size_t, void*) {
  if (strstr(info->dlpi_name, "_zerofill.") == nullptr) return 0;
  module_start = UINTPTR_MAX;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD) continue;
    const std::uintptr_t start = info->dlpi_addr + segment.p_vaddr;
    if (start < module_start) module_start = start;
    if (start + segment.p_memsz > module_end) module_end = start + segment.p_memsz;
  }
  return 1;
}

bool is_module(const void* caller) {
  const auto address = reinterpret_cast<std::uintptr_t>(caller);
  return address >= module_start && address < module_end;
}

bool fails(const char* kind, const void* caller) {
  const char* wanted = failing.load();
  if (wanted == nullptr || strcmp(wanted, kind) != 0 || !is_module(caller)) return false;
  return seen.fetch_add(1) + 1 == nth.load();
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

bool has_profile(const char* name) { return strstr(profile, name) != nullptr; }

__attribute__((constructor)) void take_profile() {
  if (const char* given = getenv("PRELOAD_PROFILE")) profile = given;
  if (has_profile("no-huge-pages")) prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  if (!has_profile("one-cpu")) return;
  cpu_set_t allowed;
  cpu_set_t one;
  sched_getaffinity(0, sizeof allowed, &allowed);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

bool is_hidden(const char* path) {
  return has_profile("no-cgroup") &&
         (strncmp(path, "/sys/fs/cgroup", 14) == 0 || strncmp(path, "/proc/self/cgroup", 17) == 0 ||
          strncmp(path, "/proc/self/mountinfo", 20) == 0);
}

}  // namespace

#define CALLER __builtin_return_address(0)

extern "C" {

int fail_nth(const char* kind, long which) {
  dl_iterate_phdr(find_module, nullptr);
  seen = 0;
  nth = which;
  failing = strdup(kind);
  return module_end != 0;
}

long stop_failing() {
  failing = nullptr;
  return seen;
}

void* mmap(void* address, size_t length, int protection, int flags, int file, off_t offset) {
  static auto* real = next<decltype(mmap)>("mmap");
  if (!fails("mmap", CALLER)) return real(address, length, protection, flags, file, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}

int munmap(void* address, size_t length) {
  static auto* real = next<decltype(munmap)>("munmap");
  if (!fails("munmap", CALLER)) return real(address, length);
  errno = ENOMEM;
  return -1;
}

int madvise(void* address, size_t length, int advice) noexcept {
  static auto* real = next<int(void*, size_t, int)>("madvise");
  constexpr int kPopulateWrite = 23;
  if (advice == kPopulateWrite && has_profile("no-populate")) {
    errno = EINVAL;
    return -1;
  }
  if (!fails("madvise", CALLER)) return real(address, length, advice);
  errno = ENOMEM;
  return -1;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) noexcept {
  static auto* real =
      next<int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*)>("pthread_create");
  return fails("pthread_create", CALLER) ? EAGAIN : real(thread, attributes, body, argument);
}

void* mremap(void* address, size_t length, size_t wanted, int flags, ...) noexcept {
  va_list rest;
  va_start(rest, flags);
  void* place = (flags & MREMAP_FIXED) != 0 ? va_arg(rest, void*) : nullptr;
  va_end(rest);
  static auto* real = next<void*(void*, size_t, size_t, int, ...)>("mremap");
  if (!fails("mremap", CALLER)) return real(address, length, wanted, flags, place);
  errno = ENOMEM;
  return MAP_FAILED;
}

void* __libc_malloc(size_t bytes) noexcept;
void* __libc_calloc(size_t count, size_t bytes) noexcept;
void* __libc_realloc(void* memory, size_t bytes) noexcept;

void* malloc(size_t bytes) noexcept {
  if (!fails("malloc", CALLER)) return __libc_malloc(bytes);
  errno = ENOMEM;
  return nullptr;
}

void* calloc(size_t count, size_t bytes) noexcept {
  if (!fails("malloc", CALLER)) return __libc_calloc(count, bytes);
  errno = ENOMEM;
  return nullptr;
}

void* realloc(void* memory, size_t bytes) noexcept {
  if (!fails("malloc", CALLER)) return __libc_realloc(memory, bytes);
  errno = ENOMEM;
  return nullptr;
}

FILE* fopen(const char* path, const char* mode) {
  static auto* real = next<decltype(fopen)>("fopen");
  if (!is_hidden(path) && !fails("fopen", CALLER)) return real(path, mode);
  errno = ENOENT;
  return nullptr;
}

}  // extern "C"

void* operator new(size_t bytes) {
  void* memory = fails("new", CALLER) ? nullptr : malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return fails("new", CALLER) ? nullptr : malloc(bytes);
}
