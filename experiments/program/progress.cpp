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
    if (visible_ && !as_lines()) std::fputs("\r\x1b[K", stderr);
}

void Progress::advance() {
    const std::size_t done = ++done_;
    if (!visible_) return;
#pragma omp critical(prefdyn_progress)
    draw(done);
}

void Progress::draw(std::size_t done) {
    const auto now = Clock::now();
    if (now - last_ < std::chrono::milliseconds(200) && done < total_) return;
    last_ = now;
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
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    const double left = elapsed / static_cast<double>(done) * static_cast<double>(total_ - done);
    std::fprintf(stderr, "\r\x1b[K%s %zu/%zu, %.0f s left", label_.c_str(), done, total_, left);
    std::fflush(stderr);
}

}  // namespace prefdyn
