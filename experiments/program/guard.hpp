#pragma once
// What every program does around its work.

#include <functional>
#include <iosfwd>
#include <string>

namespace prefdyn {

/// SIGINT, SIGTERM and SIGUSR1 ask for a stop, the second of them kills; a file that grows too
/// large is an error of the call that writes it. A library that ends the program (OpenMP where no
/// thread can be started, an exception nobody catches) ends it with 3, and so does a mapped file
/// that somebody cuts off.
void take_signals();

/// What main returns, after the last word about standard output: 3 instead of 0 if that did not
/// take everything.
int leave(const std::string& program, int code);

/// 3 instead of 0 if `out` did not take everything, which `err` is told after the program's name.
int checked_output(const std::string& program, std::ostream& out, std::ostream& err, int code);

/// The text as a terminal takes it: control characters escaped, long lines cut in the middle.
std::string printable(const std::string& text);

/// Runs `work`, which returns the exit code. Failures are said to `err` after the program's name: 2
/// bad input, 3 the machine failed, 130 interrupted.
int guarded(const std::string& program, std::ostream& err, const std::function<int()>& work);

}  // namespace prefdyn
