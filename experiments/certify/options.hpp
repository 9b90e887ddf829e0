#pragma once
#include "experiments/certify/certificate.hpp"
#include "experiments/program/parameter_table.hpp"

namespace prefdyn::certify {

/// What commands are asked about certificates.
struct Options {
    bool certify = false;
    Index bits = Limits{}.most;

    Limits limits() const {
        const Limits usual;
        return {std::min<long>(usual.start, bits), bits};
    }
};

inline void declare_bits(ParameterTable& t, Options& o) {
    t.integer("certify-bits", &o.bits, 64, 65536, "bits",
              "precision at which a certificate gives up; it starts at 128 and doubles");
}

/// `what` is certified.
inline void declare(ParameterTable& t, Options& o, const std::string& what) {
    t.flag("certify", &o.certify,
           "prove or refute in ball arithmetic, without rounding: " + what +
               " (needs a program built with FLINT)");
    declare_bits(t, o);
    t.rule([&o](const ParameterTable& table) {
        return std::string(
            table.given("certify-bits") && !o.certify ? "--certify-bits: needs --certify" : "");
    });
}

}  // namespace prefdyn::certify
