#include "experiments/sweep/run_model.hpp"

#include <cmath>

#include "experiments/runs/run.hpp"
#include "experiments/sweep/point_row.hpp"
#include "theory/rates.hpp"
#include "theory/registry.hpp"

namespace prefdyn::sweep {

namespace {

const std::vector<Measure<RunResult>>& numbers() {
    using R = const RunResult&;
    static const std::vector<Measure<RunResult>> all = {
        {{"distinguishability_sample", "feature units", "Dhat of the sample"},
         [](R r) { return r.statistics.distinguishability; }},
        {{"distinguishability_debiased", "feature units", "sqrt(max(0, Dhat^2 - noise_floor^2))"},
         [](R r) { return r.statistics.distinguishability_debiased(); }},
        {{"noise_floor", "feature units", "what Dhat is without any signal"},
         [](R r) { return std::sqrt(r.statistics.noise_floor_squared()); }},
        {{"zbar_norm", "feature units", "||(1/n) sum s_i g_i||"},
         [](R r) { return r.statistics.zbar_norm; }},
        {{"lambda_max", "feature units^2", "largest eigenvalue of M = (1/n) sum g g^T"},
         [](R r) { return r.statistics.lambda_max; }},
        {{"kappa", "1 / time", "smoothness of the loss"}, [](R r) { return r.kappa; }},
        {{"learning_rate", "time / step", "eta as used"},
         [](R r) { return r.config.training.eta; }},
        {{"initial_rate_predicted", "1 / time", "R(0) of T1"},
         [](R r) { return theory::initial_rate(r.evidence()); }},
        {{"initial_rate_measured", "1 / time", "||grad L||_F at t = 0"},
         [](R r) { return r.trajectory.records.front().update_rate; }},
        {{"stop_code", "", "0 completed, 1 diverged, 3 step underflow"},
         [](R r) { return static_cast<double>(r.trajectory.stop); }},
    };
    return all;
}

const std::vector<Measure<Record>>& curves() {
    using R = const Record&;
    static const std::vector<Measure<Record>> all = {
        {{"step", "updates", "parameter updates", true}, [](R r) { return r.step; }},
        {{"time", "time", "t = eta * step", true}, [](R r) { return r.time; }},
        {{"loss", "nats", "mean training loss", true}, [](R r) { return r.train.loss; }},
        {{"head_change", "", "||W - W_0||_F", true}, [](R r) { return r.head_change; }},
        {{"update_rate", "1 / time", "R(t) = ||grad L||_F", true},
         [](R r) { return r.update_rate; }},
        {{"rewards_margins", "", "TRL rewards/margins, training rows", true},
         [](R r) { return r.train.rewards_margins; }},
        {{"rewards_accuracies", "", "TRL rewards/accuracies, training rows", true},
         [](R r) { return r.train.rewards_accuracies; }},
        {{"eval_loss", "nats", "mean held-out loss", true}, [](R r) { return r.held_out.loss; }},
        {{"eval_rewards_accuracies", "", "TRL rewards/accuracies, held-out rows", true},
         [](R r) { return r.held_out.rewards_accuracies; }},
    };
    return all;
}

class RunModel final : public Model {
  public:
    RunModel() {
        declare(table_, config_);
        table_.real("delta", &delta_, 0.0, 1.0, true, "",
                    "allowed failure probability of the claims about samples (T5)");
    }

    TrainJob begin(Device device) override {
        config_.device = device;
        return run_.emplace(begin_synthetic(config_)).job();
    }

    PointResult finish(Trajectory trajectory, const std::vector<theory::Claim>& claims,
                       std::size_t records) override {
        const RunResult result = run_->finish(std::move(trajectory));
        PointResult out{result.id, {}};
        for (const auto& m : numbers()) out.values.push_back(m.get(result));
        for (const auto& m : curves())
            append_curve(out.values, result.trajectory.records, records, m.get);
        theory::Evidence evidence = result.evidence();
        evidence.delta = delta_;
        for (const auto& claim : claims) append_verdict(out.values, claim, evidence);
        return out;
    }

    double bytes() const override {
        const double n = static_cast<double>(config_.features.samples + config_.held_out),
                     d = static_cast<double>(config_.features.dimension), small = std::min(n, d);
        return 8.0 * (3.0 * n * d + 4.0 * small * small);
    }

  private:
    RunConfig config_;
    std::optional<PendingRun> run_;
    double delta_ = 0.05;
};

std::vector<std::string> claim_ids() {
    std::vector<std::string> out;
    for (const auto& claim : theory::claims())
        if (claim.scope != theory::Scope::kStudy && claim.kind != theory::ClaimKind::kFit)
            out.push_back(claim.id);
    return out;
}

}  // namespace

Experiment run_experiment() {
    std::vector<Column> columns = columns_of(numbers());
    for (const Column& c : columns_of(curves())) columns.push_back(c);
    return {"run", "one head on one synthetic dataset, as simulate trains it", claim_ids(), columns,
            0,     [] { return std::unique_ptr<Model>(new RunModel); }};
}

}  // namespace prefdyn::sweep
