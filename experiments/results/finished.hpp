#pragma once
#include <string>

namespace prefdyn {

/// Whether there is a result file whose attribute `task` says this: the same call came to its end.
bool was_task(const std::string& path, const std::string& task);

}  // namespace prefdyn
