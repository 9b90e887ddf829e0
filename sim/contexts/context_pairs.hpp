#pragma once
// Preferences whose chosen and rejected token sit in contexts of their own: what a longer answer
// looks like from its later tokens, and what one prompt with one-token answers cannot show.

#include <string>
#include <vector>

#include "sim/data/dataset.hpp"

namespace prefdyn {

/// G_+ and G_- are (n, d): row i is the context of example i's chosen or rejected token.
struct ContextPairs {
    RowMatrix plus, minus;
    std::vector<Index> chosen, rejected;  ///< y_+, y_- (n), in [0, V)

    Index samples() const { return plus.rows(); }
    Index dimension() const { return plus.cols(); }
};

/// Loss of one example; the loss of a set is the mean. Natural logarithms.
enum class Objective {
    kSft,           ///< -log pi(y_+ | g_+)
    kUnlikelihood,  ///< log pi(y_- | g_-): gradient ascent on the rejected token, nothing else
    kPushPull,      ///< the sum of both
    kDpo,           ///< log(1 + exp(-m)), m = beta [ log-ratio(y_+ | g_+) - log-ratio(y_- | g_-) ]
};
inline std::vector<std::string> objective_names() {
    return {"sft", "unlikelihood", "push-pull", "dpo"};
}

/// Throws InputError unless the shapes agree, n > 0, contexts are finite and tokens below V.
void validate(const ContextPairs& pairs, Index vocabulary, const std::string& place);

}  // namespace prefdyn
