#include "os/nodes.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>

#include "base/bits.h"
#include "os/linux/cgroups.h"
#include "os/linux/limits.h"

namespace zerofill::os {
namespace {

// The kernel wants at least as many bits as it has nodes, which is never more than this.
constexpr unsigned long kKernelBits = 1024;

struct KernelMask {
  std::uint64_t words[kKernelBits / 64] = {};

  bool fits() const noexcept {
    return std::all_of(words + 1, words + kKernelBits / 64,
                       [](std::uint64_t word) { return word == 0; });
  }
};

long get_policy(int* mode, KernelMask* mask, unsigned long flags) noexcept {
  return syscall(SYS_get_mempolicy, mode, mask->words, kKernelBits, nullptr, flags);
}

/// Reads "0-1,4"; 0 when it is something else, or has a node of too high a number.
NodeMask read_node_list(const char* path) noexcept {
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return 0;
  NodeMask nodes = 0;
  int first = 0;
  while (std::fscanf(file, "%d", &first) == 1) {
    int last = first;
    int next = std::fgetc(file);
    if (next == '-') {
      if (std::fscanf(file, "%d", &last) != 1) last = kMostNodes;
      next = std::fgetc(file);
    }
    if (first < 0 || last >= kMostNodes) {
      nodes = 0;
      break;
    }
    for (int node = first; node <= last; ++node) nodes |= mask_of(node);
    if (next != ',') break;
  }
  std::fclose(file);
  return nodes;
}

const NodeMask kNodes = []() noexcept {
  const NodeMask nodes = read_node_list("/sys/devices/system/node/has_memory");
  return nodes != 0 ? nodes : mask_of(0);
}();

/// Of a mode: whether Linux may move pages to where they are used (automatic NUMA balancing).
constexpr int kBalancing = 1 << 13;  // MPOL_F_NUMA_BALANCING, Linux 5.12

constexpr int kWeightedInterleave = 6;  // MPOL_WEIGHTED_INTERLEAVE, Linux 6.9

/// The calling thread's; false when it is not known.
bool read_policy(Placement* policy) noexcept {
  int mode = 0;
  KernelMask mask;
  if (get_policy(&mode, &mask, 0) != 0 || !mask.fits()) return false;
  *policy = {mode, mask.words[0]};
  return true;
}

/// At load time, on the thread that loads the library.
const Placement kPolicyAtLoad = []() noexcept {
  Placement policy;
  if (has_several_nodes()) (void)read_policy(&policy);
  return policy;
}();

int mode_without_flags(const Placement& placement) noexcept {
  return placement.mode & ~(MPOL_MODE_FLAGS | kBalancing);
}

/// A policy of the system's own: on the node that touches a page.
bool is_local(const Placement& policy) noexcept {
  const int mode = mode_without_flags(policy);
  return mode == MPOL_DEFAULT || mode == MPOL_LOCAL ||
         (mode == MPOL_PREFERRED && policy.nodes == 0);
}

/// The node that the thread runs on; -1 when it is not known, or has too high a number.
int running_on() noexcept {
  unsigned node = 0;
  const bool is_known = syscall(SYS_getcpu, nullptr, &node, nullptr) == 0 && node < kMostNodes;
  return is_known ? static_cast<int>(node) : -1;
}

/// Adds what a node has, and what of it can be had, in KiB.
void add_node(int node, std::uint64_t* total, std::uint64_t* available) noexcept {
  char path[64];
  std::snprintf(path, sizeof path, "/sys/devices/system/node/node%d/meminfo", node);
  constexpr const char* kNames[] = {"MemTotal", "MemFree",      "FilePages",
                                    "Shmem",    "Active(file)", "Inactive(file)"};
  char keys[std::size(kNames)][40];  // "Node 1 MemTotal:"
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    std::snprintf(keys[i], sizeof keys[i], "Node %d %s:", node, kNames[i]);
  }
  std::uint64_t all = 0;
  std::uint64_t free = 0;
  FilePages pages;
  (void)read_keyed_numbers(path, {{keys[0], &all},
                                  {keys[1], &free},
                                  {keys[2], &pages.cache},
                                  {keys[3], &pages.shmem},
                                  {keys[4], &pages.active},
                                  {keys[5], &pages.inactive}});
  *total += all;
  *available += free + pages.reclaimable();
}

int describe_nodes(NodeMask nodes, char* text, std::size_t capacity) noexcept {
  std::size_t length = 0;
  for (int node = 0; node < kMostNodes && length < capacity; ++node) {
    if ((nodes & mask_of(node)) == 0) continue;
    const char* comma = length == 0 ? "" : ",";
    const int added = std::snprintf(text + length, capacity - length, "%s%d", comma, node);
    length += static_cast<std::size_t>(added);
  }
  return static_cast<int>(length);
}

}  // namespace

