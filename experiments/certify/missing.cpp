// In place of exact/ where FLINT is missing.
#include "experiments/certify/subject.hpp"

namespace prefdyn::certify {

bool available() { return false; }

std::string why_not(const theory::Claim&) { return "this program was built without FLINT"; }

std::string why_not(const Subject&) { return "this program was built without FLINT"; }

std::vector<Certificate> certify(const Subject&, const std::vector<theory::Claim>&, const Limits&) {
    require_available();
    return {};
}

std::vector<Certificate> certify(const ContextSubject&, const std::vector<theory::Claim>&,
                                 const Limits&) {
    require_available();
    return {};
}

std::vector<Certificate> certify(const TwoLayerSubject&, const std::vector<theory::Claim>&,
                                 const Limits&) {
    require_available();
    return {};
}

}  // namespace prefdyn::certify
