#pragma once
// Certificates: a claim about one run, decided with every number of it enclosed in a ball whose
// radius shrinks until no comparison is in doubt (docs/verdicts.md).

#include <string>
#include <vector>

namespace prefdyn::certify {

enum class Proof {
    kProved,      ///< every comparison came out
    kRefuted,     ///< one comparison is clear of both balls on the wrong side
    kUndecided,   ///< at the most bits allowed two balls still overlap
    kNotCovered,  ///< the run or the claim cannot be repeated exactly; the reason says why
};
const char* proof_name(Proof proof);

/// Bits to begin with and at most; they double in between.
struct Limits {
    long start = 128, most = 4096;
};

struct Certificate {
    std::string claim;
    Proof proof = Proof::kNotCovered;
    long bits = 0;                ///< that decided it, or were tried last
    std::size_t comparisons = 0;  ///< of the claim with the run
    std::size_t equal = 0;        ///< of them with sides that differ by less than 2^-equal_bits
    long equal_bits = 0;
    double step = 0.0;                      ///< where both sides are closest, or it failed
    std::string measured = {}, bound = {};  ///< there, in decimal
    std::string reason = {};
    std::vector<std::string> features = {};  ///< of a refuted run: a row each, its label and its
                                             ///< features as fractions
};

/// "proved for this run at 256 bits: 39 comparisons, 1 of them equal to within 2^-190".
std::string sentence(const Certificate& certificate);

/// Whether this program was built with FLINT. Throws InputError that says what to install.
bool available();
void require_available();

}  // namespace prefdyn::certify
