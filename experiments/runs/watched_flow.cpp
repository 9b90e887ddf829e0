#include "experiments/runs/watched_flow.hpp"

#include "experiments/runs/run_config.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"
#include "sim/head/reduced_engine.hpp"

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
    Roundings roundings() const override { return inner_.roundings(); }
    std::vector<double> observe(const Vector& theta) const override {
        return {theta.begin(), theta.end()};
    }

  private:
    ReducedEngine inner_;
};

}  // namespace

Trajectory watched_flow(Dataset data, const std::shared_ptr<const MarginLoss>& loss, double beta,
                        double end, Index records, Device device) {
    const PreferenceTask task = plain_task(std::move(data), loss, beta, device);
    const TrainSpec spec = {.method = Method::kFlow,
                            .eta = end,
                            .steps = 1,
                            .records = records,
                            // a hundred times below the sampling error of v
                            .flow_tolerance = 1e-5};
    Trajectory out = train(WatchedEngine(task), *loss, spec, 0);
    if (out.stop == StopReason::kInterrupted) throw Interrupted();
    return out;
}

}  // namespace prefdyn
