#include "experiments/certify/certificate.hpp"

#include "sim/base/failure.hpp"

namespace prefdyn::certify {

const char* proof_name(Proof proof) {
    switch (proof) {
        case Proof::kProved:
            return "proved";
        case Proof::kRefuted:
            return "refuted";
        case Proof::kUndecided:
            return "undecided";
        case Proof::kNotCovered:
            return "not_covered";
    }
    return "unknown";
}

namespace {

std::string sides(const Certificate& c) {
    return "step " + std::to_string(static_cast<long long>(c.step)) + ": measured " + c.measured +
           ", bound " + c.bound;
}

}  // namespace

std::string sentence(const Certificate& c) {
    const std::string at = " at " + std::to_string(c.bits) + " bits";
    switch (c.proof) {
        case Proof::kProved: {
            std::string out = "proved for this run" + at + ": " + std::to_string(c.comparisons) +
                              (c.comparisons == 1 ? " comparison" : " comparisons");
            if (c.equal == 0) return out;
            return out + ", " + std::to_string(c.equal) + " of them equal to within 2^-" +
                   std::to_string(c.equal_bits);
        }
        case Proof::kRefuted:
            return "refuted for this run" + at + ", " + sides(c);
        case Proof::kUndecided:
            return "undecided" + at + ", " + (c.reason.empty() ? sides(c) : c.reason);
        case Proof::kNotCovered:
            break;
    }
    return "cannot be certified: " + c.reason;
}

void require_available() {
    if (!available())
        throw InputError("certify: this program was built without FLINT, which does the arithmetic",
                         "install libflint-dev, on Debian 12 libflint-arb-dev as well, and build "
                         "again");
}

}  // namespace prefdyn::certify
