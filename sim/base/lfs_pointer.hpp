#pragma once
#include <string>

namespace prefdyn {

/// Throws InputError if the file is what git-lfs leaves in the place of one it has not fetched.
void refuse_pointer(const std::string& path);

}  // namespace prefdyn
