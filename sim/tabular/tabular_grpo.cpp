#include "sim/tabular/tabular_grpo.hpp"

#include <cmath>
#include <string>

#include "sim/base/failure.hpp"
#include "sim/base/stream.hpp"
#include "sim/tabular/tabular_rlhf.hpp"

namespace prefdyn {

GrpoWorld grpo_world(double success, double beta, double epsilon, Index responses,
                     std::uint64_t seed) {
    if (responses < 2)
        throw InputError("GRPO: " + std::to_string(responses) +
                         " responses, a right and a wrong one are needed");
    Stream stream(seed, Purpose::kTabular);
    GrpoWorld out{RowMatrix(1, responses), RowMatrix::Zero(1, responses), beta, epsilon};
    for (Index a = 0; a < responses; ++a)
        out.reference(0, a) = 0.5 + static_cast<double>(stream() >> 11) * 0x1p-53;
    const Index right = responses / 2;
    out.right.leftCols(right).setOnes();
    out.reference.leftCols(right) *= success / out.reference.leftCols(right).sum();
    out.reference.rightCols(responses - right) *=
        (1.0 - success) / out.reference.rightCols(responses - right).sum();
    validate(out);
    return out;
}

void validate(const GrpoWorld& world) {
    std::string problems;
    const auto require = [&](bool met, const std::string& what) {
        if (!met) problems.append(problems.empty() ? "" : "\n").append("GRPO: ").append(what);
    };
    const double success = world.success();
    require(success > 0.0 && success < 1.0 && (world.reference.array() > 0.0).all(),
            "the reference is right with probability " + std::to_string(success) +
                ", must be between 0 and 1, every response possible");
    require(world.beta > 0.0 && std::isfinite(world.beta),
            "beta = " + std::to_string(world.beta) + ", must be positive");
    require(world.epsilon > 0.0 && std::isfinite(world.epsilon),
            "epsilon = " + std::to_string(world.epsilon) + ", must be positive");
    if (!problems.empty()) throw InputError(problems);
}

Ball grpo_round(const GrpoWorld& world, double before) {
    validate(world);
    if (!(before >= 0.0 && before <= 1.0))
        throw InputError("GRPO: the old policy is right with probability " +
                         std::to_string(before) + ", must lie in [0, 1]");
    const double deviation = std::sqrt(before * (1.0 - before) + world.epsilon);
    const RlhfProblem problem{Vector::Ones(1), world.reference.array().log(),
                              world.right / deviation, world.beta};
    const Ascent ascent = ascend(problem);
    const double success = ascent.log_policy.array().exp().cwiseProduct(world.right.array()).sum();
    // T10d: log pi is within 2 max |d| / beta of the optimum's.
    const double terms = 4.0 * static_cast<double>(world.right.size()) + 32.0;
    const double off = 2.0 * ascent.residual / world.beta +
                       gamma_of(terms) * (1.0 + problem.reward.maxCoeff() / world.beta +
                                          problem.log_reference.cwiseAbs().maxCoeff());
    return {success, success * std::expm1(off)};
}

}  // namespace prefdyn
