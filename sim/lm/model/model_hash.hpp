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
    std::vector<File> files;  ///< config.json first, then the weight files by name, the adapter's
    std::string hash;         ///< of all of them

    /// How it was made, for a result file.
    std::string method;
};

/// Throws InputError if config or weights, of an adapter as well, are not what was written, where
/// this program wrote them.
void require_unchanged(const Checkpoint& checkpoint);
/// Of the adapter alone.
void require_unchanged(const Adapter& adapter);

/// Under this note weights carry the hash of the config they were written with.
inline constexpr const char* kConfigHash = "prefdyn_config_hash";

/// Of a config of a model or an adapter, but for the names of places in it.
std::string config_hash(const std::string& text, const std::string& place);

/// Throws InputError unless the config is the one that the weights were written with, or they do
/// not say.
void require_config(const std::string& config, std::span<const std::byte> weights,
                    const std::string& weights_path);

/// Throws like require_unchanged, and if the model has an adapter that was trained beside another
/// one.
ModelHash hash_model(const Checkpoint& checkpoint, const HashLimits& limits = {});

}  // namespace prefdyn::transformer
