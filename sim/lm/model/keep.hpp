#pragma once

namespace prefdyn::transformer {

/// What a forward pass keeps of its layers for the backward pass.
enum class Keep {
    kNothing,  ///< no backward pass will come: inference
    kInputs,   ///< what enters a layer; the rest is computed again when it is needed
    kAll,
};

}  // namespace prefdyn::transformer
