#include "sim/tabular/online_training.hpp"

#include <cmath>
#include <string>

#include "sim/base/failure.hpp"
#include "sim/data/noise.hpp"

namespace prefdyn {

namespace {

template <class Real>
Real likelihood(const Real& x) {
    using std::exp;
    return Real(1.0) / (Real(1.0) + exp(-x));
}

/// w(a, b) of implicit rewards that are x apart.
template <class Real>
Real weight(PairSampler sampler, double reward_gap, const Real& x) {
    const Real at = sampler == PairSampler::kMixReward ? Real(reward_gap) : x;
    if (sampler == PairSampler::kUniform) return Real(4.0);
    return Real(1.0) / (likelihood(at) * likelihood(-at));
}

/// One update of h (A).
template <class Real>
void update(const OnlineDpo& p, std::vector<Real>& h) {
    const auto A = h.size();
    std::vector<Real> pull(A, Real(0.0));
    Real total(0.0);
    for (std::size_t a = 0; a < A; ++a)
        for (std::size_t b = 0; b < A; ++b) {
            const double gap = p.reward(static_cast<Index>(a)) - p.reward(static_cast<Index>(b));
            const Real apart = a == b ? Real(0.0) : h[a] - h[b];
            const Real w = weight(p.sampler, gap, apart);
            total = total + w;
            if (a != b) pull[a] = pull[a] + w * (likelihood(Real(gap)) - likelihood(apart));
        }
    const Real rate = p.step == 0.0 ? Real(1.0) / Real(static_cast<double>(A))
                                    : Real(2.0 * p.step) * Real(p.beta) * Real(p.beta) / total;
    for (std::size_t a = 0; a < A; ++a) h[a] = h[a] + rate * pull[a];
}

Ball largest_error(const Vector& reward, const std::vector<Ball>& h) {
    Ball out(0.0);
    for (std::size_t a = 0; a < h.size(); ++a)
        for (std::size_t b = 0; b < a; ++b) {
            const Ball gap = Ball(reward(static_cast<Index>(a))) -  //
                             Ball(reward(static_cast<Index>(b)));
            out = max(out, abs(gap - (h[a] - h[b])));
        }
    return out;
}

void require_steps(int steps) {
    if (steps < 0) throw InputError("online DPO: " + std::to_string(steps) + " updates");
}

}  // namespace

const char* sampler_name(PairSampler sampler) {
    switch (sampler) {
        case PairSampler::kUniform:
            return "uniform";
        case PairSampler::kMixReward:
            return "Mix-R";
        case PairSampler::kMixPolicy:
            return "Mix-P";
    }
    return "";
}

void validate(const OnlineDpo& p) {
    std::string problems;
    const auto require = [&](bool met, const std::string& what) {
        if (!met) problems.append(problems.empty() ? "" : "\n").append("online DPO: ").append(what);
    };
    require(p.responses() >= 2,
            std::to_string(p.responses()) + " responses, a comparison needs at least 2");
    require(p.reward.allFinite(), "a reward is not finite");
    require(p.beta > 0.0 && std::isfinite(p.beta),
            "beta = " + std::to_string(p.beta) + ", must be positive");
    require(p.step >= 0.0 && std::isfinite(p.step),
            "step = " + std::to_string(p.step) +
                ", must be positive, or 0 for the one that cancels the linear term");
    if (!problems.empty()) throw InputError(problems);
}

std::vector<Ball> reward_errors(const OnlineDpo& problem, int steps) {
    validate(problem);
    require_steps(steps);
    std::vector<Ball> h(static_cast<std::size_t>(problem.responses()), Ball(0.0));
    std::vector<Ball> out = {largest_error(problem.reward, h)};
    for (int t = 0; t < steps; ++t) {
        update(problem, h);
        out.push_back(largest_error(problem.reward, h));
    }
    return out;
}

std::vector<Ball> updated_rewards(const OnlineDpo& problem, const Vector& implicit) {
    validate(problem);
    if (implicit.size() != problem.responses() || !implicit.allFinite())
        throw InputError("online DPO: implicit rewards must be (A) and finite");
    std::vector<Ball> h(implicit.begin(), implicit.end());
    update(problem, h);
    return h;
}

Vector noisy_rewards(const OnlineDpo& problem, int steps, double noise, Stream& stream) {
    validate(problem);
    require_steps(steps);
    if (!(noise >= 0.0) || !std::isfinite(noise))
        throw InputError("online DPO: noise = " + std::to_string(noise) +
                         ", a deviation is not negative");
    std::vector<double> h(static_cast<std::size_t>(problem.responses()), 0.0), draw(h);
    for (int t = 0; t < steps; ++t) {
        update(problem, h);
        if (noise == 0.0) continue;
        fill_noise(NoiseSpec{}, stream, draw.data(), static_cast<long>(draw.size()));
        for (std::size_t a = 0; a < h.size(); ++a) h[a] += noise * draw[a];
    }
    return Eigen::Map<const Vector>(h.data(), problem.responses());
}

}  // namespace prefdyn
