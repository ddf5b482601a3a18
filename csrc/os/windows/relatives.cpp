// Untried on Windows itself (compiled with MinGW-w64).
#include "os/relatives.h"

#include "os/windows/system.h"
// It needs the types of <windows.h>.
#include <tlhelp32.h>

namespace zerofill::os {

int this_process() noexcept { return static_cast<int>(GetCurrentProcessId()); }

int this_process_in_paths() noexcept { return this_process(); }

bool has_running_child(int /*starter*/, int /*tracker*/) noexcept {
  const HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
  if (snapshot == INVALID_HANDLE_VALUE) return true;
  PROCESSENTRY32 entry{};
  entry.dwSize = sizeof entry;
  bool found = false;
  for (BOOL more = Process32First(snapshot, &entry); more && !found;
       more = Process32Next(snapshot, &entry)) {
    found = entry.th32ParentProcessID == GetCurrentProcessId();
  }
  CloseHandle(snapshot);
  return found;
}

bool runs_same_program(int process) noexcept {
  const HANDLE handle = OpenProcess(SYNCHRONIZE, FALSE, static_cast<DWORD>(process));
  if (handle == nullptr) return GetLastError() == ERROR_ACCESS_DENIED;
  const bool runs = WaitForSingleObject(handle, 0) == WAIT_TIMEOUT;
  CloseHandle(handle);
  return runs;
}

}  // namespace zerofill::os
