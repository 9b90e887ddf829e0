#include "experiments/falsify/falsify.hpp"

#include <algorithm>
#include <cmath>
#include <nlopt.hpp>

#include "experiments/program/parallel.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/substream.hpp"
#include "theory/rates.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

std::string why_not_searched(const theory::Claim& claim) {
    switch (claim.kind) {
        case theory::ClaimKind::kRigorous:
            return "an equality: there is no bound to approach";
        case theory::ClaimKind::kPrediction:
            return "a prediction, exact in a limit or in mean: one case does not break it";
        case theory::ClaimKind::kProbabilistic:
            return "true with a stated probability: one case does not break it";
        case theory::ClaimKind::kFit:
            return "a fit: no bound is stated";
    }
    return "";
}

namespace {

using theory::Claim;
using theory::Comparison;
using theory::Status;
using theory::Verdict;

constexpr std::size_t kRestarts = 8;

/// The claim with the comparisons before kappa t = after left out.
Claim late_only(const Claim& claim, double after) {
    if (!(after > 0.0)) return claim;
    Claim out = claim;
    out.compare = [compare = claim.compare, after](const theory::Evidence& e) {
        auto all = compare(e);
        const double kappa = theory::smoothness(e).value;
        std::erase_if(all, [&](const Comparison& c) { return !(kappa * c.time >= after); });
        return all;
    };
    return out;
}

/// measured / bound with the errors granted that the judge grants: beyond 1 is a violation. What is
/// smaller than its error counts as large as it.
double guarded_ratio(const Comparison& c) {
    const double measured = c.measured.value, bound = c.bound.value;
    const double error = c.measured.radius + c.bound.radius;
    // Of sides that are not both positive the ratio says nothing: their distance, relative to the
    // larger, does.
    const double size = std::max({std::fabs(measured), std::fabs(bound), error});
    if (c.relation != theory::Relation::kEqual && !(measured >= 0.0 && bound >= 0.0) &&
        size > 0.0) {
        const double beyond =
            c.relation == theory::Relation::kAtMost ? measured - bound : bound - measured;
        return 1.0 + (beyond - error) / size;
    }
    switch (c.relation) {
        case theory::Relation::kAtMost:
            return (measured - error) / std::max(bound, error);
        case theory::Relation::kAtLeast:
            return (bound - error) / std::max(measured, error);
        case theory::Relation::kEqual:
            return 1.0 + std::max(0.0, std::fabs(measured - bound) - error) / std::fabs(bound);
    }
    return 0.0;
}

/// Equalities count only where there is nothing else: they have no bound to approach.
double worst_ratio(const Claim& claim, const theory::Evidence& evidence) {
    auto comparisons = claim.compare(evidence);
    const auto is_equality = [](const Comparison& c) {
        return c.relation == theory::Relation::kEqual;
    };
    if (!std::all_of(comparisons.begin(), comparisons.end(), is_equality))
        std::erase_if(comparisons, is_equality);
    double worst = 0.0;
    for (const Comparison& c : comparisons)
        if (const double ratio = guarded_ratio(c); std::isfinite(ratio))
            worst = std::max(worst, ratio);
    return worst;
}

/// One restart: keeps the worst case it has seen.
class Search {
  public:
    Search(const Claim& claim, std::size_t restart, std::uint64_t seed, Device device,
           const Fault& fault, Index budget)
        : claim_(claim),
          space_(search_space(claim, restart, seed)),
          seed_(seed),
          device_(device),
          fault_(fault),
          budget_(budget) {
        best_.search = space_->name();
        best_.point.restart = restart;
    }

    /// Global search with half of the budget, then downhill simplices from its best point.
    void run() {
        std::vector<double> x(space_->size());
        Stream stream = stream_of(seed_, Substream::kSearchStart);
        for (double& coordinate : x)
            coordinate = std::ldexp(static_cast<double>(stream() >> 11), -53);
        nlopt::srand(static_cast<unsigned long>(seed_));  // of this thread
        optimise(nlopt::GN_CRS2_LM, x, budget_ / 2);
        for (double width = 0.25; !done(); width = std::max(0.5 * width, 0.01))
            optimise(nlopt::LN_SBPLX, best_.point.x, budget_ - best_.evaluations, width);
    }

    /// One case, in place of a search.
    void run(const std::vector<double>& x) {
        if (x.size() != space_->size())
            throw InputError("replay: " + std::to_string(x.size()) + " coordinates, the case has " +
                             std::to_string(space_->size()));
        objective(x);
    }

    Extremal take() { return std::move(best_); }

