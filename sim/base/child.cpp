#include "sim/base/child.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>

#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

/// What the child says first of how its work failed. Exit codes say nothing: a library may end it
/// with any.
enum Failed : char { kInput = 'i', kMachine = 'm', kMemory = 'o' };

/// Both ends of a pipe, closed with it.
struct Pipe {
    int ends[2] = {-1, -1};
    Pipe() {
        if (::pipe(ends) != 0)
            throw MachineError(std::string("no pipe can be made: ") + std::strerror(errno));
    }
    ~Pipe() {
        close_end(0);
        close_end(1);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    void close_end(int k) {
        if (ends[k] >= 0) ::close(ends[k]);
        ends[k] = -1;
    }
};

#ifdef __SANITIZE_ADDRESS__  // which reserves more than any limit
constexpr bool kBoundsAddresses = false;
#else
constexpr bool kBoundsAddresses = true;
#endif

std::size_t address_space() {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void set_limit(__rlimit_resource what, std::size_t value) {
    rlimit limit{};
    getrlimit(what, &limit);
    limit.rlim_cur = std::min<rlim_t>(value, limit.rlim_max);
    setrlimit(what, &limit);
}

/// Signals are the parent's business; a crash leaves nothing behind.
void become_child(const ChildLimits& limits) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGPIPE})
        signal(number, SIG_DFL);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1}) signal(number, SIG_IGN);
    set_limit(RLIMIT_CORE, 0);
    set_limit(RLIMIT_CPU, static_cast<std::size_t>(std::ceil(limits.seconds)));
    if (kBoundsAddresses) set_limit(RLIMIT_AS, address_space() + limits.bytes);
}

/// The child's exit code. What was thrown goes to `errors`: its kind, the message, a zero, the
/// hint.
template <class Work>
int ending_of(Channel errors, Work work) {
    const auto say = [&](const Failure& failure, Failed kind) {
        constexpr std::size_t kMost = 8000;  // fits into the pipe
        std::string text(1, kind);
        text.append(failure.what(), 0, kMost).append(1, '\0').append(failure.hint(), 0, kMost);
        errors.write(text.data(), text.size());
        return EXIT_FAILURE;
    };
    try {
        work();
        return EXIT_SUCCESS;
    } catch (const InputError& error) {
        return say(error, kInput);
    } catch (const Failure& error) {
        return say(error, kMachine);
    } catch (const std::bad_alloc&) {
        const char kind = kMemory;
        errors.write(&kind, 1);
        return EXIT_FAILURE;
    } catch (const std::exception& error) {
        return say(InputError(error.what()), kInput);
    }
}

/// Everything that comes until the other end is closed.
std::string rest_of(int file) {
    std::string out;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(file, buffer, sizeof buffer)) != 0;) {
        if (got < 0 && errno != EINTR) break;
        if (got > 0) out.append(buffer, static_cast<std::size_t>(got));
    }
    return out;
}

[[noreturn]] void throw_ending(const std::string& path, const ChildLimits& limits, int status,
                               const std::string& said) {
    const char kind = said.empty() ? '\0' : said.front();
    const std::string text = said.substr(said.empty() ? 0 : 1),
                      what = text.substr(0, text.find('\0')),
                      hint = text.substr(std::min(text.size(), what.size() + 1));
    if (kind == kInput) throw InputError(what, hint);
    if (kind == kMachine) throw MachineError(what, hint);
    if (kind == kMemory)
        throw InputError(path + ": reading it takes more than " +
                             std::to_string(limits.bytes >> 20) + " MiB of memory",
                         "--read-limit raises the limit");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        throw InputError(path + ": reading it takes more than " + std::to_string(limits.seconds) +
                             " s of processor time",
                         "the file is damaged, or made to take long");
    throw InputError(
        path + ": reading it ended the library that reads it" +
            (WIFSIGNALED(status) ? std::string(" (") + strsignal(WTERMSIG(status)) + ")"
                                 : std::string()),
        "the file is damaged, or made to do this");
}

}  // namespace

void Channel::write(const void* bytes, std::size_t count) {
    for (const char* from = static_cast<const char*>(bytes); count > 0;) {
        const ssize_t done = ::write(file_, from, count);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) throw ChannelEnded();
        from += done;
        count -= static_cast<std::size_t>(done);
    }
}

void Channel::read(void* bytes, std::size_t count) {
    for (char* to = static_cast<char*>(bytes); count > 0;) {
        const ssize_t done = ::read(file_, to, count);
        stop_if_requested();
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) throw ChannelEnded();
        to += done;
        count -= static_cast<std::size_t>(done);
    }
}

void in_child(const std::string& path, const ChildLimits& limits,
              const std::function<void(Channel&)>& work,
              const std::function<void(Channel&)>& take) {
    Pipe results, errors;
    const pid_t child = ::fork();
    if (child < 0)
        throw MachineError(path +
                           ": no process to read it can be started: " + std::strerror(errno));
    if (child == 0) {
        become_child(limits);
        Channel out(results.ends[1]);
        _exit(ending_of(Channel(errors.ends[1]), [&] { work(out); }));
    }
    results.close_end(1);
    errors.close_end(1);
    Channel in(results.ends[0]);
    bool complete = false;
    std::exception_ptr failure;
    try {
        take(in);
        complete = true;
    } catch (const ChannelEnded&) {
    } catch (...) {
        failure = std::current_exception();
        ::kill(child, SIGKILL);
    }
    results.close_end(0);
    const std::string said = rest_of(errors.ends[0]);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (failure) std::rethrow_exception(failure);
    if (!complete || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
        throw_ending(path, limits, status, said);
}

}  // namespace prefdyn
