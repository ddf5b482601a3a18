// Contract: Windows's own declarations, and what several files need on top. For os/windows/ alone.
// Untried on Windows itself (compiled with MinGW-w64, run under Wine).
#pragma once

// <windows.h> would define macros called min and max.
#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
// <psapi.h> needs the types above it.
#include <psapi.h>

#include <cerrno>

namespace zerofill::os {

/// The calling thread's last error as an errno value; never 0.
inline int last_error() noexcept {
  switch (GetLastError()) {
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_WORKING_SET_QUOTA:
    case ERROR_PAGEFILE_QUOTA:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_COMMITMENT_MINIMUM:
    case ERROR_NOT_ENOUGH_QUOTA:
      return ENOMEM;
    case ERROR_ACCESS_DENIED:
      return EACCES;
    case ERROR_NOT_SUPPORTED:
    case ERROR_CALL_NOT_IMPLEMENTED:
      return ENOTSUP;
    default:
      return EINVAL;
  }
}

/// A function of kernelbase.dll, which every process has loaded; null where this version of
/// Windows is too old for it.
template <typename Function>
Function find_function(const char* name) noexcept {
  const HMODULE library = GetModuleHandleW(L"kernelbase.dll");
  if (library == nullptr) return nullptr;
  // By way of void(): compilers warn of a direct cast between two kinds of function.
  return reinterpret_cast<Function>(reinterpret_cast<void (*)()>(GetProcAddress(library, name)));
}

}  // namespace zerofill::os
