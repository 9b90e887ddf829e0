#pragma once
// What a feed-forward layer does to single numbers.

namespace prefdyn::transformer {

enum class Activation {
    kSilu,      ///< x / (1 + exp(-x))
    kGelu,      ///< x Phi(x), Phi the normal distribution
    kGeluTanh,  ///< x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
    kRelu,
};

}  // namespace prefdyn::transformer
