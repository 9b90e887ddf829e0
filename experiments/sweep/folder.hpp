#pragma once
// The folder of a sweep: spec.ini, the sweep in its canonical form with its hash, and
// segments/*.h5.

#include <functional>
#include <string>
#include <vector>

#include "experiments/sweep/origins.hpp"
#include "experiments/sweep/segment.hpp"

namespace prefdyn::sweep {

/// The segment files of a folder, sorted, and what else lies among them.
struct Segments {
    std::vector<std::string> files;
    std::vector<std::string> foreign;  ///< neither a segment nor an unfinished one
    std::size_t unfinished = 0;        ///< left by workers that died while writing
};

/// Makes the folder for this sweep. Throws InputError with the lines that differ if it holds
/// another one.
void prepare_folder(const std::string& folder, const Spec& spec);

/// The sweep that `folder` holds.
Spec spec_of_folder(const std::string& folder);

Segments find_segments(const std::string& folder);

/// Path of a segment that nobody else writes: no other worker on any host, no later call.
std::string new_segment(const std::string& folder, std::size_t shard);

/// Which points are finished, (size); `damaged` lists the files that cannot be read, with reasons,
/// `origins` who wrote the others. `take` is given each finished point once.
std::vector<char> finished_points(const std::string& folder, const Spec& spec,
                                  std::vector<std::string>& damaged, Origins& origins,
                                  const std::function<void(const PointRecord&)>& take);

}  // namespace prefdyn::sweep
