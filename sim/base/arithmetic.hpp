#pragma once
#include <string>

namespace prefdyn {

/// Which bits this machine's mathematical library gives: a short hash of its functions' values on
/// fixed arguments. Libraries choose instructions by the processor, and their last bits differ.
const std::string& arithmetic_mark();

}  // namespace prefdyn
