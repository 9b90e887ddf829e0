#include "experiments/program/progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

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
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    const double left = elapsed / static_cast<double>(done) * static_cast<double>(total_ - done);
    std::fprintf(stderr, "\r\x1b[K%s %zu/%zu, %.0f s left", label_.c_str(), done, total_, left);
    std::fflush(stderr);
}

}  // namespace prefdyn
