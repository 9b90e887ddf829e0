#include <algorithm>
#include <cmath>

#include "experiments/certify/exact/claims.hpp"
#include "experiments/certify/exact/contexts.hpp"
#include "experiments/certify/exact/formula_case.hpp"
#include "experiments/certify/exact/two_layer.hpp"

namespace prefdyn::certify {

bool available() { return true; }

std::string why_not(const theory::Claim& claim) {
    if (claim.formula) return why_not(*claim.formula);
    if (exact_claim(claim.id) || context_claim(claim.id) || two_layer_claim(claim.id)) return {};
    switch (claim.kind) {
        case theory::ClaimKind::kProbabilistic:
            return "true with a stated probability: one run neither proves nor refutes it";
        case theory::ClaimKind::kPrediction:
            return "a prediction, exact in a limit or in mean";
        case theory::ClaimKind::kFit:
            return "a fit: no bound is stated";
        case theory::ClaimKind::kRigorous:
            break;
    }
    return claim.scope == theory::Scope::kRun ? "its formula is not among the exact ones"
                                              : "its study's runs are not repeated exactly";
}

std::string why_not(const Subject& s) {
    if (s.training.method == Method::kFlow) return "the flow has no exact trajectory";
    if (std::string reason = ExactPhi::why_not(s.loss); !reason.empty()) return reason;
    if (s.steps.size() < 2) return "the run has no record after its start";
    const double products = static_cast<double>(s.data.samples()) *
                            static_cast<double>(s.data.dimension()) *
                            static_cast<double>(s.steps.back());
    constexpr double kMost = 2e9;
    if (products <= kMost) return {};
    return "n d steps = " + format_real(products) + ", more than " + format_real(kMost);
}

namespace {

/// What the claim assumes and the exact numbers deny; empty if nothing.
std::string unmet(const ExactClaim& claim, const Told& t) {
    if (claim.eta_kappa > 0.0 && (t.eta * t.kappa - Real(claim.eta_kappa)).is_positive())
        return "eta kappa is above " + std::to_string(static_cast<int>(claim.eta_kappa));
    if (claim.starts_falling && !t.phi.slope_at_zero.is_negative())
        return "the loss does not fall at 0";
    if (claim.needs_behaviours && t.behaviour.empty()) return "the samples name no behaviours";
    return {};
}

void apply_fault(const Fault& fault, const Told& t, Walk& w) {
    for (Point& p : w.points) {
        if (fault.behaviours_swapped) std::swap(p.behaviour_margin.at(0), p.behaviour_margin.at(1));
        if ((t.kappa * t.time(p.step)).value() > fault.unlearned_after) p.sure = p.possible = 0;
    }
    if (fault.behaviours_swapped) {
        std::swap(w.behaviour_slope.at(0), w.behaviour_slope.at(1));
        std::swap(w.behaviour_loss_slope.at(0), w.behaviour_loss_slope.at(1));
    }
    if (fault.exchanged.size() == 2)
        std::swap(w.points.at(fault.exchanged[0]).update_rate,
                  w.points.at(fault.exchanged[1]).update_rate);
    if (fault.dropped)
        w.points.erase(w.points.begin() + static_cast<std::ptrdiff_t>(*fault.dropped));
}

Certificate not_covered(const std::string& id, const std::string& reason) {
    return {.claim = id, .reason = reason};
}

/// Everything that depends on the precision.
class Attempt {
  public:
    explicit Attempt(const Subject& s) : subject_(s), told_(s), walk_(walked()) {
        apply_fault(s.fault, told_, walk_);
    }

    Certificate of(const theory::Claim& claim, const Limits& limits) const {
        const std::string& id = claim.id;
        const ExactClaim* own = claim.formula ? nullptr : exact_claim(id);
        const bool behaviours =
            own ? own->needs_behaviours : claim.formula->about == theory::About::kBehaviours;
        if (behaviours && told_.behaviour.empty())
            return not_covered(id, "the samples name no behaviours");
        if (own && own->needs_infimum && !told_.phi.bounded_below)
            return not_covered(id, "the loss is not bounded below");
        auto comparisons = exact_comparisons(claim, told_, walk_);
        for (ExactComparison& c : comparisons) strengthen(c, subject_.fault.bound_factor);
        if (comparisons.empty()) return not_covered(id, "there is nothing to compare");
        Certificate out = weigh(id, comparisons, limits);
        if (out.proof == Proof::kRefuted && !subject_.presume)
            if (const std::string reason =
                    own ? unmet(*own, told_) : unmet(*claim.formula, told_, walk_);
                !reason.empty())
                return not_covered(id, "what it assumes is not met: " + reason);
        return out;
    }

  private:
    Walk walked() const {
        const ExactPhi phi(subject_.loss);
        const Rows trained(subject_.data);
        return walk(subject_, trained, phi, largest_eigenvalue(trained), told_.eta);
    }

