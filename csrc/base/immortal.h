// Objects of the whole process.
#pragma once

#include <new>

namespace zerofill {

/// A T that is never destroyed, because threads may be using it while the process exits. Define it
/// at namespace scope: it is then made as the library is loaded. A static of a function would be
/// made on first use, behind a guard, and a guard that another thread holds during a fork would
/// block the child for ever.
template <typename T>
class Immortal {
 public:
  Immortal() noexcept(noexcept(T())) { new (storage_) T; }
  Immortal(const Immortal&) = delete;
  Immortal& operator=(const Immortal&) = delete;

  T* operator->() noexcept { return std::launder(reinterpret_cast<T*>(storage_)); }

 private:
  alignas(T) unsigned char storage_[sizeof(T)];
};

/// Makes a mutex or a condition variable anew in the child of a fork. Other threads of the parent
/// may have been waiting on it, and they are not here to be woken or to let go of it.
template <typename T>
void remake_in_child(T* object) {
  new (object) T;
}

}  // namespace zerofill
