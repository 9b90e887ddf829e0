#include "experiments/studies/study.hpp"

#include <algorithm>

namespace prefdyn {

std::vector<theory::Claim> claims_of(const Study& study,
                                     const std::vector<theory::Claim>& selected) {
    std::vector<theory::Claim> out;
    for (const auto& claim : selected)
        if (std::find(study.claims.begin(), study.claims.end(), claim.id) != study.claims.end())
            out.push_back(claim);
    return out;
}

}  // namespace prefdyn
