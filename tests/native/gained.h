// The counters, as differences.
#pragma once

#include <cstdint>

#include "base/counters.h"

namespace zerofill::test {

/// What each counter gained since this object was made.
class Gained {
 public:
  std::uint64_t misses() const { return now_.misses.value() - misses_; }
  std::uint64_t clean_hits() const { return now_.clean_hits.value() - clean_hits_; }
  std::uint64_t dirty_hits() const { return now_.dirty_hits.value() - dirty_hits_; }
  std::uint64_t zeroed() const { return now_.zeroed.value() - zeroed_; }
  std::uint64_t skipped() const { return now_.skipped.value() - skipped_; }
  std::uint64_t populated() const { return now_.populated.value() - populated_; }
  std::uint64_t scrubbed() const { return now_.scrubbed.value() - scrubbed_; }
  std::uint64_t returned() const { return now_.returned.value() - returned_; }
  std::uint64_t moved() const { return now_.moved.value() - moved_; }
  bool nothing() const {
    return misses() + zeroed() + skipped() + populated() + returned() + moved() == 0;
  }

 private:
  const Counters& now_ = counters();
  std::uint64_t misses_ = now_.misses.value();
  std::uint64_t clean_hits_ = now_.clean_hits.value();
  std::uint64_t dirty_hits_ = now_.dirty_hits.value();
  std::uint64_t zeroed_ = now_.zeroed.value();
  std::uint64_t skipped_ = now_.skipped.value();
  std::uint64_t populated_ = now_.populated.value();
  std::uint64_t scrubbed_ = now_.scrubbed.value();
  std::uint64_t returned_ = now_.returned.value();
  std::uint64_t moved_ = now_.moved.value();
};

}  // namespace zerofill::test
