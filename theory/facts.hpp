#pragma once
// What claims about the facts of a study share.

#include <functional>
#include <sstream>
#include <string>
#include <utility>

#include "theory/claim.hpp"

namespace prefdyn::theory {

/// Its parts behind each other, as a stream prints them.
template <class... Part>
std::string text(const Part&... part) {
    std::ostringstream out;
    (out << ... << part);
    return out.str();
}

/// An assumption about facts; `missing` is said of evidence that has none.
template <class Facts>
Assumption of_facts(std::string words, std::string missing,
                    std::function<std::string(const Facts&)> unmet) {
    return {std::move(words),
            [missing = std::move(missing), unmet = std::move(unmet)](const Evidence& e) {
                const Facts* facts = e.find<Facts>();
                return facts ? unmet(*facts) : missing;
            }};
}

/// Facts as evidence, which borrows them.
template <class Facts>
Evidence evidence_with(const Facts& facts, double beta) {
    Evidence out;
    out.of = Parts<Facts>(&facts);
    out.training.beta = beta;
    return out;
}

}  // namespace prefdyn::theory
