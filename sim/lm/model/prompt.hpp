#pragma once
#include "sim/lm/model/tensor.hpp"

namespace prefdyn::transformer {

/// Tokens [first, first + length) of a batch are one prompt, in order.
struct Prompt {
    Index first = 0, length = 0;
};

}  // namespace prefdyn::transformer
