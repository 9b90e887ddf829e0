#include "experiments/runs/run_config.hpp"
#include "experiments/studies/priority/priority.hpp"
#include "experiments/sweep/model.hpp"
#include "sim/base/content_hash.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn::sweep {

namespace {

/// Two behaviours; the first has the longer mean difference unless norm-ratio < 1.
struct PriorityConfig {
    Index samples = 400, dimension = 32;
    double longest = 2.0, norm_ratio = 2.0, angle = 90.0, weight = 0.5, sigma = 1.0;
    MixtureTraining training;
    std::size_t loss = 0;
    std::uint64_t seed = 1;
};

void declare(ParameterTable& t, PriorityConfig& c) {
    t.integer("samples", &c.samples, 8, 10000000, "", "preferences n of both behaviours");
    t.integer("dimension", &c.dimension, 2, 100000, "", "feature dimension d");
    t.real("longest", &c.longest, 0.0, 1e9, true, "feature units",
           "||delta_1||, class-mean difference of the first behaviour");
    t.real("norm-ratio", &c.norm_ratio, 1e-6, 1e6, false, "", "||delta_1|| / ||delta_2||");
    t.real("angle", &c.angle, 0.0, 180.0, false, "degrees", "between delta_1 and delta_2");
    t.real("weight", &c.weight, 0.01, 0.99, false, "", "share of the first behaviour's samples");
    t.real("sigma", &c.sigma, 0.0, 1e9, true, "feature units",
           "root mean eigenvalue of every class covariance");
    t.choice("method", &c.training.method, {"gd", "sgd", "adam", "flow"},
             "gd or flow: priorities are of the full batch");
    t.choice("loss", &c.loss, loss_names(), "preference loss, a function of the reward margin");
    t.real("beta", &c.training.beta, 0.0, 1e6, true, "", "strength of the reference in DPO");
    t.real("eta-kappa", &c.training.eta_kappa, 0.0, 1e6, true, "",
           "learning rate times smoothness kappa");
    t.integer("steps", &c.training.steps, 1, 10000000, "updates", "the flow runs to eta * steps");
    t.integer("records", &c.training.records, 2, 100000, "", "about how many points are recorded");
    t.seed("seed", &c.seed, "everything random follows from it");
}

PrioritySetting setting_of(const PriorityConfig& c) {
    PrioritySetting out{"", equiangular_mixture(2, c.longest, c.norm_ratio, c.angle), c.norm_ratio,
                        c.angle, c.training};
    out.mixture.samples = c.samples;
    out.mixture.dimension = c.dimension;
    out.mixture.behaviours[0].weight = c.weight;
    out.mixture.behaviours[1].weight = 1.0 - c.weight;
    for (BehaviourSpec& b : out.mixture.behaviours) b.covariance.sigma = c.sigma;
    out.mixture.moments = Moments::kPopulation;
    out.training.loss = loss_names().at(c.loss);
    return out;
}

const std::vector<Measured<MixtureRun>>& behaviour_numbers() {
    using R = const MixtureRun&;
    static const std::vector<Measured<MixtureRun>> all = {
        {measure_as("level_1", "level", "k = 1"), [](R r) { return r.behaviours.priority(0); }},
        {measure_as("level_2", "level", "k = 2"), [](R r) { return r.behaviours.priority(1); }},
        {"gap", gap_of_two},
        {"kappa", [](R r) { return r.kappa; }},
        {measure_as("lead_time", "lead_time", "negative where behaviour 2 leads"),
         [](R r) { return theory::lead_time(r.behaviours, 0, 1, r.kappa); }},
        {"crossing", crossing_of_two},
    };
    return all;
}

std::vector<Measured<Record>> make_curves() {
    std::vector<Measured<Record>> out = {{"time", [](const Record& r) { return r.time; }}};
    for (const BehaviourCurve& c : priority_curves())
        for (const std::size_t k : {0, 1}) {
            const std::string number = std::to_string(k + 1);
            out.push_back(
                {measure_as(std::string(c.name) + "_" + number, c.measure, "behaviour " + number),
                 [k, value = c.value](const Record& r) { return r.behaviours[k].*value; }});
        }
    return out;
}

const std::vector<Measured<Record>>& behaviour_curves() {
    static const auto all = make_curves();
    return all;
}

class PriorityModel final : public Model {
  public:
    PriorityModel() { declare(table_, config_); }

    TrainJob begin(Device device) override {
        config_.training.device = device;
        config_.training.keep = kept_.has_value();
        return run_.emplace(begin_mixture(setting_of(config_), config_.seed)).job();
    }

    PointResult finish(Trajectory trajectory, const std::vector<theory::Claim>& claims,
                       std::size_t records) override {
        const MixtureRun result = run_->finish(std::move(trajectory));
        PointResult out{content_hash("priority\n" + table_.canonical()),
                        row_of(result, behaviour_numbers(), behaviour_curves(), records)};
        const theory::Evidence evidence = result.evidence();
        append_verdicts(out.values, claims, evidence);
        append_kept(out.values, result.data, result.trajectory);
        return out;
    }

    double bytes() const override {
        const double n = static_cast<double>(config_.samples),
                     d = static_cast<double>(config_.dimension), small = std::min(n, d);
        return 8.0 * (3.0 * n * d + 2.0 * small * small);
    }

  private:
    PriorityConfig config_;
    std::optional<PendingMixture> run_;
};

}  // namespace

Experiment priority_experiment() {
    return {"priority",
            "two behaviours trained together",
            {"T8a", "T8b", "T8c", "T8d"},
            measures_of(behaviour_numbers(), behaviour_curves()),
            1,
            true,
            [] { return std::unique_ptr<Model>(new PriorityModel); },
            theory::Scope::kStudy};
}

}  // namespace prefdyn::sweep
