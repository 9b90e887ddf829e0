#include "experiments/falsify/search_space.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

#include "sim/base/substream.hpp"
#include "theory/formula/formula_claim.hpp"

namespace prefdyn {

double between(double x, double low, double high) { return low + x * (high - low); }
double log_between(double x, double low, double high) {
    return std::exp(between(x, std::log(low), std::log(high)));
}
Index whole(double x, double low, double high) {
    return static_cast<Index>(std::llround(log_between(x, low, high)));
}
std::size_t pick(double x, std::size_t options) {
    return std::min(options - 1, static_cast<std::size_t>(x * static_cast<double>(options)));
}

namespace {

/// eta kappa, steps and the trainer, from three coordinates.
void set_training(RunConfig& c, double eta, double steps, double method, double most_eta_kappa) {
    c.training.method = method < 0.75 ? Method::kGradientDescent : Method::kFlow;
    c.training.steps = whole(steps, 1.0, 400.0);
    c.training.records = 24;
    c.training.spacing = Spacing::kLogarithmic;
    c.eta_kappa = log_between(eta, 1e-3, most_eta_kappa);
}

class DialSpace final : public SearchSpace {
  public:
    DialSpace(std::uint64_t seed, const Kept& keep, double most_eta_kappa)
        : seed_(seed), keep_(keep), most_eta_kappa_(most_eta_kappa) {}
    std::string name() const override { return "dials"; }
    std::size_t size() const override { return 14; }

    SearchCase at(const std::vector<double>& x) const override {
        SearchCase out;
        RunConfig& c = out.config;
        FeatureSpec& f = c.features;
        f.samples = whole(x[0], 2.0, 200.0);
        f.dimension = whole(x[1], 1.0, 32.0);
        f.distinguishability = log_between(x[2], 1e-2, 1e2);
        const double margin = 0.5 / static_cast<double>(f.samples);  // neither class empty
        f.p_plus = between(x[3], 1.01 * margin, 1.0 - 1.01 * margin);
        f.common_norm = x[4] < 0.2 ? 0.0 : log_between((x[4] - 0.2) / 0.8, 1e-1, 1e2);
        f.common_angle = f.dimension == 1 ? (x[5] < 0.5 ? 0.0 : 180.0) : between(x[5], 0.0, 180.0);
        f.direction = static_cast<Direction>(pick(x[6], direction_names().size()));
        f.covariance.spectrum = static_cast<Spectrum>(pick(x[7], spectrum_names().size()));
        f.covariance.condition_number = log_between(x[8], 1.0, 1e6);
        f.covariance.power_exponent = between(x[8], 0.0, 4.0);
        f.noise.tails = static_cast<Tails>(pick(x[9], tail_names().size()));
        c.beta = log_between(x[10], 1e-3, 1e1);
        set_training(c, x[11], x[12], x[13], most_eta_kappa_);
        c.training.keep = keep_;
        c.seed = seed_;
        out.run = [c](Device device) mutable -> CaseResult {
            c.device = device;
            return run_synthetic(c);
        };
        return out;
    }

  private:
    std::uint64_t seed_;
    Kept keep_;
    double most_eta_kappa_;
};

class FeatureSpace final : public SearchSpace {
  public:
    FeatureSpace(std::uint64_t seed, const Kept& keep, double most_eta_kappa)
        : seed_(seed), keep_(keep), most_eta_kappa_(most_eta_kappa) {
        Stream stream = stream_of(seed, Substream::kSearchFeatures);
        const auto whole_number = [&](Index low, Index high) {
            return boost::random::uniform_int_distribution<Index>(low, high)(stream);
        };
        samples_ = whole_number(2, 8);
        dimension_ = whole_number(1, 4);
        positive_ = whole_number(1, samples_ - 1);
    }
    std::string name() const override { return "features"; }
    std::size_t size() const override {
        return static_cast<std::size_t>(samples_ * dimension_) + 3;
    }

    SearchCase at(const std::vector<double>& x) const override {
        SearchCase out;
        Dataset data;
        data.name = "extremal";
        data.features.resize(samples_, dimension_);
        for (Index k = 0; k < data.features.size(); ++k)
            data.features.data()[k] = between(x[static_cast<std::size_t>(k) + 3], -1.0, 1.0);
        data.label.assign(static_cast<std::size_t>(samples_), std::int8_t{-1});
        std::fill_n(data.label.begin(), positive_, std::int8_t{1});
        set_training(out.config, x[0], x[1], x[2], most_eta_kappa_);
        out.config.training.keep = keep_;
        out.config.seed = seed_;
        out.run = [c = out.config, data](Device device) mutable -> CaseResult {
            c.device = device;
            return run_dataset(c, data);
        };
        out.features = std::move(data);
        return out;
    }

  private:
    std::uint64_t seed_;
    Kept keep_;
    double most_eta_kappa_;
    Index samples_, dimension_, positive_;
};

}  // namespace

double most_eta_kappa(const theory::Claim& claim) {
    return theory::is_own(claim) && !claim.formula->about_path ? 20.0 : 2.0;
}

std::unique_ptr<SearchSpace> dial_space(std::uint64_t seed, const Kept& keep,
                                        double most_eta_kappa) {
    return std::make_unique<DialSpace>(seed, keep, most_eta_kappa);
}
std::unique_ptr<SearchSpace> feature_space(std::uint64_t seed, const Kept& keep,
                                           double most_eta_kappa) {
    return std::make_unique<FeatureSpace>(seed, keep, most_eta_kappa);
}

}  // namespace prefdyn
