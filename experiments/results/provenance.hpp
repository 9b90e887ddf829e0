#pragma once
#include <string>
#include <utility>
#include <vector>

namespace prefdyn {

/// Key and value pairs: version, commit, compiler and flags, libraries, host, threads, date.
std::vector<std::pair<std::string, std::string>> provenance();

}  // namespace prefdyn
