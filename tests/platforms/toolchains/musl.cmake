# zig, from PyPI's package ziglang. The tests are linked statically, and run on any Linux.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(ZIG_TARGET x86_64-linux-musl)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CMAKE_CROSSCOMPILING_EMULATOR env)
include(${CMAKE_CURRENT_LIST_DIR}/zig.cmake)