  private:
    bool done() const {
        return best_.verdict.status == Status::kViolated || best_.evaluations >= budget_ ||
               cancel_requested();
    }

    void optimise(nlopt::algorithm method, std::vector<double> x, Index evaluations,
                  double width = 0.0) {
        nlopt::opt optimiser(method, static_cast<unsigned>(x.size()));
        optimiser.set_lower_bounds(0.0);
        optimiser.set_upper_bounds(1.0);
        optimiser.set_max_objective(evaluate, this);
        optimiser.set_maxeval(static_cast<int>(std::max<Index>(evaluations, 1)));
        optimiser.set_xtol_abs(1e-6);
        if (width > 0.0) optimiser.set_initial_step(width);
        optimiser_ = &optimiser;
        double value = 0.0;
        try {
            optimiser.optimize(x, value);
        } catch (const nlopt::forced_stop&) {
        } catch (const nlopt::roundoff_limited&) {
        }
    }

    static double evaluate(const std::vector<double>& x, std::vector<double>&, void* self) {
        return static_cast<Search*>(self)->objective(x);
    }

    double objective(const std::vector<double>& x) {
        if (done()) {
            optimiser_->force_stop();
            return 0.0;
        }
        ++best_.evaluations;
        SearchCase at = space_->at(x);
        CaseResult result;
        try {
            result = at.run(device_);
        } catch (const InputError&) {  // all features zero: there is no kappa
            return 0.0;
        } catch (const Interrupted&) {
            return 0.0;
        }
        if (fault_) fault_(result);
        const auto evidence = evidence_of(result);
        const Verdict verdict = theory::judge(claim_, std::span(&evidence, 1));
        const bool judged = verdict.status != Status::kNotApplicable;
        const double ratio = judged ? worst_ratio(claim_, evidence) : 0.0;
        if (ratio > best_.ratio || best_.point.x.empty() || verdict.status == Status::kViolated) {
            best_.point.x = x;
            best_.ratio = ratio;
            best_.at = std::move(at);
            best_.verdict = verdict;
        }
        if (done() && optimiser_) optimiser_->force_stop();
        return ratio;
    }

    const Claim& claim_;
    std::unique_ptr<SearchSpace> space_;
    std::uint64_t seed_;
    Device device_;
    const Fault& fault_;
    Index budget_;
    Extremal best_;
    nlopt::opt* optimiser_ = nullptr;
};

void require_searchable(const Claim& claim, double after) {
    std::string searchable;
    for (const Claim& c : theory::claims())
        if (has_search_space(c)) searchable.append(searchable.empty() ? "" : ", ").append(c.id);
    if (!has_search_space(claim))
        throw InputError(
            "claim: " + claim.id + " cannot be searched, it is " + why_not_searched(claim),
            "choose one of " + searchable);
    const theory::Search& search = claim.checks.search;
    const bool smooth = std::holds_alternative<theory::RunSearch>(search) ||
                        std::holds_alternative<theory::BehaviourSearch>(search);
    if (after > 0.0 && !smooth)
        throw InputError("after: " + claim.id + " knows no smoothness kappa", "leave --after out");
}

std::size_t worst_of(const std::vector<Extremal>& restarts) {
    const auto key = [](const Extremal& e) {
        return std::pair(e.verdict.status == Status::kViolated, e.ratio);
    };
    const auto worst =
        std::max_element(restarts.begin(), restarts.end(),
                         [&](const auto& a, const auto& b) { return key(a) < key(b); });
    return static_cast<std::size_t>(worst - restarts.begin());
}

}  // namespace

Falsification falsify(const Claim& claim, const FalsifyPlan& plan, const Fault& fault) {
    require_searchable(claim, plan.after);
    const Claim target = late_only(claim, plan.after);
    const auto search = [&](std::size_t r, Index budget) {
        return Search(target, r, derive_seed(plan.seed, Purpose::kSearch, r) >> 1, plan.device,
                      fault, budget);
    };
    Falsification out;
    if (plan.replay) {
        Search one = search(plan.replay->restart, 1);
        one.run(plan.replay->x);
        out.restarts = {one.take()};
    } else {
        const auto budget = static_cast<std::size_t>(plan.budget);
        out.restarts.resize(std::min(kRestarts, budget));
        parallel_for("falsify " + claim.id, out.restarts.size(), [&](std::size_t r) {
            Search one = search(r, static_cast<Index>((budget + r) / out.restarts.size()));
            one.run();
            out.restarts[r] = one.take();
        });
    }
    for (const Extremal& e : out.restarts) out.evaluations += e.evaluations;
    out.worst = worst_of(out.restarts);
    return out;
}

}  // namespace prefdyn
