#include "sim/loss/loss.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "sim/base/failure.hpp"
#include "sim/loss/loss_makers.hpp"

namespace prefdyn {

namespace {

/// The label smoothing a loss takes: none, [0, 0.5), or (0, 0.5).
enum class Smoothing { kNone, kOptional, kRequired };

struct Entry {
    std::string name;
    Smoothing smoothing;
    std::unique_ptr<MarginLoss> (*margin)(const LossSpec&);
    std::unique_ptr<PreferenceLoss> (*pair)(const LossSpec&);
};

const std::vector<Entry>& entries() {
    static const std::vector<Entry> all = {
        {"sigmoid", Smoothing::kNone, sigmoid_loss, nullptr},
        {"hinge", Smoothing::kNone, hinge_loss, nullptr},
        {"ipo", Smoothing::kNone, ipo_loss, nullptr},
        {"cdpo", Smoothing::kOptional, cdpo_loss, nullptr},
        {"robust", Smoothing::kOptional, robust_loss, nullptr},
        {"exo_pair", Smoothing::kRequired, exo_pair_loss, nullptr},
        {"nca_pair", Smoothing::kNone, nullptr, nca_pair_loss},
        {"bco_pair", Smoothing::kNone, nullptr, bco_pair_loss},
        {"sppo_hard", Smoothing::kNone, nullptr, sppo_hard_loss},
        {"aot", Smoothing::kOptional, aot_loss, nullptr},
        {"apo_zero", Smoothing::kNone, nullptr, apo_zero_loss},
        {"apo_down", Smoothing::kNone, nullptr, apo_down_loss},
        {"discopop", Smoothing::kNone, discopop_loss, nullptr},
        {"sigmoid_norm", Smoothing::kNone, sigmoid_loss, nullptr},
    };
    return all;
}

const Entry& entry(std::string_view name) {
    const auto& all = entries();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Entry& e) { return e.name == name; });
    if (found != all.end()) return *found;
    std::string known;
    for (const Entry& e : all) known += (known.empty() ? "" : ", ") + e.name;
    throw InputError("loss: unknown name '" + std::string(name) + "'", "known: " + known);
}

[[noreturn]] void refuse(const LossSpec& spec, const std::string& parameter, double value,
                         const std::string& allowed, const std::string& hint = {}) {
    std::ostringstream text;
    text << "loss " << spec.name << ": " << parameter << " = " << value << ", allowed: " << allowed;
    throw InputError(text.str(), hint);
}

void check(const LossSpec& spec, Smoothing smoothing) {
    const double eps = spec.label_smoothing, tau = spec.discopop_tau;
    if (!(spec.beta > 0.0 && std::isfinite(spec.beta))) refuse(spec, "beta", spec.beta, "positive");
    if (smoothing == Smoothing::kNone && eps != 0.0)
        refuse(spec, "label smoothing", eps, "0 (this loss takes none)",
               spec.name == "sigmoid" ? "cdpo is sigmoid with label smoothing" : "");
    if (smoothing == Smoothing::kRequired && !(eps > 0.0 && eps < 0.5))
        refuse(spec, "label smoothing", eps, "(0, 0.5)", "TRL's default for exo_pair is 0.001");
    if (!(eps >= 0.0 && eps < 0.5)) refuse(spec, "label smoothing", eps, "[0, 0.5)");
    if (!(tau >= 1e-6 && tau <= 0.5)) refuse(spec, "discopop tau", tau, "[1e-6, 0.5]");
    if (spec.name != "discopop" && tau != LossSpec{}.discopop_tau)
        refuse(spec, "discopop tau", tau, "that of discopop (this loss takes none)");
}

}  // namespace

const std::vector<std::string>& loss_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> out;
        for (const Entry& e : entries()) out.push_back(e.name);
        return out;
    }();
    return names;
}

std::unique_ptr<PreferenceLoss> make_loss(const LossSpec& spec) {
    const Entry& found = entry(spec.name);
    check(spec, found.smoothing);
    if (found.margin) return found.margin(spec);
    return found.pair(spec);
}

std::unique_ptr<PreferenceLoss> make_loss(std::string_view name) {
    LossSpec spec;
    spec.name = name;
    return make_loss(spec);
}

std::unique_ptr<MarginLoss> make_margin_loss(const LossSpec& spec) {
    const Entry& found = entry(spec.name);
    check(spec, found.smoothing);
    if (!found.margin)
        throw InputError("loss " + spec.name + " is not a function of the reward margin");
    return found.margin(spec);
}

LossSpec typical_loss(std::string_view name, double beta) {
    const Entry& found = entry(name);
    LossSpec spec;
    spec.name = name;
    spec.beta = beta;
    if (found.smoothing == Smoothing::kOptional) spec.label_smoothing = 0.1;
    if (found.smoothing == Smoothing::kRequired) spec.label_smoothing = 0.001;
    return spec;
}

}  // namespace prefdyn
