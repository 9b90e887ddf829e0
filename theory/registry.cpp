#include "theory/registry.hpp"

#include <algorithm>
#include <boost/algorithm/string/predicate.hpp>
#include <sstream>

#include "sim/base/failure.hpp"
#include "sim/base/nearest.hpp"
#include "theory/formula/built_in.hpp"

namespace prefdyn::theory {

#define CLAIM(make) Claim make();
#define FORMULA(id)
#include "theory/claims.def"
#undef CLAIM
#undef FORMULA

const std::vector<Claim>& claims() {
    static const std::vector<Claim> all = {
#define CLAIM(make) make(),
#define FORMULA(id) built_in_formula(#id),
#include "theory/claims.def"
#undef CLAIM
#undef FORMULA
    };
    return all;
}

bool is_claim_id(const std::string& id) { return std::ranges::count(claims(), id, &Claim::id) > 0; }

Kept kept_for(const std::vector<Claim>& claims) {
    Kept out;
    for (const Claim& claim : claims) out = out | claim.keep;
    return out;
}

namespace {

/// By prefix, unless `entry` is the whole id of another claim; numbers are whole, T2 does not take
/// T20. Where no claim is spelled so, small and capital letters are alike.
bool matches(const std::string& id, const std::string& entry, const std::vector<Claim>& known) {
    if (std::ranges::count(known, entry, &Claim::id) > 0) return id == entry;
    const auto whole = [&](const Claim& claim) { return boost::iequals(claim.id, entry); };
    if (std::ranges::any_of(known, whole)) return boost::iequals(id, entry);
    if (entry.empty() || !boost::istarts_with(id, entry)) return false;
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    return !(digit(entry.back()) && digit(id[entry.size()]));
}

std::string meant(const std::string& entry, const std::vector<Claim>& among) {
    std::vector<std::string> ids;
    std::string known;
    for (const Claim& claim : among) {
        ids.push_back(claim.id);
        known.append(known.empty() ? "known: " : ", ").append(claim.id);
    }
    const std::string near = nearest(entry, ids);
    return near.empty() ? known : "did you mean " + near + "? " + known;
}

}  // namespace

std::vector<Claim> select_claims(const std::string& selection, const std::vector<Claim>& own) {
    if (selection.empty()) return own.empty() ? claims() : own;
    std::vector<Claim> known = claims();
    known.insert(known.end(), own.begin(), own.end());
    std::vector<std::string> wanted;
    std::istringstream list(selection);
    for (std::string entry; std::getline(list, entry, ',');) wanted.push_back(entry);
    std::vector<bool> used(wanted.size(), false);
    std::vector<Claim> out;
    for (const Claim& claim : known) {
        bool take = false;
        for (std::size_t k = 0; k < wanted.size(); ++k)
            if (matches(claim.id, wanted[k], known)) take = used[k] = true;
        if (take) out.push_back(claim);
    }
    for (std::size_t k = 0; k < wanted.size(); ++k)
        if (!used[k])
            throw InputError("claims: '" + wanted[k] + "' matches no claim",
                             meant(wanted[k], known));
    return out;
}

}  // namespace prefdyn::theory
