#include <algorithm>
#include <cmath>
#include <iomanip>
#include <ostream>

#include "experiments/commands/command.hpp"
#include "experiments/program/parameter_table.hpp"
#include "sim/base/nearest.hpp"
#include "theory/formula/claim_file.hpp"
#include "theory/formula/evaluate.hpp"
#include "theory/formula/needs.hpp"

namespace prefdyn {

namespace {

using theory::Over;
using theory::Quantity;

struct QuantitiesOptions {
    std::string name;
};

void declare(ParameterTable& t, QuantitiesOptions& o) {
    t.text("name", &o.name, "the quantity to print whole; else a line each");
    t.positional();
}

std::string unit_of(const Quantity& q) {
    if (q.unit == 0.0) return "none";
    const double size = std::fabs(q.unit);
    const std::string power = size == 1.0 ? "feature" : "feature^" + format_real(size);
    return q.unit > 0.0 ? power : "1 / " + power;
}

std::string shape_of(const Quantity& q) {
    const std::string per = q.over == Over::kSamples      ? "one a sample"
                            : q.over == Over::kBehaviours ? "one a behaviour"
                                                          : "one number";
    return per + (q.at_records ? ", at each record" : "");
}

std::string end_of(double x) {
    return std::isinf(x) ? (x < 0.0 ? "-infinity" : "infinity") : format_real(x);
}

void print_whole(std::ostream& out, const Quantity& q) {
    out << q.name << "  " << q.words << "\n  written: " << q.symbol << "\n  shape: " << shape_of(q)
        << "\n  unit: " << unit_of(q) << "\n  range: " << end_of(q.low) << " to " << end_of(q.high)
        << "\n  since: version " << q.since << "\n";
    if (!theory::known_in_transformers(q))
        out << "  not where a transformer is trained (finetune)\n";
    if (q.column[0] != '\0') out << "  in result files: " << q.column << "\n";
}

void print_line(std::ostream& out, const std::string& name, const std::string& words) {
    out << "  " << std::left << std::setw(25) << name << words << "\n";
}

void print_all(std::ostream& out) {
    using enum theory::Topic;
    for (const theory::Topic topic :
         {kData, kSetting, kStart, kRecord, kClock, kSample, kBehaviour}) {
        out << theory::topic_title(topic) << "\n";
        for (const Quantity& q : theory::quantities())
            if (q.topic == topic)
                print_line(out, q.name,
                           std::string(q.words) + (q.unit == 0.0 ? "" : " [" + unit_of(q) + "]"));
    }
    out << "functions\n";
    print_line(out, "exp log sqrt abs sin cos", "of one number");
    print_line(out, "Phi sigmoid softplus",
               "normal distribution function, 1 / (1 + exp(-x)), log(1 + exp(x))");
    print_line(out, "min max", "of several numbers, or of one quantity over samples");
    print_line(out, "mean sum", "over samples");
    print_line(out, "share(m > 0)", "of the samples that fulfil a comparison");
    print_line(out, "quantile(m, 0.1)", "over samples, linear interpolation");
    print_line(out, "cover(norm_z, 0.9)",
               "the least of the samples' values that a share 0.9 of them do not exceed");
    out << "where a claim is made, in front of it and a colon\n";
    print_line(out, "start, end", "at the first, at the last record; else at each");
    print_line(out, "after C, while C", "at the records that fulfil a comparison");
    print_line(out, "where C", "for the samples (records, behaviours) that fulfil a comparison");
    print_line(out, "for s <= t", "for all pairs of records; rate(s) is the value at s");
    print_line(out, "for s = previous", "for a record and the one before it");
    print_line(out, "for j", "for all pairs of behaviours; P(j) is the other's");
    out << "assumptions (needs = ...; also comparisons, as p_plus == 0.5)\n";
    for (const theory::KnownNeed& need : theory::known_needs())
        print_line(out, need.name, need.words);
    out << "controls (control = ...)\n";
    for (const theory::NamedFault& fault : theory::named_faults()) print_line(out, fault.name, "");
}

int run_quantities(QuantitiesOptions& o, const ParameterTable&, std::ostream& out) {
    if (o.name.empty()) return print_all(out), 0;
    if (const Quantity* q = theory::find_quantity(o.name)) return print_whole(out, *q), 0;
    std::vector<std::string> known;
    for (const Quantity& q : theory::quantities()) known.emplace_back(q.name);
    const std::string near = nearest(o.name, known);
    throw InputError(
        "quantities: there is no quantity " + o.name,
        near.empty() ? "`prefdyn quantities` lists them" : "did you mean " + near + "?");
}

}  // namespace

Command quantities_command() {
    return make_command("quantities", "what claims as formulas may speak of", run_quantities);
}

}  // namespace prefdyn
