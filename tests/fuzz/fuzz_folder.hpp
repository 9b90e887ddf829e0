#pragma once
// What fuzz targets of files share: a folder in memory, and files that are well-formed but say odd
// things.

#include <fuzzer/FuzzedDataProvider.h>

#include <string>
#include <string_view>
#include <vector>

namespace prefdyn::fuzz {

/// PATH of a file `name` with this content, in a folder of this process in /dev/shm.
std::string file_with(const std::string& name, std::string_view content);
std::string folder();

/// An HDF5 file at `path` whose objects have some of these names, with types, ranks, extents,
/// storage, values, links and attributes as the data say. Every byte of it is written by libhdf5.
void write_hdf5(FuzzedDataProvider& data, const std::string& path,
                const std::vector<std::string>& names);

/// A safetensors file with tensors of these names; most are what the header says.
std::string safetensors(FuzzedDataProvider& data, const std::vector<std::string>& names);

}  // namespace prefdyn::fuzz
