#pragma once
// Prompts whose token ids were made elsewhere, in HDF5 (docs/tokens.md):
//   /vocabulary  one integer: ids are 0 .. vocabulary - 1
//   /response    2 integers: the tokens of the first (Yes, label +1) and the second answer
//   and in a group a behaviour, or all three at the root, the behaviour then named after the file:
//   ids          T integers: the prompts one behind the other, with everything the model reads
//   offsets      n + 1 integers from 0 to T, rising: prompt i is ids[offsets[i]] .. ids[offsets[i +
//   1] - 1] label        n integers, +1 or -1: +1 where the first answer is chosen

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/lm/text/tokenizer/bpe.hpp"

namespace prefdyn::text {

struct TokenBehaviour {
    std::string name;
    std::vector<std::vector<Token>> prompts;
    std::vector<std::int8_t> label;
};

struct TokenFile {
    Token vocabulary = 0;
    std::array<Token, 2> response{};
    std::vector<TokenBehaviour> behaviours;  ///< sorted by name
    std::string hash;                        ///< of everything above
};

/// Throws InputError with file, dataset, index, value and range.
TokenFile read_token_file(const std::string& path);

}  // namespace prefdyn::text
