#pragma once
#include <functional>
#include <string>

namespace prefdyn {

/// The folder a file is to lie in and those above it. Throws InputError if one cannot be made.
void make_folder_of(const std::string& path);

/// PATH.WHO.partial, where WHO is this host, process and call: nobody else writes it.
std::string partial_name(const std::string& path);

/// `write` makes the file named after PATH that nobody else writes and checks it; then it is forced
/// to the disk and renamed, and the folder is forced to the disk. Of two processes that publish
/// under one name the last wins whole. The unfinished file is removed if anything throws; those
/// that processes of this host left when they died are removed too.
void publish_file(const std::string& path,
                  const std::function<void(const std::string& partial)>& write);

}  // namespace prefdyn