NodeMask nodes_with_memory() noexcept { return kNodes; }

NodeMask allowed_nodes() noexcept {
  KernelMask mask;
  if (get_policy(nullptr, &mask, MPOL_F_MEMS_ALLOWED) != 0) return kNodes;
  const NodeMask allowed = mask.words[0] & kNodes;
  return allowed != 0 ? allowed : kNodes;
}

Placement placement_of_this_thread() noexcept {
  Placement policy;
  if (!read_policy(&policy)) return kUnplaced;
  // mbind(2) does not take the flag before Linux 5.15.
  if (!is_local(policy)) return {policy.mode & ~kBalancing, policy.nodes};
  const int node = running_on();
  return node < 0 ? kUnplaced : Placement{MPOL_PREFERRED, mask_of(node)};
}

int node_of_this_thread() noexcept {
  const int node = running_on();
  Placement policy;
  const bool is_free = !read_policy(&policy) || is_local(policy) || policy.nodes == 0 ||
                       (node >= 0 && (policy.nodes & mask_of(node)) != 0);
  return is_free ? std::max(node, 0) : trailing_zeros(policy.nodes);
}

Placement placement_on(int node) noexcept { return {MPOL_BIND, mask_of(node)}; }

Placement interleaved_placement() noexcept { return {MPOL_INTERLEAVE, allowed_nodes()}; }

bool is_interleaved(const Placement& placement) noexcept {
  const int mode = mode_without_flags(placement);
  return mode == MPOL_INTERLEAVE || mode == kWeightedInterleave;
}

int place_pages(void* address, std::size_t bytes, const Placement& placement) noexcept {
  KernelMask mask;
  mask.words[0] = placement.nodes;
  const long result =
      syscall(SYS_mbind, address, bytes, placement.mode, mask.words, kKernelBits, 0);
  return result == 0 ? 0 : errno;
}

NodeMask limiting_nodes(const Placement& placement) noexcept {
  const NodeMask allowed = allowed_nodes();
  if (mode_without_flags(placement) != MPOL_BIND) return allowed;
  const NodeMask bound = placement.nodes & allowed;
  return bound != 0 ? bound : allowed;
}

void apply_nodes_to_budget(NodeMask nodes, MemoryBudget* budget) noexcept {
  if (nodes == kNodes) return;
  std::uint64_t total = 0;
  std::uint64_t available = 0;
  for (int node = 0; node < kMostNodes; ++node) {
    if ((nodes & mask_of(node)) != 0) add_node(node, &total, &available);
  }
  if (total == 0) return;
  char whose[112] = "NUMA node ";
  const std::size_t length = std::strlen(whose);
  describe_nodes(nodes, whose + length, sizeof whose - length);
  tighten(total * 1024, (total - std::min(total, available)) * 1024, "free memory", whose, budget);
}

void describe_policy_of_this_thread(char* text, std::size_t capacity) noexcept {
  constexpr const char* kNames[] = {
      "default",        "preferred",          "bind", "interleave", "local",
      "preferred many", "weighted interleave"};
  Placement policy;
  const bool known = read_policy(&policy);
  const auto mode = static_cast<std::size_t>(mode_without_flags(policy));
  const char* name = known && mode < std::size(kNames) ? kNames[mode] : "not known";
  const int length = std::snprintf(text, capacity, "%s%s", name, policy.nodes != 0 ? " " : "");
  if (policy.nodes == 0) return;
  describe_nodes(policy.nodes, text + length, capacity - static_cast<std::size_t>(length));
}

void reset_policy_of_this_thread() noexcept {
  if (!has_several_nodes()) return;
  KernelMask mask;
  mask.words[0] = kPolicyAtLoad.nodes;
  const bool has_nodes = kPolicyAtLoad.nodes != 0;
  (void)syscall(SYS_set_mempolicy, kPolicyAtLoad.mode, has_nodes ? mask.words : nullptr,
                has_nodes ? kKernelBits : 0UL);
}

}  // namespace zerofill::os
