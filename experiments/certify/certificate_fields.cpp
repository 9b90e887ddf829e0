#include "experiments/certify/certificate_fields.hpp"

#include <algorithm>

#include "experiments/results/columns.hpp"

namespace prefdyn::certify {

namespace {

std::string lines(const std::vector<std::string>& rows) {
    std::string out;
    for (const std::string& row : rows) out += (out.empty() ? "" : "; ") + row;
    return out;
}

const std::vector<TextColumn<Certified>>& texts() {
    using R = const Certified&;
    static const std::vector<TextColumn<Certified>> columns = {
        {"certificate_claim", "claim id", [](R r) { return r.certificate.claim; }},
        {"certificate_run", "run_id of the run that was repeated; empty for a negative control",
         [](R r) { return r.run; }},
        {"certificate_control", "negative control whose fault was planted; empty: none",
         [](R r) { return r.control; }},
        {"certificate_proof", "proved, refuted, undecided or not_covered",
         [](R r) { return proof_name(r.certificate.proof); }},
        {"certificate_measured", "measured number where both sides are closest, decimal",
         [](R r) { return r.certificate.measured; }},
        {"certificate_bound", "bound there, decimal", [](R r) { return r.certificate.bound; }},
        {"certificate_reason", "why it is undecided or not covered",
         [](R r) { return r.certificate.reason; }},
        {"certificate_features",
         "of a refuted run: label and features of each row as fractions, rows apart by semicolons",
         [](R r) { return lines(r.certificate.features); }},
    };
    return columns;
}

struct Count {
    std::string name, unit, description;
    std::int64_t (*get)(const Certificate&);
};

const std::vector<Count>& counts() {
    using C = const Certificate&;
    static const std::vector<Count> all = {
        {"certificate_bits", "bits", "precision that decided it, or was tried last",
         [](C c) { return static_cast<std::int64_t>(c.bits); }},
        {"certificate_comparisons", "comparisons", "of the claim with the run",
         [](C c) { return static_cast<std::int64_t>(c.comparisons); }},
        {"certificate_equal", "comparisons",
         "of them with sides that are equal to within 2^-certificate_equal_bits of their scale",
         [](C c) { return static_cast<std::int64_t>(c.equal); }},
        {"certificate_equal_bits", "bits", "how far those sides agree at least; 0 without any",
         [](C c) { return static_cast<std::int64_t>(c.equal_bits); }},
    };
    return all;
}

}  // namespace

bool as_expected(const std::vector<Certified>& all) {
    return std::ranges::none_of(all, [](const Certified& c) {
        return c.certificate.proof == (c.control.empty() ? Proof::kRefuted : Proof::kProved);
    });
}

std::vector<Field> certificate_fields() {
    std::vector<Field> out = {
        integer_field("certificate", {"certificate"}, "", "number of the certificate")};
    for (const auto& c : texts()) out.push_back(text_field(c.name, {"certificate"}, c.description));
    for (const auto& c : counts())
        out.push_back(integer_field(c.name, {"certificate"}, c.unit, c.description));
    out.push_back(real_field("certificate_step", {"certificate"}, "updates",
                             "where both sides are closest, or the claim fails"));
    return out;
}

void put_certificates(ResultWriter& writer, const std::vector<Certified>& all) {
    if (all.empty()) return;
    writer.put("certificate", count_to(all.size()));
    for (const auto& c : texts()) writer.put(c.name, gather(all, c.get));
    for (const auto& c : counts())
        writer.put(c.name, gather(all, [&](const Certified& r) { return c.get(r.certificate); }));
    writer.put("certificate_step",
               gather(all, [](const Certified& r) { return r.certificate.step; }));
}

}  // namespace prefdyn::certify
