// Search spaces of the claims that studies judge.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "experiments/falsify/search_space.hpp"
#include "experiments/studies/probabilities/context_cases.hpp"
#include "experiments/studies/probabilities/probability_controls.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

using Coordinates = std::vector<double>;

Dataset dataset_of(const SearchCase& at) {
    if (at.features) return *at.features;
    return FeatureDistribution(feature_spec(at.config), at.config.seed).sample(at.config.seed);
}

/// A space of datasets with coordinates of its own before those of the dataset.
class OnDatasets : public SearchSpace {
  public:
    OnDatasets(std::unique_ptr<SearchSpace> data, std::size_t own, std::uint64_t seed)
        : seed_(seed), data_(std::move(data)), own_(own) {}
    std::string name() const override { return data_->name(); }
    std::size_t size() const override { return own_ + data_->size(); }

  protected:
    SearchCase dataset_at(const Coordinates& x) const {
        SearchCase out = data_->at({x.begin() + static_cast<std::ptrdiff_t>(own_), x.end()});
        out.features = dataset_of(out);
        out.dials = {{"beta", out.config.beta}};
        return out;
    }

    std::uint64_t seed_;

  private:
    std::unique_ptr<SearchSpace> data_;
    std::size_t own_;
};

/// T8: the samples at random among K behaviours, the features of the first times a factor, which
/// may be negative: its priority then is, too.
class BehaviourSpace final : public OnDatasets {
  public:
    BehaviourSpace(std::unique_ptr<SearchSpace> data, std::uint64_t seed)
        : OnDatasets(std::move(data), 2, seed) {}

    SearchCase at(const Coordinates& x) const override {
        SearchCase out = dataset_at(x);
        Dataset& data = *out.features;
        const auto most = static_cast<std::size_t>(std::min<Index>(data.samples(), 6));
        const std::size_t K = 2 + pick(x[0], most - 1);
        const double factor =
            (x[1] < 0.5 ? -1.0 : 1.0) * log_between(std::fabs(2.0 * x[1] - 1.0), 0.1, 10.0);
        Stream stream = stream_of(seed_, Substream::kSearchBehaviours);
        for (Index i = 0; i < data.samples(); ++i) {
            const auto drawn = static_cast<int>(stream() % K);
            data.behaviour.push_back(i < static_cast<Index>(K) ? static_cast<int>(i) : drawn);
            if (data.behaviour.back() == 0) data.features.row(i) *= factor;
        }
        const TrainSpec& t = out.config.training;
        MixtureTraining training{t.method, "sigmoid", out.config.beta, out.config.eta_kappa,
                                 t.steps,  t.records};
        out.dials.push_back({"behaviours", static_cast<double>(K)});
        out.dials.push_back({"eta kappa", training.eta_kappa});
        out.dials.push_back({"steps", static_cast<double>(t.steps)});
        out.run = [data, training, seed = seed_](Device device) mutable -> CaseResult {
            training.device = device;
            return train_mixture(data, training, seed);
        };
        out.subject = [data, training, seed = seed_](const CaseResult& result) {
            return certify::subject_of(std::get<MixtureRun>(result), training, data, seed);
        };
        return out;
    }
};

/// T9: g(x) = E x of up to 8 units, both layers trained.
class TwoLayerSpace final : public OnDatasets {
  public:
    TwoLayerSpace(std::unique_ptr<SearchSpace> data, std::uint64_t seed)
        : OnDatasets(std::move(data), 2, seed) {}

    SearchCase at(const Coordinates& x) const override {
        SearchCase out = dataset_at(x);
        const Dataset& data = *out.features;
        const Index hidden = whole(x[0], 1.0, 8.0),
                    steps = std::min<Index>(out.config.training.steps, 40);
        const double scale = log_between(x[1], 1e-2, 1e1);
        const TwoLayerModel model =
            gaussian_model(hidden, data.dimension(), scale, Activation::kIdentity, seed_);
        const double kappa = theory::gauss_newton_scale(data, model, out.config.beta);
        TwoLayerTraining training{out.config.beta, out.config.eta_kappa / kappa, steps};
        out.dials.push_back({"hidden units", static_cast<double>(hidden)});
        out.dials.push_back({"size of the head", scale});
        out.dials.push_back({"eta", training.eta});
        out.dials.push_back({"steps", static_cast<double>(steps)});
        out.run = [data, model, training](Device device) mutable -> CaseResult {
            training.device = device;
            return run_two_layer(data, {model}, training);
        };
        out.subject = [data, model, training](const CaseResult&) {
            return certify::TwoLayerSubject{.data = data,
                                            .start = model,
                                            .beta = training.beta,
                                            .eta = training.eta,
                                            .steps = training.steps};
        };
        return out;
    }
};

