#include <cmath>
#include <ostream>
#include <sstream>

#include "experiments/commands/command.hpp"
#include "experiments/program/machine_options.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"
#include "theory/claim.hpp"

namespace prefdyn {

namespace {

struct JudgeOptions {
    std::string file, measured, bound, measured_error, bound_error;
    theory::Relation relation = theory::Relation::kAtMost;
    double resolution = theory::kResolution;
};

void declare(ParameterTable& t, JudgeOptions& o) {
    t.text("file", &o.file, "HDF5 file with the columns", true);
    t.positional();
    t.text("measured", &o.measured, "column of what was measured", true);
    t.text("bound", &o.bound, "column of the bound, of the same shape", true);
    t.text("measured-error", &o.measured_error,
           "column of the measured numbers' errors; else none");
    t.text("bound-error", &o.bound_error, "column of the bound's errors; else none");
    t.choice("relation", &o.relation, {"at-most", "at-least", "equal"}, "measured is .. the bound");
    t.real("resolution", &o.resolution, 0.0, 1.0, true, "",
           "errors up to this share of the larger side count as resolved");
    declare_read_limit(t);
}

/// Throws InputError unless the column has that shape.
std::vector<double> column(const h5::Reader& file, const std::string& name, const h5::Shape& like) {
    if (file.shape(name) != like) {
        std::ostringstream message;
        message << file.path() << ": " << name << " has another shape than the measured column";
        throw InputError(message.str(), "columns are compared number by number");
    }
    return file.numbers(name);
}

/// Where a number stands: indices along the axes.
std::string place(std::size_t at, const h5::Shape& shape) {
    std::string out;
    for (std::size_t k = shape.size(); k-- > 0; at /= shape[k])
        out = std::to_string(at % shape[k]) + (out.empty() ? "" : ", ") + out;
    return "[" + out + "]";
}

std::vector<theory::Comparison> comparisons(const JudgeOptions& o, h5::Shape& shape) {
    const h5::Reader file(o.file, h5::From::kOutside);
    shape = file.shape(o.measured);
    const auto measured = file.numbers(o.measured), bound = column(file, o.bound, shape);
    const auto error = [&](const std::string& name) {
        return name.empty() ? std::vector<double>(measured.size(), 0.0) : column(file, name, shape);
    };
    const auto measured_error = error(o.measured_error), bound_error = error(o.bound_error);
    std::vector<theory::Comparison> out;
    for (std::size_t k = 0; k < measured.size(); ++k) {
        if (std::isnan(bound[k])) continue;  // no such record, or the bound does not apply
        out.push_back({static_cast<double>(k),
                       0.0,
                       {measured[k], measured_error[k]},
                       {bound[k], bound_error[k]},
                       o.relation,
                       {.resolution = o.resolution}});
    }
    return out;
}

int run_judge(JudgeOptions& o, const ParameterTable&, std::ostream& out) {
    h5::Shape shape;
    const auto all = comparisons(o, shape);
    const theory::Claim claim = {"own",
                                 "columns of a file",
                                 "",
                                 "",
                                 theory::ClaimKind::kRigorous,
                                 theory::Scope::kRun,
                                 {},
                                 [&](const theory::Evidence&) { return all; }};
    const theory::Evidence none;
    const theory::Verdict v = theory::judge(claim, std::span(&none, 1));
    out << theory::status_name(v.status) << ": " << o.measured << " " << all.size()
        << " numbers against " << o.bound << ", " << v.vacuous << " of them vacuous"
        << (v.reason.empty() ? "" : "; " + v.reason) << "\n";
    if (v.comparisons > v.vacuous)
        out << "smallest slack " << v.slack << " at "
            << place(static_cast<std::size_t>(v.witness_step), shape) << "; tightness min "
            << v.tightness.min << ", median " << v.tightness.median << ", max " << v.tightness.max
            << "\n";
    return v.status == theory::Status::kViolated ? 1 : 0;
}

}  // namespace

Command judge_command() {
    return make_command("judge", "hold one column of a file against another, errors granted",
                        run_judge);
}

}  // namespace prefdyn
