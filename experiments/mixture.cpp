#include "experiments/mixture.hpp"

#include <cmath>

#include "sim/cancel.hpp"
#include "sim/error.hpp"
#include "sim/reduced_engine.hpp"

namespace prefdyn {

namespace {

/// The reduced engine, keeping v in every record.
class WatchedEngine final : public PolicyEngine {
  public:
    explicit WatchedEngine(const PreferenceTask& task) : inner_(task) {}

    Index size() const override { return inner_.size(); }
    Vector initial() const override { return inner_.initial(); }
    const Dataset& data(Split split) const override { return inner_.data(split); }
    double descent(const Vector& theta, std::span<const Index> rows,
                   Vector& direction) const override {
        return inner_.descent(theta, rows, direction);
    }
    void evaluate(const Vector& theta, Split split, Responses& out,
                  Vector* direction) const override {
        inner_.evaluate(theta, split, out, direction);
    }
    double frobenius(const Vector& flat) const override { return inner_.frobenius(flat); }
    HeadNorms change(const Vector& theta) const override { return inner_.change(theta); }
    std::vector<double> observe(const Vector& theta) const override {
        return {theta.begin(), theta.end()};
    }

  private:
    ReducedEngine inner_;
};

void append(Dataset& out, const Dataset& part, int behaviour) {
    const Index before = out.samples();
    out.features.conservativeResize(before + part.samples(), part.dimension());
    out.features.bottomRows(part.samples()) = part.features;
    out.label.insert(out.label.end(), part.label.begin(), part.label.end());
    out.category.insert(out.category.end(), part.category.begin(), part.category.end());
    out.behaviour.insert(out.behaviour.end(), part.label.size(), behaviour);
}

}  // namespace

MixturePopulation::MixturePopulation(const std::vector<BehaviourShare>& shares, std::uint64_t seed)
    : shares_(shares), seed_(seed) {}

theory::Mixture MixturePopulation::components() const {
    theory::Mixture out;
    for (std::size_t k = 0; k < shares_.size(); ++k) {
        const FeatureDistribution law(shares_[k].features,
                                      derive_seed(seed_, Purpose::kBehaviours, k));
        for (auto& c :
             theory::class_components(law.moments(), shares_[k].weight, shares_[k].features.p_plus))
            out.push_back(std::move(c));
    }
    return out;
}

Dataset MixturePopulation::sample(Index n, std::uint64_t seed) const {
    Dataset out;
    out.name = "mixture";
    for (std::size_t k = 0; k < shares_.size(); ++k) {
        FeatureSpec spec = shares_[k].features;
        spec.samples = std::llround(shares_[k].weight * static_cast<double>(n));
        const FeatureDistribution law(spec, derive_seed(seed_, Purpose::kBehaviours, k));
        append(out, law.sample(derive_seed(seed, Purpose::kBehaviours, k)), static_cast<int>(k));
    }
    return out;
}

Trajectory watched_flow(Dataset data, const std::shared_ptr<const MarginLoss>& loss, double beta,
                        double end, Index records) {
    PreferenceTask task;
    task.train = std::move(data);
    task.held_out.features.resize(0, task.train.dimension());
    task.policy.beta = beta;
    task.loss = loss;
    TrainSpec spec;
    spec.method = Method::kFlow;
    spec.steps = 1;
    spec.eta = end;
    spec.records = records;
    spec.flow_tolerance = 1e-5;  // a hundred times below the sampling error of v
    Trajectory out = train(WatchedEngine(task), *loss, spec, 0);
    if (out.stop == StopReason::kInterrupted) throw Interrupted();
    return out;
}

}  // namespace prefdyn
