#include "python/call_sites.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/immortal.h"
#include "python/gil.h"
#include "python/memory_samples.h"
#include "python/reference.h"

namespace py = pybind11;

namespace zerofill::python {
namespace {

/// A place in a code object: the offset of its instruction.
using Place = std::pair<PyCodeObject*, int>;

struct HashOfPlace {
  std::size_t operator()(const Place& place) const noexcept {
    return std::hash<PyCodeObject*>()(place.first) * 31 + static_cast<std::size_t>(place.second);
  }
};

struct Site {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  Clock::duration took{0};

  void add(std::uint64_t more_bytes, Clock::duration time) noexcept {
    ++count;
    bytes += more_bytes;
    took += time;
  }
};

struct Sites {
  Sites() noexcept = default;

  std::mutex mutex;  ///< guards all below; no Python code runs while it is held
  std::unordered_map<Place, Site, HashOfPlace> by_place;
  Site unknown;  ///< what was made without the GIL, or by no line that is known
  Clock::duration populating{0};
  Clock::duration freeing{0};
};

Immortal<Sites> sites;

/// What is known of code objects. Its keys are kept alive, or another code object could get the
/// address of one.
struct Codes {
  std::mutex mutex;  ///< guards all below; no Python code runs while it is held
  std::unordered_map<PyCodeObject*, bool> skipped;
  std::vector<std::string> skipped_files;  ///< how their names begin
};

Immortal<Codes> codes;

/// `skipped_files` does not change while other threads record.
bool is_in_skipped_file(PyCodeObject* code) {
  const Reference file(PyObject_GetAttrString(reinterpret_cast<PyObject*>(code), "co_filename"));
  const char* name = file ? PyUnicode_AsUTF8(file.get()) : nullptr;
  if (name == nullptr) {
    PyErr_Clear();
    return false;
  }
  const std::string_view all(name);
  return std::any_of(
      codes->skipped_files.begin(), codes->skipped_files.end(),
      [&](const std::string& start) { return all.substr(0, start.size()) == start; });
}

enum class Found { shown, skipped, unknown };

/// What to do with the lines of a code object; unknown where there are too many of them, as in a
/// program that compiles code in a loop.
Found classify(PyCodeObject* code) {
  constexpr std::size_t kMost = 20000;
  {
    const std::lock_guard<std::mutex> lock(codes->mutex);
    const auto known = codes->skipped.find(code);
    if (known != codes->skipped.end()) return known->second ? Found::skipped : Found::shown;
    if (codes->skipped.size() >= kMost) return Found::unknown;
  }
  const bool skipped = is_in_skipped_file(code);
  const std::lock_guard<std::mutex> lock(codes->mutex);
  if (codes->skipped.emplace(code, skipped).second) Py_INCREF(code);
  return skipped ? Found::skipped : Found::shown;
}

int line_of(const Place& place) noexcept { return PyCode_Addr2Line(place.first, place.second); }

Place place_of(const Reference& frame) {
  auto* at = reinterpret_cast<PyFrameObject*>(frame.get());
  PyCodeObject* code = PyFrame_GetCode(at);
  Py_DECREF(code);  // the frame keeps it alive
  return {code, PyFrame_GetLasti(at)};
}

Reference caller_of(const Reference& frame) {
  auto* caller = PyFrame_GetBack(reinterpret_cast<PyFrameObject*>(frame.get()));
  return Reference(reinterpret_cast<PyObject*>(caller));
}

/// The place that is looked for from a frame on; no code object where there is none.
Place first_shown(Reference frame) {
  const ErrorAside aside;
  for (; frame; frame = caller_of(frame)) {
    const Place place = place_of(frame);
    const Found found = classify(place.first);
    if (found == Found::shown) return place;
    if (found == Found::unknown) break;
  }
  return {nullptr, 0};
}

bool add_to_known(const Place& place, std::size_t bytes, Clock::duration took) {
  const std::lock_guard<std::mutex> lock(sites->mutex);
  const auto known = sites->by_place.find(place);
  if (known == sites->by_place.end()) return false;
  known->second.add(bytes, took);
  return true;
}

void add(const Place& place, std::size_t bytes, Clock::duration took) {
  const std::lock_guard<std::mutex> lock(sites->mutex);
  Site& site = place.first != nullptr ? sites->by_place[place] : sites->unknown;
  site.add(bytes, took);
}

/// pre: the GIL is held.
void add_to_running_line(std::size_t bytes, Clock::duration took) {
  Reference frame(reinterpret_cast<PyObject*>(PyThreadState_GetFrame(PyThreadState_Get())));
  // No skipped place is known, so what the innermost frame runs is mostly found at once.
  if (frame && add_to_known(place_of(frame), bytes, took)) return;
  add(first_shown(std::move(frame)), bytes, took);
}

// For Python ----------

double seconds(Clock::duration time) noexcept {
  return std::chrono::duration<double>(time).count();
}

using Row = std::tuple<py::object, int, py::object, std::uint64_t, std::uint64_t, double>;

Row row_of(const Place& place, const Site& site) {
  const double took = seconds(site.took);
  if (place.first == nullptr) return {py::none(), 0, py::none(), site.count, site.bytes, took};
  const auto code = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(place.first));
  return {
      code.attr("co_filename"), line_of(place), code.attr("co_name"), site.count, site.bytes, took};
}

py::dict call_sites() {
  std::vector<std::pair<Place, Site>> found;
  Clock::duration populating, freeing;
  {
    const std::lock_guard<std::mutex> lock(sites->mutex);
    found.assign(sites->by_place.begin(), sites->by_place.end());
    if (sites->unknown.count != 0) found.emplace_back(Place{nullptr, 0}, sites->unknown);
    populating = sites->populating;
    freeing = sites->freeing;
  }
  py::list rows;
  for (const auto& [place, site] : found) rows.append(row_of(place, site));
  py::dict record;
  record["sites"] = rows;
  record["populating_seconds"] = seconds(populating);
  record["freeing_seconds"] = seconds(freeing);
  if (least_recorded_bytes.load() != SIZE_MAX) memory_samples->take_before_event(Clock::now());
  memory_samples->describe(&record);
  return record;
}

void start_recording(std::size_t least_bytes, std::vector<std::string> skipped_files) {
  {
    const std::lock_guard<std::mutex> lock(codes->mutex);
    codes->skipped_files = std::move(skipped_files);
    codes->skipped.clear();
  }
  memory_samples->clear();
  const std::lock_guard<std::mutex> lock(sites->mutex);
  sites->by_place.clear();
  sites->unknown = {};
  sites->populating = {};
  sites->freeing = {};
  least_recorded_bytes.store(least_bytes);
}

/// Threads of the parent may hold the mutexes, and they are not here.
void forget_in_child() {
  remake_in_child(&codes->mutex);
  remake_in_child(&sites->mutex);
  memory_samples->remake_in_child();
}

void stop_recording() { least_recorded_bytes.store(SIZE_MAX); }

}  // namespace

void record_made(std::size_t bytes, Clock::time_point start, bool populated) noexcept {
  const Clock::time_point end = Clock::now();
  const Clock::duration took = end - start;
  try {
    holds_gil() ? add_to_running_line(bytes, took) : add({nullptr, 0}, bytes, took);
    memory_samples->take_after_event(end);
  } catch (const std::bad_alloc&) {
    return;  // the profile does not show this array
  }
  if (!populated) return;
  const std::lock_guard<std::mutex> lock(sites->mutex);
  sites->populating += took;
}

void record_freed(Clock::time_point start) noexcept {
  const Clock::time_point end = Clock::now();
  try {
    memory_samples->take_after_event(end);
  } catch (const std::bad_alloc&) {
    return;
  }
  const std::lock_guard<std::mutex> lock(sites->mutex);
  sites->freeing += end - start;
}

void register_call_sites(py::module_& module) {
  module.def("start_recording_call_sites", &start_recording);
  module.def("stop_recording_call_sites", &stop_recording);
  module.def("forget_call_sites_in_child", &forget_in_child);
  module.def("call_sites", &call_sites);
}

}  // namespace zerofill::python