    const Subject& subject_;
    Told told_;
    Walk walk_;
};

/// The numbers of a row, after its name.
template <class Row>
std::string fractions(std::string name, const Row& row) {
    for (Index j = 0; j < row.size(); ++j) name.append(1, ' ').append(Real(row(j)).fraction());
    return name;
}

std::vector<std::string> counterexample(const Dataset& data) {
    std::vector<std::string> out;
    for (Index i = 0; i < data.samples(); ++i)
        out.push_back(fractions(std::to_string(data.label[static_cast<std::size_t>(i)]),
                                data.features.row(i)));
    return out;
}

std::vector<std::string> counterexample(const theory::InfluenceFacts& f) {
    std::vector<std::string> out;
    const auto add = [&](const std::string& name, const RowMatrix& rows) {
        for (Index i = 0; i < rows.rows(); ++i) out.push_back(fractions(name, rows.row(i)));
    };
    add("head", f.head);
    add("reference", f.reference);
    add("chosen context", f.pairs.plus);
    add("rejected context", f.pairs.minus);
    return out;
}

/// Each claim undecided, or not covered for the reason that `why` gives.
template <class Why>
std::vector<Certificate> begin(const std::vector<theory::Claim>& claims, Why why) {
    std::vector<Certificate> out;
    for (const theory::Claim& claim : claims) {
        const std::string reason = why(claim);
        out.push_back(not_covered(claim.id, reason));
        if (reason.empty()) out.back().proof = Proof::kUndecided;
    }
    return out;
}

/// `attempt` decides what it can at the precision of the thread.
template <class Work>
void raise_precision(std::vector<Certificate>& all, const Limits& limits, Work attempt) {
    const auto open = [&] {
        return std::ranges::any_of(all, [](auto& c) { return c.proof == Proof::kUndecided; });
    };
    for (long bits = limits.start; bits <= limits.most && open(); bits *= 2) {
        const Precision here(bits);
        attempt();
    }
}

}  // namespace

std::vector<Certificate> certify(const Subject& subject, const std::vector<theory::Claim>& claims,
                                 const Limits& limits) {
    const std::string whole = why_not(subject);
    auto out = begin(claims, [&](const theory::Claim& claim) {
        if (std::string reason = why_not(claim); !reason.empty()) return reason;
        return claim.formula || exact_claim(claim.id) ? whole : "it is about a head on contexts";
    });
    Subject kept = subject;
    kept.keep_margins = std::ranges::any_of(claims, [](const theory::Claim& c) {
        return c.formula && (c.keep.margins || theory::speaks_of(*c.formula, "margin"));
    });
    raise_precision(out, limits, [&] {
        const Attempt attempt(kept);
        for (std::size_t c = 0; c < out.size(); ++c)
            if (out[c].proof == Proof::kUndecided) out[c] = attempt.of(claims[c], limits);
    });
    for (Certificate& c : out)
        if (c.proof == Proof::kRefuted && !subject.presume)
            c.features = counterexample(subject.data);
    return out;
}

std::vector<Certificate> certify(const ContextSubject& subject,
                                 const std::vector<theory::Claim>& claims, const Limits& limits) {
    auto out = begin(claims, [](const theory::Claim& claim) {
        if (std::string reason = why_not(claim); !reason.empty()) return reason;
        return std::string(context_claim(claim.id) ? "" : "it is about a head on features");
    });
    const theory::InfluenceFacts& trained = subject.trained ? *subject.trained : subject.told;
    raise_precision(out, limits, [&] {
        const ExactContexts run(subject.told, trained, subject.eta_factor);
        for (Certificate& c : out) {
            if (c.proof != Proof::kUndecided) continue;
            auto comparisons = context_claim(c.claim)(run);
            if (subject.only)
                std::erase_if(comparisons,
                              [&](const auto& x) { return x.relation != *subject.only; });
            for (ExactComparison& x : comparisons) strengthen(x, subject.bound_factor);
            c = comparisons.empty() ? not_covered(c.claim, "there is nothing to compare")
                                    : weigh(c.claim, comparisons, limits);
        }
    });
    const bool honest =
        !subject.trained && subject.eta_factor == 1.0 && subject.bound_factor == 1.0;
    for (Certificate& c : out)
        if (c.proof == Proof::kRefuted && honest) c.features = counterexample(subject.told);
    return out;
}

std::vector<Certificate> certify(const TwoLayerSubject& subject,
                                 const std::vector<theory::Claim>& claims, const Limits& limits) {
    auto out = begin(claims, [&](const theory::Claim& claim) -> std::string {
        if (std::string reason = why_not(claim); !reason.empty()) return reason;
        if (!two_layer_claim(claim.id)) return "it is not about a trained embedding";
        return subject.start.activation == Activation::kIdentity ? ""
                                                                 : "the embedding is not linear";
    });
    raise_precision(out, limits, [&] {
        const ExactTwoLayer run(subject);
        const auto condition_fails = [&] {
            return std::any_of(run.points.begin(), run.points.end() - 1,
                               [](const auto& p) { return p.condition.is_negative(); });
        };
        for (Certificate& c : out) {
            if (c.proof != Proof::kUndecided) continue;
            auto comparisons = two_layer_claim(c.claim)(run);
            for (ExactComparison& x : comparisons) strengthen(x, subject.bound_factor);
            c = weigh(c.claim, comparisons, limits);
            if (subject.presume || c.proof != Proof::kRefuted) continue;
            if (c.claim == "T9bp" && condition_fails())
                c = not_covered(c.claim, "what it assumes is not met: S < 0 at a step");
            if (c.claim == "T9a" && subject.reference)
                c = not_covered(c.claim, "the reference is an older model");
        }
    });
    return out;
}

}  // namespace prefdyn::certify
