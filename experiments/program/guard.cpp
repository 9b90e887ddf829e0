#include "experiments/program/guard.hpp"

#include <csignal>
#include <new>
#include <ostream>

#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

/// The second signal kills: whoever asks twice does not want to wait for a clean point.
void request_stop(int number) {
    cancel_flag.store(true);
    std::signal(number, SIG_DFL);
}

/// Says what failed; returns `code`.
int report(const std::string& program, std::ostream& err, const Failure& failure, int code) {
    err << program << ": " << failure.what() << "\n";
    if (!failure.hint().empty()) err << "hint: " << failure.hint() << "\n";
    return code;
}

}  // namespace

void take_signals() {
    std::signal(SIGXFSZ, SIG_IGN);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1}) std::signal(number, request_stop);
}

int guarded(const std::string& program, std::ostream& err, const std::function<int()>& work) {
    try {
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
    } catch (const std::exception& error) {
        err << program << ": failed: " << error.what() << "\n";
        return 3;
    }
}

}  // namespace prefdyn
