#include "experiments/runs/suite.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>

#include "experiments/runs/loss_run.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn {

namespace {

/// The centre of the design: eta kappa = 0.05 to kappa t = 20, recorded logarithmically.
RunConfig centre() {
    RunConfig c;
    c.features = plain_features(400, 64, 2.0);
    c.features.direction = Direction::kRandom;
    c.training.steps = 400;
    c.training.records = 40;
    c.training.spacing = Spacing::kLogarithmic;
    c.eta_kappa = 0.05;
    return c;
}

struct Builder {
    std::uint64_t seed;
    std::vector<SuiteRun> runs = {};

    template <class Change>
    void add(const std::string& suite, Change change) {
        RunConfig c = centre();
        change(c);
        c.seed = derive_seed(seed, Substream::kSuiteRuns, runs.size()) >> 1;  // the option's range
        runs.push_back({suite, c});
    }
};

struct Sizes {
    std::vector<double> distinguishability;
    std::vector<Index> dimension, samples;
};

Sizes sizes(Profile profile) {
    if (profile == Profile::kQuick) return {{0.5, 2.0, 8.0}, {4, 64}, {50, 400}};
    if (profile == Profile::kDefault)
        return {{0.25, 0.5, 1.0, 2.0, 4.0, 8.0}, {4, 64, 256}, {50, 400, 2000}};
    return {{0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0},
            {1, 4, 31, 64, 256, 1024},
            {33, 50, 400, 2000, 10000}};
}

void add_rates(Builder& b, Profile profile) {
    const Sizes s = sizes(profile);
    for (const double distinguishability : s.distinguishability)
        for (const Index d : s.dimension)
            for (const Index n : s.samples)
                for (const Method method : {Method::kGradientDescent, Method::kFlow})
                    if (method == Method::kGradientDescent || n == 400)
                        b.add("rates", [&](RunConfig& c) {
                            c.features.distinguishability = distinguishability;
                            c.features.dimension = d;
                            c.features.samples = n;
                            c.training.method = method;
                        });
}

void add_covariances(Builder& b) {
    for (const Spectrum spectrum : {Spectrum::kPowerLaw, Spectrum::kCondition})
        for (const Direction direction : {Direction::kRandom, Direction::kTop, Direction::kBottom})
            b.add("covariance", [&](RunConfig& c) {
                c.features.covariance.spectrum = spectrum;
                c.features.direction = direction;
            });
    for (const MinusSpectrum minus : {MinusSpectrum::kIsotropic, MinusSpectrum::kPowerLaw})
        b.add("covariance", [&](RunConfig& c) {
            c.features.covariance.spectrum = Spectrum::kCondition;
            c.spectrum_minus = minus;
            c.minus.sigma = 2.0;
        });
}

void add_tails(Builder& b) {
    const std::vector<NoiseSpec> families = {
        {Tails::kUniform, 1.0, 5.0},           {Tails::kGeneralizedNormal, 0.5, 5.0},
        {Tails::kGeneralizedNormal, 1.0, 5.0}, {Tails::kGeneralizedNormal, 4.0, 5.0},
        {Tails::kStudentT, 1.0, 5.0},          {Tails::kStudentT, 1.0, 2.5},
        {Tails::kStudentT, 1.0, 1.5}};
    for (const NoiseSpec& noise : families)
        for (const double distinguishability : {0.5, 4.0})
            b.add("tails", [&](RunConfig& c) {
                c.features.noise = noise;
                c.features.distinguishability = distinguishability;
            });
}

void add_balance(Builder& b) {
    for (const double p_plus : {0.1, 0.3, 0.5, 0.95})
        for (const double common : {0.0, 5.0})
            b.add("balance", [&](RunConfig& c) {
                c.features.p_plus = p_plus;
                c.features.common_norm = common;
                c.features.common_angle = 60.0;
            });
    for (const double rho : {0.1, 0.4})
        b.add("label noise", [&](RunConfig& c) { c.features.label_noise = rho; });
}

void add_trainers(Builder& b) {
    for (const double eta_kappa : {0.01, 0.5, 1.0, 1.5, 2.0, 3.0})
        b.add("trainer", [&](RunConfig& c) { c.eta_kappa = eta_kappa; });
    for (const Sampling sampling : {Sampling::kEpoch, Sampling::kFresh, Sampling::kReplacement})
        b.add("trainer", [&](RunConfig& c) {
            c.training.method = Method::kSgd;
            c.training.batch = 32;
            c.training.sampling = sampling;
        });
    b.add("trainer", [](RunConfig& c) {
        c.training.method = Method::kAdam;
        c.training.eta = 1e-3;
    });
    for (const double beta : {0.01, 1.0})
        b.add("beta", [&](RunConfig& c) {
            c.beta = beta;
            c.training.method = Method::kFlow;
        });
}

void add_engines(Builder& b) {
    for (const Method method :
         {Method::kGradientDescent, Method::kSgd, Method::kAdam, Method::kFlow})
        b.add("dense engine", [&](RunConfig& c) {
            c.engine = EngineKind::kDense;
            c.features.dimension = 8;
            c.features.samples = 200;
            c.vocabulary = 50;
            c.reference_scale = 1.0;
            c.training.method = method;
            c.training.batch = method == Method::kSgd ? 32 : 0;
            if (method == Method::kAdam) c.training.eta = 1e-3;
        });
    for (const Method method : {Method::kGradientDescent, Method::kFlow})
        b.add("single precision", [&](RunConfig& c) {
            c.engine = EngineKind::kReducedF32;
            c.training.method = method;
        });
}

void add_exact_moments(Builder& b) {
    for (const double distinguishability : {0.0, 0.5, 2.0, 8.0})
        for (const Spectrum spectrum : {Spectrum::kIsotropic, Spectrum::kPowerLaw})
            b.add("exact moments", [&](RunConfig& c) {
                c.features.moments = Moments::kSample;
                c.features.distinguishability = distinguishability;
                c.features.covariance.spectrum = spectrum;
            });
}

void add_losses(Builder& b) {
    for (const std::string& name : loss_names())
        for (const Method method : {Method::kGradientDescent, Method::kFlow})
            b.add("losses", [&](RunConfig& c) {
                c.features.dimension = 16;
                c.features.samples = 200;
                c = loss_run(c, name, method);
            });
}

/// Draws from the full product of all axes, so that they are seen together and not only one by one.
void add_crossed(Builder& b, Stream& stream, Index runs) {
    const auto one_of = [&](const auto& options) {
        boost::random::uniform_int_distribution<std::size_t> pick(0, options.size() - 1);
        return options[pick(stream)];
    };
    using Doubles = std::vector<double>;
    using Sizes = std::vector<Index>;
    for (Index r = 0; r < runs; ++r)
        b.add("crossed", [&](RunConfig& c) {
            c.features.distinguishability = one_of(Doubles{0.0, 0.3, 1.0, 3.0, 10.0});
            c.features.dimension = one_of(Sizes{2, 16, 100});
            c.features.samples = one_of(Sizes{20, 200, 1000});
            c.features.covariance.spectrum = static_cast<Spectrum>(one_of(Sizes{0, 1, 2}));
            c.features.noise.tails = static_cast<Tails>(one_of(Sizes{0, 1, 2, 3}));
            c.features.noise.degrees_of_freedom = one_of(Doubles{1.5, 3.0, 8.0});
            c.features.p_plus = one_of(Doubles{0.1, 0.5, 0.7});
            c.features.common_norm = one_of(Doubles{0.0, 2.0, 20.0});
            // With 20 samples flips could empty a class.
            c.features.label_noise = one_of(Doubles{0.0, 0.0, c.features.samples > 20 ? 0.2 : 0.0});
            c.beta = one_of(Doubles{0.01, 0.1, 1.0});
            c.eta_kappa = one_of(Doubles{0.02, 0.3, 1.0, 2.0});
            c.training.method = static_cast<Method>(one_of(Sizes{0, 0, 1, 2, 3, 3}));
            c.training.batch = 16;
        });
}

}  // namespace

