#pragma once
// What every program does around its work.

#include <functional>
#include <iosfwd>
#include <string>

namespace prefdyn {

/// SIGINT, SIGTERM and SIGUSR1 ask for a stop, the second of them kills; a file that grows too
/// large is an error of the call that writes it.
void take_signals();

/// Runs `work`, which returns the exit code. Failures are said to `err` after the program's name: 2
/// bad input, 3 the machine failed, 130 interrupted.
int guarded(const std::string& program, std::ostream& err, const std::function<int()>& work);

}  // namespace prefdyn
