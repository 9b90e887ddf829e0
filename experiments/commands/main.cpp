#include <iostream>

#include "experiments/commands/commands.hpp"
#include "experiments/program/guard.hpp"

int main(int argc, char** argv) {
    prefdyn::take_signals();
    return prefdyn::leave("prefdyn",
                          prefdyn::run_command({argv + 1, argv + argc}, std::cout, std::cerr));
}
