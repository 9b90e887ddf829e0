#include "experiments/program/progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "experiments/program/phases.hpp"

namespace prefdyn {

using Clock = std::chrono::steady_clock;

namespace {

/// PREFDYN_PROGRESS=lines: for programs that call this one, a line `progress: LABEL DONE/TOTAL`
/// each time.
bool as_lines() {
    static const char* const text = std::getenv("PREFDYN_PROGRESS");
    return text && std::strcmp(text, "lines") == 0;
}

}  // namespace

Progress::Progress(std::string label, std::size_t total)
    : label_(std::move(label)),
      total_(total),
      visible_(as_lines() || isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
    if (Phases* const all = Phases::current()) all->finish(label_);
    clear();
}

void Progress::advance() {
    const std::size_t done = ++done_;
    if (!visible_) return;
#pragma omp critical(prefdyn_progress)
    draw(done);
}

void Progress::reach(std::size_t done) {
    done_ = done;
    if (visible_) draw(done);
}

void Progress::note(std::string text) {
    note_ = text.empty() ? "" : ", " + text;
    if (visible_) write(done_);
}

void Progress::clear() const {
    if (visible_ && !as_lines()) std::fputs("\r\x1b[K", stderr);
}

void Progress::draw(std::size_t done) {
    const auto now = Clock::now();
    if (now - last_ < std::chrono::milliseconds(200) && done < total_) return;
    last_ = now;
    write(done);
}

void Progress::write(std::size_t done) const {
    if (as_lines()) {
        std::fprintf(stderr, "progress: %s %zu/%zu\n", label_.c_str(), done, total_);
        return;
    }
    if (Phases* const all = Phases::current()) {
        const double part = static_cast<double>(done) / static_cast<double>(total_);
        if (const auto share = all->share(label_, part)) {
            std::fprintf(stderr, "\r\x1b[K%.0f %%, %.0f s left; %s %zu/%zu", 100.0 * *share,
                         all->seconds_left(*share), label_.c_str(), done, total_);
            std::fflush(stderr);
            return;
        }
    }
    const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
    std::fprintf(stderr, "\r\x1b[K%s %zu/%zu%s", label_.c_str(), done, total_, note_.c_str());
    if (done > 0)
        std::fprintf(stderr, ", %.0f s left",
                     elapsed / static_cast<double>(done) * static_cast<double>(total_ - done));
    std::fflush(stderr);
}

}  // namespace prefdyn
