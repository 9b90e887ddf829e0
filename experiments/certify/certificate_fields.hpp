#pragma once
#include "experiments/certify/certificate.hpp"
#include "experiments/results/result_writer.hpp"

namespace prefdyn::certify {

/// A certificate and what it is about.
struct Certified {
    std::string run;      ///< its id, or what it was called
    std::string control;  ///< the negative control whose fault was planted; empty: none was
    Certificate certificate;
};

/// Whether nothing speaks against the theorem or the verifier: no run refuted, no control proved.
bool as_expected(const std::vector<Certified>& all);

std::vector<Field> certificate_fields();
void put_certificates(ResultWriter& writer, const std::vector<Certified>& all);

}  // namespace prefdyn::certify
