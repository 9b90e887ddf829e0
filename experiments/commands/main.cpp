#include <iostream>

#include "experiments/commands/commands.hpp"
#include "experiments/program/cores.hpp"
#include "experiments/program/guard.hpp"
#include "sim/base/freed_memory.hpp"

int main(int argc, char** argv) {
    prefdyn::prepare_threads(argv);
    prefdyn::keep_freed_memory();
    prefdyn::take_signals();
    return prefdyn::leave("prefdyn",
                          prefdyn::run_command({argv + 1, argv + argc}, std::cout, std::cerr));
}
