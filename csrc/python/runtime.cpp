#include "python/runtime.h"

#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "memory/allocator.h"
#include "os/cpus.h"
#include "os/limits.h"
#include "os/pages.h"
#include "python/array.h"
#include "python/object_memory.h"
#include "team/team.h"

namespace py = pybind11;

namespace zerofill::python {
namespace {

py::dict stats() {
  const memory::Counters& counted = memory::counters();
  const memory::PoolSizes pooled = memory::pool_sizes();
  const Live& alive = live();
  py::dict record;
  record["live_bytes"] = alive.bytes.load();
  record["live_blocks"] = alive.blocks.load();
  record["peak_bytes"] = alive.peak_bytes.load();
  record["peak_blocks"] = alive.peak_blocks.load();
  record["pooled_clean_bytes"] = pooled.clean_bytes;
  record["pooled_dirty_bytes"] = pooled.dirty_bytes;
  record["clean_hits"] = counted.clean_hits.value();
  record["dirty_hits"] = counted.dirty_hits.value();
  record["misses"] = counted.misses.value();
  record["zeroed_bytes"] = counted.zeroed.value();
  record["skipped_bytes"] = counted.skipped.value();
  record["scrubbed_bytes"] = counted.scrubbed.value();
  record["populated_bytes"] = counted.populated.value();
  record["returned_bytes"] = counted.returned.value();
  return record;
}

const char* name_of(memory::Scrub scrub) {
  switch (scrub) {
    case memory::Scrub::off:
      return "off";
    case memory::Scrub::on:
      return "on";
    case memory::Scrub::automatic:
      break;
  }
  return "auto";
}

py::dict get_options() {
  const memory::Options& options = memory::options();
  py::dict record;
  record["num_threads"] = options.num_threads.load();
  const std::size_t limit = options.pool_limit.load();
  record["pool_limit"] = limit == memory::kAutomatic ? py::object(py::none()) : py::int_(limit);
  record["decay"] = options.decay.load();
  record["scrub"] = name_of(options.scrub.load());
  record["audit"] = options.audit.load();
  return record;
}

memory::Scrub scrub_of(const std::string& name) {
  if (name == "auto") return memory::Scrub::automatic;
  return name == "on" ? memory::Scrub::on : memory::Scrub::off;
}

/// Sets the options that are given and no other, so that two threads can set different ones. The
/// values were checked in zerofill.runtime.
void set_options(const py::kwargs& given) {
  memory::Options& options = memory::options();
  if (given.contains("num_threads")) options.num_threads.store(given["num_threads"].cast<int>());
  if (given.contains("pool_limit")) {
    const auto limit = given["pool_limit"].cast<std::optional<std::size_t>>();
    options.pool_limit.store(limit.value_or(memory::kAutomatic));
  }
  if (given.contains("decay")) options.decay.store(given["decay"].cast<double>());
  if (given.contains("scrub")) options.scrub.store(scrub_of(given["scrub"].cast<std::string>()));
  if (given.contains("audit")) options.audit.store(given["audit"].cast<bool>());
}

py::dict system_info() {
  py::dict record;
  record["usable_cpus"] = os::usable_cpus();
  record["last_level_cache_bytes"] = os::last_level_cache_bytes();
  record["page_bytes"] = os::page_bytes();
  record["huge_page_bytes"] = os::huge_page_bytes();
  record["huge_page_policy"] = os::huge_page_policy();
  record["workers"] = team::workers();
  os::MemoryBudget budget;
  const bool known = os::read_memory_budget(&budget) == 0;
  record["available_bytes"] = known ? py::object(py::int_(budget.available_bytes)) : py::none();
  record["limit_bytes"] = known ? py::object(py::int_(budget.total_bytes)) : py::none();
  record["limit"] = known ? py::object(py::str(budget.source)) : py::none();
  return record;
}

}  // namespace

void register_runtime(py::module_& module) {
  module.def("stats", &stats);
  module.def("trim", &memory::trim, py::call_guard<py::gil_scoped_release>());
  module.def("get_options", &get_options);
  module.def("set_options", &set_options);
  module.def("system_info", &system_info);
  module.def("disable_own_memory", &disable_own_memory);
}

}  // namespace zerofill::python
