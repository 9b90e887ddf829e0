#include "sim/contexts/context_pairs.hpp"

#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

void require(bool fine, const std::string& place, const std::string& what) {
    if (!fine)
        throw InputError(place + ": " + what, "contexts are (n, d) twice, tokens n in [0, V)");
}

void require_tokens(const std::vector<Index>& tokens, Index vocabulary, const std::string& place,
                    const std::string& which) {
    for (const Index token : tokens)
        require(token >= 0 && token < vocabulary, place,
                which + " token " + std::to_string(token) + " is outside [0, " +
                    std::to_string(vocabulary) + ")");
}

}  // namespace

void validate(const ContextPairs& pairs, Index vocabulary, const std::string& place) {
    const Index n = pairs.samples();
    require(n > 0, place, "no examples");
    require(pairs.minus.rows() == n && pairs.minus.cols() == pairs.dimension(), place,
            "chosen contexts are (" + std::to_string(n) + ", " + std::to_string(pairs.dimension()) +
                "), rejected ones (" + std::to_string(pairs.minus.rows()) + ", " +
                std::to_string(pairs.minus.cols()) + ")");
    require(static_cast<Index>(pairs.chosen.size()) == n &&
                static_cast<Index>(pairs.rejected.size()) == n,
            place,
            std::to_string(n) + " examples, " + std::to_string(pairs.chosen.size()) +
                " chosen and " + std::to_string(pairs.rejected.size()) + " rejected tokens");
    require(pairs.plus.allFinite() && pairs.minus.allFinite(), place, "a context is not finite");
    require_tokens(pairs.chosen, vocabulary, place, "chosen");
    require_tokens(pairs.rejected, vocabulary, place, "rejected");
}

}  // namespace prefdyn
