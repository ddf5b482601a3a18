#include "python/runtime.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "alloc/allocator.h"
#include "base/options.h"
#include "kernel/stream_lines.h"
#include "os/cpus.h"
#include "os/limits.h"
#include "os/nodes.h"
#include "os/pages.h"
#include "os/shared.h"
#include "python/array.h"
#include "python/gil.h"
#include "python/live_arrays.h"
#include "python/memory_options.h"
#include "team/team.h"

namespace py = pybind11;

namespace zerofill::python {
namespace {

py::dict stats() {
  const alloc::Stats found = alloc::stats();
  const Counters& counted = found.counters;
  py::dict record;
  const std::uint64_t bytes = live_arrays.bytes();
  const std::uint64_t count = live_arrays.count();
  record["live_bytes"] = bytes;
  record["live_blocks"] = count;
  // Another thread may have counted its array, and not the peak yet.
  record["peak_bytes"] = std::max(live_arrays.peak_bytes(), bytes);
  record["peak_blocks"] = std::max(live_arrays.peak_count(), count);
  record["pooled_clean_bytes"] = found.pooled_clean_bytes;
  record["pooled_dirty_bytes"] = found.pooled_dirty_bytes;
  record["reserved_bytes"] = found.reserved_bytes;
  record["sent_bytes"] = found.sent_bytes;
  record["heap_used_bytes"] = found.heap_used_bytes;
  record["heap_idle_bytes"] = found.heap_idle_bytes;
  record["clean_hits"] = counted.clean_hits.value();
  record["dirty_hits"] = counted.dirty_hits.value();
  record["misses"] = counted.misses.value();
  record["zeroed_bytes"] = counted.zeroed.value();
  record["skipped_bytes"] = counted.skipped.value();
  record["scrubbed_bytes"] = counted.scrubbed.value();
  record["populated_bytes"] = counted.populated.value();
  record["huge_page_bytes"] = counted.populated_huge.value();
  record["returned_bytes"] = counted.returned.value();
  record["moved_bytes"] = counted.moved.value();
  return record;
}

const char* name_of(Scrub scrub) {
  switch (scrub) {
    case Scrub::off:
      return "off";
    case Scrub::on:
      return "on";
    case Scrub::automatic:
      break;
  }
  return "auto";
}

py::object placement_of(int where) {
  if (where >= 0) return py::int_(where);
  return py::str(where == kInterleaved ? "interleave" : "caller");
}

py::dict get_options() {
  const Options& chosen = options();
  py::dict record;
  record["num_threads"] = team::max_threads();
  const std::size_t limit = chosen.pool_limit.load();
  record["pool_limit"] = limit == kAutomaticLimit ? py::object(py::none()) : py::int_(limit);
  record["decay"] = chosen.decay.load();
  record["scrub"] = name_of(chosen.scrub.load());
  record["audit"] = chosen.audit.load();
  record["huge_pages"] = chosen.huge_pages.load() ? "auto" : "off";
  record["placement"] = placement_of(chosen.placement.load());
  return record;
}

int where_of(const py::object& placement) {
  int where = alloc::kPlacedByOption;
  if (!read_placement(placement.ptr(), &where)) throw py::error_already_set();
  return where == alloc::kPlacedByOption ? kPlacedForCaller : where;
}

Scrub scrub_of(const std::string& name) {
  if (name == "auto") return Scrub::automatic;
  return name == "on" ? Scrub::on : Scrub::off;
}

/// The value given for an option, if one is.
template <typename Value>
std::optional<Value> given_value(const py::kwargs& given, const char* name) {
  if (!given.contains(name)) return std::nullopt;
  return given[name].cast<Value>();
}

/// What is pooled may be of the other kind.
void set_huge_pages(bool wanted) {
  if (options().huge_pages.exchange(wanted) == wanted) return;
  without_gil([](const team::Poll&) { alloc::trim(); });
}

/// Sets only the options that are given, so that two threads can set different ones. The values
/// were checked in zerofill.option_values. All are converted before one is set, because a
/// conversion can fail.
void set_options(const py::kwargs& given) {
  const auto num_threads = given_value<int>(given, "num_threads");
  const auto pool_limit = given_value<std::optional<std::size_t>>(given, "pool_limit");
  const auto decay = given_value<double>(given, "decay");
  const auto scrub = given_value<std::string>(given, "scrub");
  const auto audit = given_value<bool>(given, "audit");
  const auto huge_pages = given_value<std::string>(given, "huge_pages");
  const auto placement = given_value<py::object>(given, "placement");
  const int where = placement ? where_of(*placement) : kPlacedForCaller;
  Options& chosen = options();
  if (num_threads) chosen.num_threads.store(*num_threads);
  if (pool_limit) chosen.pool_limit.store(pool_limit->value_or(kAutomaticLimit));
  if (decay) chosen.decay.store(*decay);
  if (scrub) chosen.scrub.store(scrub_of(*scrub));
  if (audit) chosen.audit.store(*audit);
  if (placement) chosen.placement.store(where);
  if (huge_pages) set_huge_pages(*huge_pages != "off");
  if (pool_limit || decay) without_gil([](const team::Poll&) { alloc::apply_options(); });
}

/// pybind11 raises RuntimeError where Python has set MemoryError already.
void keep_pythons_error(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const py::builtin_exception&) {
    throw;
  } catch (const std::runtime_error&) {
    if (!PyErr_Occurred()) throw;
  }
}

py::dict system_info() {
  py::dict record;
  char cpu[128];
  os::read_cpu_name(cpu, sizeof cpu);
  record["cpu"] = cpu;
  record["usable_cpus"] = os::usable_cpus();
  py::list caches;
  for (int level : {1, 2, 3}) caches.append(os::cache_bytes(level));
  record["cache_bytes"] = caches;
  record["streaming_stores"] = kernel::streaming_instructions();
  record["page_bytes"] = os::page_bytes();
  record["huge_page_bytes"] = os::huge_page_bytes();
  record["huge_page_policy"] = os::huge_page_policy();
  record["shared_huge_page_policy"] = os::shared_huge_page_policy();
  record["shared_huge_pages"] = os::has_shared_huge_pages() && os::huge_page_bytes() != 0;
  record["workers"] = team::workers();
  const auto nodes = py::reinterpret_steal<py::object>(node_numbers());
  if (!nodes) throw py::error_already_set();
  record["nodes"] = nodes;
  char policy[128];
  os::describe_policy_of_this_thread(policy, sizeof policy);
  record["memory_policy"] = policy;
  os::MemoryBudget budget;
  const bool known = os::read_memory_budget(&budget) == 0;
  record["available_bytes"] = known ? py::object(py::int_(budget.available_bytes)) : py::none();
  record["limit_bytes"] = known ? py::object(py::int_(budget.total_bytes)) : py::none();
  record["limit"] = known ? py::object(py::str(budget.source)) : py::none();
  return record;
}

}  // namespace

void register_runtime(py::module_& module) {
  py::register_local_exception_translator(&keep_pythons_error);
  module.def("stats", &stats);
  module.def("trim", [] { return without_gil([](const team::Poll&) { return alloc::trim(); }); });
  module.def("prepare_fork", [] { without_gil([](const team::Poll&) { alloc::prepare_fork(); }); });
  module.def("end_fork", [] { without_gil([](const team::Poll&) { alloc::end_fork(); }); });
  module.attr("most_threads") = kMaxThreads;
  module.def("get_options", &get_options);
  module.def("set_options", &set_options);
  module.def("check_placement", [](const py::object& placement) { (void)where_of(placement); });
  module.def("system_info", &system_info);
  module.def("disable_own_memory", &disable_own_memory);
  module.def("is_own_memory_disabled", &is_own_memory_disabled);
}

}  // namespace zerofill::python
