// team/: every chunk once, on as many threads as asked, whoever else calls, unless a poll stops it.
#include "team/team.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "check.h"
#include "os/threads.h"

namespace {

using namespace zerofill;
using Clock = std::chrono::steady_clock;

constexpr team::Poll kNoPoll{};

void workers_start_when_a_loop_wants_them() {
  auto body = [](std::size_t) {};
  CHECK(team::workers() == 0);
  CHECK(team::parallel_for(100, 1, kNoPoll, body));
  CHECK(team::workers() == 0);
  CHECK(team::parallel_for(1, 8, kNoPoll, body));
  CHECK(team::workers() == 0);
  CHECK(team::parallel_for(100, 3, kNoPoll, body));
  CHECK(team::workers() == 2);
}

void each_chunk_runs_once(std::size_t chunks, int threads) {
  std::vector<std::atomic<int>> runs(chunks);
  auto body = [&](std::size_t chunk) { runs[chunk].fetch_add(1); };
  CHECK(team::parallel_for(chunks, threads, kNoPoll, body));
  CHECK(std::all_of(runs.begin(), runs.end(), [](const auto& count) { return count == 1; }));
}

void each_chunk_runs_once_on_any_number_of_threads() {
  for (int threads = 1; threads <= 8; ++threads) {
    for (std::size_t chunks : {0, 1, 7, 10000}) each_chunk_runs_once(chunks, threads);
  }
}

void the_results_of_workers_are_seen() {
  // Plain integers: what the workers wrote must be ordered before the return, or this is a race.
  std::vector<int> written(10000);
  auto body = [&](std::size_t chunk) { written[chunk] = 1; };
  CHECK(team::parallel_for(written.size(), 8, kNoPoll, body));
  CHECK(std::count(written.begin(), written.end(), 1) == 10000);
}

/// Eight threads are there from the loops before; a loop for two must leave six parked.
void no_more_threads_than_asked() {
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  auto body = [&](std::size_t) {
    const int now = inside.fetch_add(1) + 1;
    if (now > most) most = now;  // not exact between threads, but never too high
    os::sleep_microseconds(100);
    inside.fetch_sub(1);
  };
  CHECK(team::parallel_for(200, 2, kNoPoll, body));
  CHECK(most <= 2);
}

void a_loop_within_a_loop_finishes() {
  std::atomic<int> runs{0};
  auto inner = [&](std::size_t) { runs.fetch_add(1); };
  auto outer = [&](std::size_t) { CHECK(team::parallel_for(10, 4, kNoPoll, inner)); };
  CHECK(team::parallel_for(100, 4, kNoPoll, outer));
  CHECK(runs == 1000);
}

void callers_do_not_get_into_each_others_way() {
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([] {
      for (int round = 0; round < 50; ++round) each_chunk_runs_once(100, 4);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

/// Counts how often it is asked, and by whom; says stop or not.
struct Question {
  bool answer;
  std::atomic<int> asked{0};
  std::thread::id caller = std::this_thread::get_id();

  bool is_caller() const { return std::this_thread::get_id() == caller; }
  static bool ask(void* context) {
    auto* question = static_cast<Question*>(context);
    CHECK(question->is_caller());
    ++question->asked;
    return question->answer;
  }
  team::Poll poll() { return {ask, this}; }
};

/// A loop of 1 ms chunks that counts what its workers do.
struct Watched {
  std::atomic<int> inside{0};         ///< workers in a chunk now
  std::atomic<int> worker_chunks{0};  ///< begun by workers
  Question question{false};

  void operator()(std::size_t) {
    const int worker = question.is_caller() ? 0 : 1;
    inside += worker;
    worker_chunks += worker;
    os::sleep_microseconds(1000);
    inside -= worker;
  }

  /// Returns once a worker has begun a chunk, and never if none does.
  void wait_for_a_worker() const {
    const int seen = worker_chunks;
    while (worker_chunks == seen) os::sleep_microseconds(100);
  }
};

void a_poll_that_says_stop_stops(int threads) {
  std::atomic<int> runs{0};
  auto body = [&](std::size_t) {
    os::sleep_microseconds(1000);
    runs.fetch_add(1);
  };
  Question question{true};
  CHECK(!team::parallel_for(100000, threads, question.poll(), body));
  const int runs_at_return = runs;
  CHECK(question.asked == 1);
  CHECK(runs_at_return < 100000);
  os::sleep_microseconds(10000);
  CHECK(runs == runs_at_return);
}

void a_poll_that_does_not_is_asked_every_20_ms_at_most() {
  std::atomic<int> runs{0};
  auto body = [&](std::size_t) {
    os::sleep_microseconds(1000);
    runs.fetch_add(1);
  };
  Question question{false};
  const auto start = Clock::now();
  CHECK(team::parallel_for(200, 2, question.poll(), body));
  const auto lasted = Clock::now() - start;
  CHECK(runs == 200);
  CHECK(question.asked >= 1);
  CHECK(question.asked.load() * std::chrono::milliseconds(20) <= lasted);
}

void no_worker_is_in_the_loop_while_its_poll_is_asked() {
  Watched body;
  const auto ask = [](void* context) {
    auto* watched = static_cast<Watched*>(context);
    const int begun = watched->worker_chunks;
    for (int i = 0; i < 10; ++i) {
      CHECK(watched->inside == 0);
      os::sleep_microseconds(1000);
    }
    CHECK(watched->worker_chunks == begun);
    return Question::ask(&watched->question);
  };
  CHECK(team::parallel_for(200, 4, {ask, &body}, body));
  CHECK(body.question.asked > 0);
}

void the_workers_go_on_until_the_poll_is_asked() {
  Watched body;
  body.question.answer = true;
  const auto ask = [](void* context) {
    return Question::ask(&static_cast<Watched*>(context)->question);
  };
  const auto prepare = [](void* context) { static_cast<Watched*>(context)->wait_for_a_worker(); };
  CHECK(!team::parallel_for(100000, 4, {ask, &body, prepare}, body));
  CHECK(body.question.asked == 1);
}

void the_workers_come_back_after_a_poll() {
  Watched watched;
  auto body = [&](std::size_t chunk) {
    watched(chunk);
    if (watched.question.asked != 1 || !watched.question.is_caller()) return;
    watched.wait_for_a_worker();
    watched.question.answer = true;  // to the next poll
  };
  CHECK(!team::parallel_for(100000, 2, watched.question.poll(), body));
  CHECK(watched.question.asked >= 2);
}

void a_poll_may_run_a_loop_that_gets_the_workers() {
  auto body = [](std::size_t) { os::sleep_microseconds(1000); };
  const auto run_another = [](void*) {
    Watched inner;
    auto inner_body = [&](std::size_t chunk) {
      inner(chunk);
      if (inner.question.is_caller() && inner.worker_chunks == 0) inner.wait_for_a_worker();
    };
    CHECK(team::parallel_for(100, 2, kNoPoll, inner_body));
    return true;
  };
  CHECK(!team::parallel_for(100000, 2, {run_another, nullptr}, body));
}

/// Another thread's loop, which has the workers until it is destroyed.
class Rival {
 public:
  Rival()
      : thread_([this] {
          auto body = [this](std::size_t) {
            has_started_ = true;
            while (!is_over_) os::sleep_microseconds(100);
          };
          CHECK(team::parallel_for(2, 2, kNoPoll, body));
        }) {
    while (!has_started_) os::sleep_microseconds(100);
  }
  ~Rival() {
    is_over_ = true;
    thread_.join();
  }
  Rival(const Rival&) = delete;
  Rival& operator=(const Rival&) = delete;

 private:
  std::atomic<bool> has_started_{false};
  std::atomic<bool> is_over_{false};
  std::thread thread_;  // the last one, because it uses the others
};

void a_loop_whose_workers_are_gone_after_a_poll_is_finished() {
  std::vector<std::atomic<int>> runs(100);
  auto body = [&](std::size_t chunk) {
    os::sleep_microseconds(1000);
    runs[chunk].fetch_add(1);
  };
  std::optional<Rival> rival;
  const auto let_the_rival_in = [](void* context) {
    auto* made = static_cast<std::optional<Rival>*>(context);
    if (!made->has_value()) made->emplace();
    return false;
  };
  CHECK(team::parallel_for(runs.size(), 2, {let_the_rival_in, &rival}, body));
  CHECK(rival.has_value());
  CHECK(std::all_of(runs.begin(), runs.end(), [](const auto& count) { return count == 1; }));
}

void the_team_works_on_after_a_stop() {
  a_poll_that_says_stop_stops(8);
  each_chunk_runs_once(10000, 8);
}

}  // namespace

int main() {
  workers_start_when_a_loop_wants_them();
  each_chunk_runs_once_on_any_number_of_threads();
  the_results_of_workers_are_seen();
  no_more_threads_than_asked();
  a_loop_within_a_loop_finishes();
  callers_do_not_get_into_each_others_way();
  a_poll_that_says_stop_stops(1);
  a_poll_that_does_not_is_asked_every_20_ms_at_most();
  no_worker_is_in_the_loop_while_its_poll_is_asked();
  the_workers_go_on_until_the_poll_is_asked();
  the_workers_come_back_after_a_poll();
  a_poll_may_run_a_loop_that_gets_the_workers();
  a_loop_whose_workers_are_gone_after_a_poll_is_finished();
  the_team_works_on_after_a_stop();
}
