#pragma once
#include <string>
#include <vector>

namespace prefdyn {

/// The name among `known` that is nearest to `word` in edit distance; empty if none is near at all.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

}  // namespace prefdyn