/// T12: one preference in two contexts, or in one, updated once or along a path.
class ContextSpace final : public SearchSpace {
  public:
    ContextSpace(theory::ContextSearch search, std::uint64_t seed)
        : search_(std::move(search)), seed_(seed) {}
    std::string name() const override { return "contexts"; }
    std::size_t size() const override { return 11; }

    SearchCase at(const Coordinates& x) const override {
        ContextDials d;
        d.vocabulary = whole(x[0], 3.0, 50.0);
        d.chosen = log_between(x[1], 1e-6, 0.99);
        d.rejected = (1.0 - d.chosen) * log_between(x[2], 1e-8, 0.99);
        d.spread = log_between(x[3], 1e-2, 8.0);
        d.reference_shift = between(x[4], 0.0, 4.0);
        const double c = log_between(x[5], 1e-3, 30.0);
        if (!search_.one_context) {
            d.rho = between(x[6], -1.0, 1.0);
            d.norm_ratio = log_between(x[7], 0.1, 10.0);
            d.same_token = x[8] > 0.75;
        }
        d.objective = search_.objective.value_or(
            static_cast<Objective>(pick(x[9], objective_names().size())));
        d.samples = whole(x[10], 1.0, static_cast<double>(search_.examples));
        SearchCase out;
        out.dials = {{"vocabulary", static_cast<double>(d.vocabulary)},
                     {"chosen", d.chosen},
                     {"rejected", d.rejected},
                     {"spread", d.spread},
                     {"reference shift", d.reference_shift},
                     {"added logit", c},
                     {"cosine", d.rho},
                     {"norm ratio", d.norm_ratio},
                     {"same token", d.same_token ? 1.0 : 0.0},
                     {"examples", static_cast<double>(d.samples)}};
        out.run = [=, path = search_.path, seed = seed_](Device) -> CaseResult {
            theory::InfluenceFacts facts = make_facts(d, seed);
            if (path)
                measure_path(facts, honest_trainer(facts), c, 6);
            else
                measure_single(facts, honest_trainer(facts), {c});
            return facts;
        };
        out.subject = [](const CaseResult& result) {
            return certify::ContextSubject{.told = std::get<theory::InfluenceFacts>(result)};
        };
        return out;
    }

  private:
    theory::ContextSearch search_;
    std::uint64_t seed_;
};

}  // namespace

theory::Evidence evidence_of(const CaseResult& result) {
    return std::visit(
        [](const auto& r) {
            if constexpr (std::is_same_v<std::decay_t<decltype(r)>, theory::InfluenceFacts>)
                return evidence_of(r);
            else
                return r.evidence();
        },
        result);
}

bool has_search_space(const theory::Claim& claim) {
    const bool of_runs = std::holds_alternative<theory::RunSearch>(claim.checks.search);
    return claim.kind == theory::ClaimKind::kRigorous &&
           (!of_runs || claim.scope == theory::Scope::kRun);
}

std::unique_ptr<SearchSpace> search_space(const theory::Claim& claim, std::size_t restart,
                                          std::uint64_t seed) {
    using Space = std::unique_ptr<SearchSpace>;
    struct Make {
        Space data;
        std::uint64_t seed;
        Space operator()(const theory::RunSearch&) { return std::move(data); }
        Space operator()(const theory::BehaviourSearch&) {
            return std::make_unique<BehaviourSpace>(std::move(data), seed);
        }
        Space operator()(const theory::TwoLayerSearch&) {
            return std::make_unique<TwoLayerSpace>(std::move(data), seed);
        }
        Space operator()(const theory::ContextSearch& search) {
            return std::make_unique<ContextSpace>(search, seed);
        }
    };
    if (!has_search_space(claim)) throw InputError("claim: no space to search for " + claim.id);
    return std::visit(
        Make{restart % 2 == 0 ? dial_space(seed, claim.keep, most_eta_kappa(claim))
                              : feature_space(seed, claim.keep, most_eta_kappa(claim)),
             seed},
        claim.checks.search);
}

}  // namespace prefdyn
