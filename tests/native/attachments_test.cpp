// What arrives more than once stays mapped for a while, and goes when it is of no use any more.
#include "alloc/attachments.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <vector>

#include "alloc/allocator.h"
#include "base/options.h"
#include "base/units.h"
#include "check.h"
#include "child.h"
#include "os/shared.h"
#include "os/threads.h"

namespace {

using namespace zerofill;
using alloc::Allocation;
using alloc::Commit;

constexpr std::size_t kBytes = 3 * MiB;
const alloc::Relatives kSelf{getpid()};

Allocation zeros(std::size_t bytes = kBytes) {
  alloc::Request request{bytes, 64, Commit::eager};
  request.shared = true;
  return alloc::acquire(request, {});
}

/// What a message to another process carries: here it comes back to this one.
struct Message {
  char path[64];
  std::size_t bytes;
  blocks::Ticket ticket;
};

Message send(Allocation* memory) {
  Message message{};
  CHECK(os::find_shared_path(memory->block().shared, message.path, sizeof message.path));
  message.bytes = memory->bytes();
  message.ticket = memory->send(kSelf);
  return message;
}

/// As a worker does. `was_kept` says whether it was mapped still.
Allocation receive(const Message& message, bool* was_kept, bool writable = true) {
  alloc::Received received{os::kNoSharedHandle, message.bytes, 64, message.ticket, writable};
  Allocation found = alloc::receive_from_kept(received);
  *was_kept = found.data() != nullptr;
  if (*was_kept) return found;
  CHECK(os::open_shared(message.path, &received.handle) == 0);
  return alloc::receive(received);
}

/// Receives it and drops it; whether it was mapped still.
bool arrives(Allocation* memory, bool writable = true) {
  bool was_kept = false;
  const Allocation received = receive(send(memory), &was_kept, writable);
  CHECK(received.data() != nullptr && received.data() != memory->data());
  CHECK(std::memcmp(received.data(), memory->data(), memory->bytes()) == 0);
  return was_kept;
}

void what_arrived_once_is_unmapped() {
  Allocation memory = zeros();
  CHECK(!arrives(&memory));
  CHECK(alloc::trim_attachments() == 0);
}

void what_arrives_again_stays() {
  Allocation memory = zeros();
  std::memset(memory.data(), 7, kBytes);
  CHECK(!arrives(&memory));
  CHECK(!arrives(&memory));
  for (int turn = 0; turn < 100; ++turn) CHECK(arrives(&memory));
  CHECK(memory.has_arrived());
  CHECK(alloc::trim_attachments() > kBytes);
  CHECK(!arrives(&memory));
  CHECK(alloc::trim() > kBytes);
}

void it_is_not_what_is_read_only() {
  Allocation memory = zeros();
  for (int turn = 0; turn < 3; ++turn) arrives(&memory, false);
  CHECK(arrives(&memory, false));
  CHECK(!arrives(&memory, true));
  CHECK(arrives(&memory, true));
  bool was_kept = false;
  Allocation received = receive(send(&memory), &was_kept);
  CHECK(was_kept);
  received.data()[0] = std::byte{1};  // would end this process
  received.release();
  alloc::trim_attachments();
}

void what_was_sent_on_is_taken_back() {
  Allocation memory = zeros();
  bool was_kept = false;
  Allocation received = receive(send(&memory), &was_kept);
  const Message back = send(&received);
  const std::byte* address = received.data();
  received.release();  // but the message is on its way
  CHECK(alloc::kept_bytes() > kBytes);
  received = receive(send(&memory), &was_kept);
  CHECK(was_kept && received.data() == address);
  CHECK(alloc::kept_bytes() == 0);
  CHECK(!received.has_arrived());
  CHECK(memory.receive(back.ticket));
  CHECK(received.has_arrived());
  received.release();
  alloc::trim_attachments();
}

template <typename Condition>
void wait_for(Condition holds) {
  for (int turn = 0; turn < 10000 && !holds(); ++turn) os::sleep_microseconds(1000);
  CHECK(holds());
}

bool is_mapped(const std::byte* address) {
  unsigned char none = 0;
  return mincore(const_cast<std::byte*>(address), 1, &none) == 0;
}

/// The address at which it is kept.
const std::byte* keep(Allocation* memory) {
  arrives(memory);
  arrives(memory);
  bool was_kept = false;
  const Allocation received = receive(send(memory), &was_kept);
  CHECK(was_kept);
  return received.data();
}

void it_goes_when_it_does_not_arrive_any_more() {
  Allocation memory = zeros();
  const std::byte* kept = keep(&memory);
  CHECK(is_mapped(kept));
  options().decay = 0.01;
  wait_for([&] { return !is_mapped(kept); });
  options().decay = 0;
  arrives(&memory);
  CHECK(alloc::trim_attachments() == 0);
  options().decay = 10;
}

void it_goes_when_its_maker_drops_it() {
  Allocation memory = zeros();
  Allocation other = zeros();
  const std::byte* kept = keep(&memory);
  const std::byte* younger = keep(&other);
  CHECK(is_mapped(kept) && is_mapped(younger));
  CHECK(memory.has_arrived());
  memory.release();
  wait_for([&] { return !is_mapped(kept); });
  CHECK(is_mapped(younger));  // so it was not because of its age
  alloc::trim_attachments();
}

void few_are_kept() {
  std::vector<Allocation> many;
  for (int one = 0; one < 40; ++one) many.push_back(zeros(64 * KiB));
  for (Allocation& memory : many) {
    arrives(&memory);
    arrives(&memory);
  }
  int kept = 0;
  for (auto memory = many.rbegin(); memory != many.rend(); ++memory) kept += arrives(&*memory);
  CHECK(kept == 16);
  alloc::trim_attachments();
}

void nothing_is_kept_over_a_fork() {
  Allocation memory = zeros();
  const std::byte* kept = keep(&memory);
  CHECK(is_mapped(kept));
  CHECK(test::holds_in_child([&] { return !is_mapped(kept) && alloc::trim_attachments() == 0; }));
  CHECK(!arrives(&memory));
  CHECK(arrives(&memory));
  alloc::trim_attachments();
}

void threads_receive_at_once() {
  Allocation memory = zeros();
  std::memset(memory.data(), 7, kBytes);
  std::vector<std::thread> threads;
  std::vector<Message> messages;
  for (int one = 0; one < 400; ++one) messages.push_back(send(&memory));
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t turn = 0; turn < 100; ++turn) {
        bool was_kept = false;
        const auto which = static_cast<std::size_t>(thread) * 100 + turn;
        const Allocation received = receive(messages[which], &was_kept);
        CHECK(received.data()[kBytes - 1] == std::byte{7});
        if (turn % 10 == 0) alloc::trim_attachments();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(memory.has_arrived());
  alloc::trim_attachments();
}

}  // namespace

int main() {
  what_arrived_once_is_unmapped();
  what_arrives_again_stays();
  it_is_not_what_is_read_only();
  what_was_sent_on_is_taken_back();
  it_goes_when_it_does_not_arrive_any_more();
  it_goes_when_its_maker_drops_it();
  few_are_kept();
  nothing_is_kept_over_a_fork();
  threads_receive_at_once();
  return 0;
}
