#include "theory/registry.hpp"

#include <algorithm>
#include <sstream>

#include "sim/base/failure.hpp"
#include "sim/base/nearest.hpp"

namespace prefdyn::theory {

#define CLAIM(make) Claim make();
#include "theory/claims.def"
#undef CLAIM

const std::vector<Claim>& claims() {
    static const std::vector<Claim> all = {
#define CLAIM(make) make(),
#include "theory/claims.def"
#undef CLAIM
    };
    return all;
}

namespace {

/// By prefix, unless `entry` is the whole id of another claim: T1 does not take T11.
bool matches(const std::string& id, const std::string& entry) {
    if (entry.empty() || !id.starts_with(entry)) return false;
    return id == entry || std::none_of(claims().begin(), claims().end(),
                                       [&](const Claim& other) { return other.id == entry; });
}

std::string meant(const std::string& entry) {
    std::vector<std::string> ids;
    std::string known;
    for (const Claim& claim : claims()) {
        ids.push_back(claim.id);
        known.append(known.empty() ? "known: " : ", ").append(claim.id);
    }
    const std::string near = nearest(entry, ids);
    return near.empty() ? known : "did you mean " + near + "? " + known;
}

}  // namespace

std::vector<Claim> select_claims(const std::string& selection) {
    if (selection.empty()) return claims();
    std::vector<std::string> wanted;
    std::istringstream list(selection);
    for (std::string entry; std::getline(list, entry, ',');) wanted.push_back(entry);
    std::vector<bool> used(wanted.size(), false);
    std::vector<Claim> out;
    for (const Claim& claim : claims()) {
        bool take = false;
        for (std::size_t k = 0; k < wanted.size(); ++k)
            if (matches(claim.id, wanted[k])) take = used[k] = true;
        if (take) out.push_back(claim);
    }
    for (std::size_t k = 0; k < wanted.size(); ++k)
        if (!used[k])
            throw InputError("claims: '" + wanted[k] + "' matches no claim", meant(wanted[k]));
    return out;
}

}  // namespace prefdyn::theory
