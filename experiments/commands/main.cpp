#include <csignal>
#include <iostream>

#include "experiments/commands/commands.hpp"
#include "sim/base/cancel.hpp"

namespace {

/// The second signal kills: whoever asks twice does not want to wait for a clean point.
void request_stop(int number) {
    prefdyn::cancel_flag.store(true);
    std::signal(number, SIG_DFL);
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGXFSZ, SIG_IGN);  // a file too large is an error of the call that writes it
    for (const int number : {SIGINT, SIGTERM, SIGUSR1}) std::signal(number, request_stop);
    return prefdyn::run_command({argv + 1, argv + argc}, std::cout, std::cerr);
}