std::vector<SuiteRun> population_suite(const Population& population, Profile profile,
                                       std::uint64_t seed) {
    constexpr double kMostNumbers = 2e7;
    const Index least = population.least_samples(1);
    if (static_cast<double>(least) * static_cast<double>(population.dimension()) > kMostNumbers)
        throw InputError(population.name() + ": its rarest component needs " +
                             std::to_string(least) +
                             " samples in d = " + std::to_string(population.dimension()),
                         "leave out what is too rare to be seen in a sample");
    Builder b{seed};
    const auto add = [&](Index n, auto change) {
        b.add("population", [&](RunConfig& c) {
            c.features = {};
            c.population = population.known_name();
            c.features.dimension = population.dimension();
            c.features.samples = std::max(n, least);
            change(c);
        });
    };
    for (const Index n : sizes(profile).samples)
        for (const Method method : {Method::kGradientDescent, Method::kFlow})
            add(n, [&](RunConfig& c) { c.training.method = method; });
    for (const double eta_kappa : {0.5, 1.5})
        add(400, [&](RunConfig& c) { c.eta_kappa = eta_kappa; });
    for (const double beta : {0.01, 1.0}) add(400, [&](RunConfig& c) { c.beta = beta; });
    add(400, [](RunConfig& c) {
        c.training.method = Method::kSgd;
        c.training.batch = 32;
    });
    return std::move(b.runs);
}

std::vector<SuiteRun> synthetic_suite(Profile profile, std::uint64_t seed) {
    Builder b{seed};
    const int repeats = profile == Profile::kFull ? 5 : 1;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        add_rates(b, profile);
        add_covariances(b);
        add_tails(b);
        add_balance(b);
        add_trainers(b);
        add_engines(b);
        add_exact_moments(b);
    }
    Stream stream = stream_of(seed, Substream::kCrossedRuns);
    add_crossed(b, stream,
                profile == Profile::kQuick     ? 50
                : profile == Profile::kDefault ? 500
                                               : 5000);
    add_losses(b);
    return std::move(b.runs);
}

}  // namespace prefdyn
