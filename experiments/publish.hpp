#pragma once
#include <functional>
#include <string>

namespace prefdyn {

/// `write` makes PATH.partial and checks it; then it is renamed. Removed if anything throws.
void publish_file(const std::string& path,
                  const std::function<void(const std::string& partial)>& write);

}  // namespace prefdyn
