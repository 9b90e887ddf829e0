#include "experiments/runs/run_config.hpp"

#include "experiments/results/columns.hpp"
#include "experiments/runs/kept_populations.hpp"
#include "sim/base/content_hash.hpp"

namespace prefdyn {

namespace {

void declare_features(ParameterTable& t, FeatureSpec& f) {
    t.integer("samples", &f.samples, 2, 100000000, "", "number of preferences n");
    t.integer("dimension", &f.dimension, 1, 1000000, "", "feature dimension d");
    t.real("distinguishability", &f.distinguishability, 0.0, 1e12, false, "feature units",
           "D = ||mu_+ - mu_-||");
    t.choice("moments", &f.moments, moments_names(),
             "whether D and the covariances are exact in the population or in the sample");
    t.real("balance", &f.p_plus, 0.0, 1.0, false, "", "p_plus: share of labels +1");
    t.choice("direction", &f.direction, direction_names(),
             "direction of the mean difference; top and bottom are eigenvectors of Sigma_+");
    t.real("common-norm", &f.common_norm, 0.0, 1e12, false, "feature units",
           "norm of the common mean (mu_+ + mu_-) / 2");
    t.real("common-angle", &f.common_angle, 0.0, 180.0, false, "degrees",
           "angle between common mean and mean difference");
    t.real("label-noise", &f.label_noise, 0.0, 1.0, false, "",
           "rho: probability that an observed label is flipped");
    t.choice("tails", &f.noise.tails, tail_names(), "distribution of the standardised noise");
    t.real("tail-exponent", &f.noise.tail_exponent, 0.1, 10.0, false, "",
           "alpha of the generalised normal");
    t.real("degrees-of-freedom", &f.noise.degrees_of_freedom, 0.1, 1e6, false, "",
           "nu of Student's t; up to 2 the covariance is infinite");
}

void declare_covariance(ParameterTable& t, CovarianceSpec& c, const std::string& suffix) {
    const std::string whose = suffix.empty() ? "" : " of the negative class";
    t.real("sigma" + suffix, &c.sigma, 0.0, 1e9, true, "feature units",
           "root mean eigenvalue of the class covariance" + whose);
    t.real("power-exponent" + suffix, &c.power_exponent, 0.0, 20.0, false, "",
           "eigenvalues fall like j^-a" + whose);
    t.real("condition-number" + suffix, &c.condition_number, 1.0, 1e12, false, "",
           "largest over smallest eigenvalue" + whose);
}

void declare_training(ParameterTable& t, RunConfig& c) {
    TrainSpec& s = c.training;
    t.choice("method", &s.method, method_names(),
             "gradient descent, minibatch SGD, Adam, or the gradient flow");
    t.real("eta", &s.eta, 0.0, 1e300, false, "",
           "learning rate; t = eta * step; 0 takes eta-kappa / kappa instead, where the loss has a "
           "kappa");
    t.real("eta-kappa", &c.eta_kappa, 0.0, 1e6, true, "", "learning rate times smoothness kappa");
    t.integer("steps", &s.steps, 1, 1000000000, "updates", "the flow runs to t = eta * steps");
    t.integer("batch", &s.batch, 0, 100000000, "samples", "minibatch of sgd and adam; 0 is all");
    t.choice("sampling", &s.sampling, sampling_names(),
             "epoch: permutation cut into batches; fresh: each batch anew without replacement; "
             "replacement: every row independently");
    t.integer("records", &s.records, 2, 1000000, "", "about how many points are recorded");
    t.choice("schedule", &s.spacing, spacing_names(), "spacing of the recorded points");
    t.real("flow-tolerance", &s.flow_tolerance, 1e-14, 1e-2, false, "",
           "relative local error of the flow");
}

/// What the data are drawn from.
void declare_distribution(ParameterTable& t, RunConfig& c) {
    declare_features(t, c.features);
    t.choice("spectrum", &c.features.covariance.spectrum, spectrum_names(),
             "eigenvalues of the class covariances; other than isotropic in a random basis");
    declare_covariance(t, c.features.covariance, "");
    t.choice("spectrum-minus", &c.spectrum_minus, {"same", "isotropic", "power-law", "condition"},
             "own spectrum and basis for the negative class");
    declare_covariance(t, c.minus, "-minus");
    t.integer("held-out", &c.held_out, 0, 100000000, "", "samples of a held-out set");
}

}  // namespace

std::vector<std::string> distribution_options() {
    RunConfig config;
    ParameterTable table;
    declare_distribution(table, config);
    return gather(std::as_const(table).parameters(), &Parameter::name);
}

std::vector<std::string> options_of_built_in() {
    std::vector<std::string> out = distribution_options();
    std::erase_if(out, [](const std::string& name) {
        return name == "samples" || name == "held-out" || name == "dimension";
    });
    return out;
}

std::vector<std::string> idle_options(const RunConfig& config, bool features_given) {
    std::vector<std::string> out;
    if (features_given) out = distribution_options();
    if (!features_given && !config.population.empty()) {
        out = options_of_built_in();
        out.push_back("dimension");
    }
    const Method method = config.training.method;
    if (method != Method::kSgd && method != Method::kAdam)
        out.insert(out.end(), {"batch", "sampling"});
    return out;
}

void declare(ParameterTable& t, RunConfig& c) {
    declare_distribution(t, c);
    t.text("population", &c.population,
           "a mixture of Gaussians to sample instead: an HDF5 file or a folder of .npy files with "
           "weights, labels, means and covariances");
    t.place([&c] { return c.population.empty() ? "" : hash_in(known_population(c.population)); });
    t.choice("engine", &c.engine, engine_names(),
             "exact reduction to d parameters, the dense V x d head, or the reduction on features "
             "kept in single precision");
    t.choice("loss", &c.loss, loss_names(),
             "preference loss, TRL's loss_type; nca_pair, bco_pair, sppo_hard, apo_zero and "
             "apo_down need the dense engine");
    t.spelling("dpo", "sigmoid");
    t.real("label-smoothing", &c.label_smoothing, 0.0, 0.5, false, "",
           "eps of cdpo, robust and aot, in [0, 0.5), and of exo_pair, in (0, 0.5)");
    t.real("discopop-tau", &c.discopop_tau, 1e-6, 0.5, false, "", "tau of discopop");
    t.integer("vocabulary", &c.vocabulary, 2, 10000000, "tokens", "V");
    t.real("reference-scale", &c.reference_scale, 0.0, 1e6, false, "logits",
           "size of the random reference logits; 0 is the zero head");
    t.real("beta", &c.beta, 0.0, 1e6, true, "", "strength of the reference in DPO");
    declare_training(t, c);
    t.seed("seed", &c.seed, "everything random follows from it");
}

FeatureSpec feature_spec(const RunConfig& config) {
    FeatureSpec spec = config.features;
    if (config.spectrum_minus != MinusSpectrum::kSame) {
        spec.covariance_minus = config.minus;
        spec.covariance_minus->spectrum =
            static_cast<Spectrum>(static_cast<int>(config.spectrum_minus) - 1);
    }
    return spec;
}

LossSpec loss_spec(const RunConfig& config) {
    return {loss_names().at(config.loss), config.beta, config.label_smoothing, config.discopop_tau};
}

std::string run_id(const RunConfig& config, const Dataset& data, const std::string& head) {
    RunConfig copy = config;
    ParameterTable table;
    declare(table, copy);
    return content_hash(table.canonical() + head + checksum(data));
}

}  // namespace prefdyn
