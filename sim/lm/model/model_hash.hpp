#pragma once
// Which weights made an embedding: a hash of config.json and of every file with weights.

#include <string>
#include <vector>

#include "sim/lm/model/checkpoint.hpp"

namespace prefdyn::transformer {

/// A file of at most `whole` bytes is hashed whole. Of a larger one: its size, the safetensors
/// header, and `blocks` blocks of `block` bytes, the first behind the header, the last at the end,
/// the others evenly between.
struct HashLimits {
    std::size_t whole = std::size_t{1} << 28, blocks = 64, block = std::size_t{1} << 20;
};

struct ModelHash {
    struct File {
        std::string name, hash;
        std::size_t bytes = 0;
        bool sampled = false;
    };
    std::vector<File> files;  ///< config.json first, then the weight files by name
    std::string hash;         ///< of all of them

    /// How it was made, for a result file.
    std::string method;
};

ModelHash hash_model(const Checkpoint& checkpoint, const HashLimits& limits = {});

}  // namespace prefdyn::transformer
