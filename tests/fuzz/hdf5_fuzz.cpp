// Any bytes as an HDF5 file of features and of tokens, read in a child: whatever libhdf5 does, an
// InputError or what was asked for. A child that dies is no finding; this process must go on.
#include <cstdint>

#include "sim/base/failure.hpp"
#include "sim/data/feature_file.hpp"
#include "sim/lm/text/token_file.hpp"
#include "tests/fuzz/fuzz_folder.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    using namespace prefdyn;
    const std::string path =
        fuzz::file_with("any.h5", {reinterpret_cast<const char*>(bytes), size});
    try {
        read_features(path);
    } catch (const InputError&) {
    }
    try {
        text::read_token_file(path);
    } catch (const InputError&) {
    }
    return 0;
}
