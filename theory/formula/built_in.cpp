#include "theory/formula/built_in.hpp"

#include <stdexcept>

#include "theory/formula/claim_file.hpp"

namespace prefdyn::theory {

Claim built_in_formula(const std::string& id) {
    static const std::vector<Claim> all = [] {
        std::vector<Claim> out;
        for (std::size_t k = 0; k < kClaimTextCount; ++k)
            for (Claim& claim : parse_claims(kClaimTexts[k].text, kClaimTexts[k].name, true).claims)
                out.push_back(std::move(claim));
        return out;
    }();
    for (const Claim& claim : all)
        if (claim.id == id) return claim;
    throw std::logic_error("no claim file states " + id);
}

}  // namespace prefdyn::theory
