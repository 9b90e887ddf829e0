#include "experiments/falsify.hpp"

#include <algorithm>
#include <cmath>
#include <nlopt.hpp>

#include "experiments/parallel.hpp"
#include "experiments/search_space.hpp"
#include "sim/error.hpp"
#include "theory/rates.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Comparison;
using theory::Status;
using theory::Verdict;

constexpr std::size_t kRestarts = 8;  // even ones search the dials, odd ones the raw features

/// The claim with the comparisons before kappa t = after left out.
Claim late_only(const Claim& claim, double after) {
    if (!(after > 0.0)) return claim;
    Claim out = claim;
    out.compare = [compare = claim.compare, after](const theory::Evidence& e) {
        auto all = compare(e);
        const double kappa = theory::smoothness(e);
        std::erase_if(all, [&](const Comparison& c) { return !(kappa * c.time >= after); });
        return all;
    };
    return out;
}

/// measured / bound with the comparison's own rounding granted to the claim: beyond 1 is a
/// violation.
double guarded_ratio(const Comparison& c) {
    switch (c.relation) {
        case theory::Relation::kAtMost:
            return (c.measured - c.absolute_rounding) / c.bound;
        case theory::Relation::kAtLeast:
            return (c.bound - c.absolute_rounding) / c.measured;
        case theory::Relation::kEqual:
            return 1.0 + std::max(0.0, std::fabs(c.measured - c.bound) - c.absolute_rounding) /
                             std::fabs(c.bound);
    }
    return 0.0;
}

double worst_ratio(const Claim& claim, const theory::Evidence& evidence) {
    double worst = 0.0;
    for (const Comparison& c : claim.compare(evidence))
        if (const double ratio = guarded_ratio(c); std::isfinite(ratio))
            worst = std::max(worst, ratio);
    return worst;
}

/// One restart: keeps the worst case it has seen.
class Search {
  public:
    Search(const Claim& claim, const SearchSpace& space, const Fault& fault, Index budget)
        : claim_(claim), space_(space), fault_(fault), budget_(budget) {
        best_.search = space.name();
    }

    /// Global search with half of the budget, then downhill simplices from its best point.
    void run(std::uint64_t seed) {
        std::vector<double> x(space_.size());
        Stream stream(seed, Purpose::kSearch, 1);
        for (double& coordinate : x)
            coordinate = std::ldexp(static_cast<double>(stream() >> 11), -53);
        nlopt::srand(static_cast<unsigned long>(seed));  // of this thread
        optimise(nlopt::GN_CRS2_LM, x, budget_ / 2);
        for (double width = 0.25; !done(); width = std::max(0.5 * width, 0.01))
            optimise(nlopt::LN_SBPLX, best_point_, budget_ - best_.evaluations, width);
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
        const SearchCase at = space_.at(x);
        RunResult run;
        try {
            run = at.features ? run_dataset(at.config, *at.features) : run_synthetic(at.config);
        } catch (const InputError&) {  // all features zero: there is no kappa
            return 0.0;
        } catch (const Interrupted&) {
            return 0.0;
        }
        if (fault_) fault_(run);
        const auto evidence = run.evidence();
        const Verdict verdict = theory::judge(claim_, std::span(&evidence, 1));
        const bool judged = verdict.status != Status::kNotApplicable;
        const double ratio = judged ? worst_ratio(claim_, evidence) : 0.0;
        if (ratio > best_.ratio || best_point_.empty() || verdict.status == Status::kViolated) {
            best_point_ = x;
            best_.ratio = ratio;
            best_.config = at.config;
            best_.features = at.features;
            best_.verdict = verdict;
        }
        if (done()) optimiser_->force_stop();
        return ratio;
    }

    const Claim& claim_;
    const SearchSpace& space_;
    const Fault& fault_;
    Index budget_;
    Extremal best_;
    std::vector<double> best_point_;
    nlopt::opt* optimiser_ = nullptr;
};

void require_searchable(const Claim& claim) {
    if (claim.scope != theory::Scope::kRun || claim.kind != theory::ClaimKind::kRigorous)
        throw InputError("claim: " + claim.id +
                             " cannot be searched, only rigorous claims about single runs can",
                         "choose one of T1 to T4, T6a, T6b, T6e");
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
    require_searchable(claim);
    const Claim target = late_only(claim, plan.after);
    const auto restarts = std::min<std::size_t>(kRestarts, static_cast<std::size_t>(plan.budget));
    Falsification out;
    out.restarts.resize(restarts);
    parallel_for("falsify " + claim.id, restarts, [&](std::size_t r) {
        const std::uint64_t seed = derive_seed(plan.seed, Purpose::kSearch, r) >> 1;
        const auto space = r % 2 == 0 ? dial_space(seed) : feature_space(seed);
        const auto share =
            static_cast<Index>((static_cast<std::size_t>(plan.budget) + r) / restarts);
        Search search(target, *space, fault, share);
        search.run(seed);
        out.restarts[r] = search.take();
    });
    for (const Extremal& e : out.restarts) out.evaluations += e.evaluations;
    out.worst = worst_of(out.restarts);
    return out;
}

}  // namespace prefdyn
