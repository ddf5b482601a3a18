// Untried on macOS (compiled against hand-written declarations only).
#include "os/threads.h"

#include <mach/mach.h>
#include <pthread.h>
#include <pthread/qos.h>

#include "os/posix/this_thread.h"

namespace zerofill::os {

// On macOS a thread can name only itself.
void name_this_thread(const char* name) noexcept { pthread_setname_np(name); }

// There are no CPU masks. A thread starts with the class of quality that its starter has, which the
// background thread changes for itself.
void reset_scheduling_of_this_thread() noexcept {}

// There is no affinity that a thread of the process could differ in.
void follow_cpus_of_the_process() noexcept {}

void lower_priority_of_this_thread() noexcept {
  pthread_set_qos_class_self_np(QOS_CLASS_BACKGROUND, 0);
}

int count_threads() noexcept {
  const mach_port_t task = mach_task_self();
  thread_act_array_t threads = nullptr;
  mach_msg_type_number_t count = 0;
  if (task_threads(task, &threads, &count) != KERN_SUCCESS) return 0;
  // The caller owns a reference to every thread's port, and the array itself.
  for (mach_msg_type_number_t i = 0; i < count; ++i) mach_port_deallocate(task, threads[i]);
  vm_deallocate(task, reinterpret_cast<vm_address_t>(threads), count * sizeof(thread_act_t));
  return static_cast<int>(count);
}

}  // namespace zerofill::os
