#include "experiments/program/guard.hpp"

#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <system_error>

#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/model/mapped_file.hpp"

namespace prefdyn {

namespace {

/// The second signal kills: whoever asks twice does not want to wait for a clean point.
void request_stop(int number) {
    cancel_flag.store(true);
    std::signal(number, SIG_DFL);
}

/// Says what failed; returns `code`.
int report(const std::string& program, std::ostream& err, const Failure& failure, int code) {
    err << program << ": " << printable(failure.what()) << "\n";
    if (!failure.hint().empty()) err << "hint: " << printable(failure.hint()) << "\n";
    return code;
}

std::atomic<bool> leaves_by_itself{false};

void end_with_3(const char* why) {
    std::fflush(nullptr);
    std::fprintf(stderr, "prefdyn: %s\n", why);
    std::_Exit(3);
}

void at_exit() {
    if (!leaves_by_itself) end_with_3("a library ended the program, see above");
}

void say(const char* text) {
    if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

/// A fault in a mapped file is somebody else's; any other is handled as if this were not here.
void at_bus_error(int number, siginfo_t* info, void*) {
    const char* path = transformer::MappedFile::file_at(info->si_addr);
    if (!path) {
        raise(number);
        return;
    }
    say("prefdyn: ");
    say(path);
    say(": was cut off or could not be read while it was in use\n"
        "hint: let nobody write to a model in use; the same call goes on from what is saved\n");
    _exit(3);
}

void at_terminate() {
    try {
        if (const auto failure = std::current_exception()) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        end_with_3(error.what());
    } catch (...) {
    }
    end_with_3("ended without a reason given");
}

/// As many as --threads takes.
void require_threads() {
    constexpr int kMost = 4096;
    const int threads = omp_get_max_threads();
    const char* text = std::getenv("OMP_NUM_THREADS");
    if (text && (threads < 1 || threads > kMost))
        throw InputError("OMP_NUM_THREADS: '" + std::string(text) +
                             "' is no number of threads in [1, " + std::to_string(kMost) + "]",
                         "unset it to take all cores");
}

}  // namespace

void take_signals() {
    std::atexit(at_exit);
    std::set_terminate(at_terminate);
    struct sigaction action {};
    action.sa_sigaction = at_bus_error;
    action.sa_flags = SA_SIGINFO | SA_RESETHAND;
    sigaction(SIGBUS, &action, nullptr);
    std::signal(SIGXFSZ, SIG_IGN);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1}) std::signal(number, request_stop);
}

std::string printable(const std::string& text) {
    constexpr std::size_t kLongest = 1000, kShown = 400;
    std::string out;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, end - at);
        if (line.size() > kLongest)
            line = line.substr(0, kShown) + " ... (" + std::to_string(line.size() - 2 * kShown) +
                   " more bytes) ... " + line.substr(line.size() - kShown);
        for (const char c : line) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte >= 0x20 && byte != 0x7f) {
                out += c;
                continue;
            }
            constexpr const char* kDigits = "0123456789abcdef";
            out += {'\\', 'x', kDigits[byte / 16], kDigits[byte % 16]};
        }
        if (end < text.size()) out += '\n';
        at = end + 1;
    }
    return out;
}

int leave(const std::string& program, int code) {
    leaves_by_itself = true;
    code = checked_output(program, std::cout, std::cerr, code);
    if (::close(STDOUT_FILENO) == 0 || code != 0) return code;
    std::cerr << program << ": standard output cannot be closed\n";
    return 3;
}

int checked_output(const std::string& program, std::ostream& out, std::ostream& err, int code) {
    if (out.flush() || code != 0) return code;
    err << program << ": standard output did not take everything that was said\n"
        << "hint: is its disk full?\n";
    return 3;
}

int guarded(const std::string& program, std::ostream& err, const std::function<int()>& work) {
    try {
        require_threads();
        return work();
    } catch (const InputError& error) {
        return report(program, err, error, 2);
    } catch (const MachineError& error) {
        return report(program, err, error, 3);
    } catch (const std::bad_alloc&) {
        return report(program, err,
                      MachineError("out of memory", "lower samples, dimension or vocabulary"), 3);
    } catch (const Interrupted&) {
        err << program << ": interrupted, nothing written\n";
        return 130;
    } catch (const std::system_error& error) {
        return report(program, err,
                      MachineError(std::string("the system refused: ") + error.what(),
                                   "fewer --threads may do"),
                      3);
    } catch (const std::exception& error) {
        err << program << ": failed: " << printable(error.what()) << "\n";
        return 3;
    }
}

}  // namespace prefdyn
