#include "experiments/results/finished.hpp"

#include <filesystem>

#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"

namespace prefdyn {

bool was_task(const std::string& path, const std::string& task) {
    if (!std::filesystem::is_regular_file(path)) return false;
    try {
        return h5::Reader(path, h5::From::kOutside).text_attribute("task") == task;
    } catch (const InputError&) {
        return false;
    }
}

}  // namespace prefdyn
