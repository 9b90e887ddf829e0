#include "experiments/runs/run_measures.hpp"
#include "experiments/sweep/model.hpp"
#include "theory/registry.hpp"

namespace prefdyn::sweep {

namespace {

const std::vector<Measured<RunResult>>& run_numbers() {
    static const auto all = [] {
        auto out = chosen(run_measures(),
                          {"distinguishability_sample", "distinguishability_debiased",
                           "noise_floor", "zbar_norm", "lambda_max", "kappa", "learning_rate",
                           "initial_rate_predicted", "initial_rate_measured"});
        out.push_back({"stop_code",
                       [](const RunResult& r) { return static_cast<double>(r.trajectory.stop); }});
        return out;
    }();
    return all;
}

const std::vector<Measured<Record>>& run_curves() {
    static const auto all = chosen(
        record_measures(), {"step", "time", "loss", "head_change", "update_rate", "rewards_margins",
                            "rewards_accuracies", "eval_loss", "eval_rewards_accuracies"});
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
        if (kept_ && config_.engine == EngineKind::kDense) refuse_dense_head();
        config_.training.keep = looked_at_ | Kept::data(kept_.has_value());
        return run_.emplace(begin_synthetic(config_)).job();
    }

    PointResult finish(Trajectory trajectory, const std::vector<theory::Claim>& claims,
                       std::size_t records) override {
        const RunResult result = run_->finish(std::move(trajectory));
        PointResult out{result.id, row_of(result, run_numbers(), run_curves(), records)};
        theory::Evidence evidence = result.evidence();
        evidence.delta = delta_;
        append_verdicts(out.values, claims, evidence);
        append_kept(out.values, result.data, result.trajectory);
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
    return {"run",
            "one head on one synthetic dataset, as simulate trains it",
            claim_ids(),
            measures_of(run_numbers(), run_curves()),
            0,
            false,
            [] { return std::unique_ptr<Model>(new RunModel); }};
}

}  // namespace prefdyn::sweep
