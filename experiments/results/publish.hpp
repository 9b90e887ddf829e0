#pragma once
#include <functional>
#include <string>

namespace prefdyn {

/// The folder a file is to lie in and those above it. Throws InputError if one cannot be made.
void make_folder_of(const std::string& path);

/// What a file, or a folder's list of files, holds outlives a loss of power from now on, as far as
/// the system can say.
void force_to_disk(const std::string& path);

/// `write` makes PATH.partial and checks it; then it is renamed. Removed if anything throws.
void publish_file(const std::string& path,
                  const std::function<void(const std::string& partial)>& write);

}  // namespace prefdyn
