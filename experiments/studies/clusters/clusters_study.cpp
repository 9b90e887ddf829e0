#include "experiments/studies/clusters/clusters_study.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "experiments/program/parallel.hpp"
#include "sim/base/ball.hpp"
#include "sim/base/substream.hpp"
#include "sim/clusters/pair_heads.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::ClusterFacts;
using theory::Evidence;

constexpr double kBeta = 0.1;
constexpr int kRecords = 4;
constexpr Index kSlopesACluster = 2;
constexpr double kSmallRisk = 1e-3;

Index largest_token(const std::vector<TokenPair>& pairs) {
    Index out = 0;
    for (const TokenPair& p : pairs) out = std::max({out, p.first, p.second});
    return out;
}

/// m_j' from the rows of the head that the tokens' gradients move.
double slope_by_rows(const ClusterFacts& f, const RowMatrix& moved, const RowMatrix& z, Index j) {
    const TokenPair pair = f.spec.pairs[static_cast<std::size_t>(f.pair_of(j))];
    return kBeta * (moved.row(pair.first) - moved.row(pair.second)).dot(z.row(j));
}

/// dW/dt of every token's row, (V, d).
RowMatrix rows_moved(const ClusterFacts& f, const RowMatrix& z, const Vector& margin) {
    RowMatrix out = RowMatrix::Zero(largest_token(f.spec.pairs) + 1, z.cols());
    for (Index i = 0; i < z.rows(); ++i) {
        const TokenPair pair = f.spec.pairs[static_cast<std::size_t>(f.pair_of(i))];
        const double weight = kBeta * sigmoid(-margin(i)) / static_cast<double>(z.rows());
        out.row(pair.first) += weight * z.row(i);
        out.row(pair.second) -= weight * z.row(i);
    }
    return out;
}

void measure_slopes(ClusterFacts& f, const RowMatrix& z, const Matrix& told_gram) {
    const Vector& margin = f.margin.back();
    const RowMatrix moved = rows_moved(f, z, margin);
    const Index K = f.spec.clusters(), rows = 2 * f.spec.samples;
    f.slope_by_rows = f.slope_by_sum = Vector(K * std::min(kSlopesACluster, rows));
    for (Index s = 0; s < f.slope_by_rows.size(); ++s) {
        const Index j = s % K * rows + s / K;
        f.slope_by_rows(s) = slope_by_rows(f, moved, z, j);
        f.slope_by_sum(s) = theory::margin_slope(z, told_gram, kBeta, margin, j);
    }
    f.slope_error = gamma_of(static_cast<double>(z.rows() + z.cols()) + 64.0) * 2.0 * kBeta *
                    kBeta * f.length.mean() * f.length.maxCoeff();
}

void measure_risk(ClusterFacts& f, const RowMatrix& a) {
    f.risk = theory::cluster_risk(f.spec, a);
    // A normal tail changes by at most 0.4 of what its argument does.
    const double shortest = a.rowwise().norm().minCoeff();
    const double reach = (1.0 + f.spec.offset) / f.spec.spread;
    f.risk_error = shortest > 0.0
                       ? 0.4 * reach * (2.0 * f.head_error.back() / shortest + 1e2 * kEpsilon)
                       : kInfinity;
}

ClusterFacts train(const ClusterSpec& spec, const RowMatrix& z, int records) {
    ClusterFacts out = theory::cluster_facts(spec, z, kBeta);
    const PairHeads heads(z, spec.pairs, kBeta);
    RowMatrix a = RowMatrix::Zero(spec.clusters(), spec.dimension);
    const double step = theory::path_end(spec, kBeta) / records;
    double error = 0.0;
    for (int r = 1; r <= records; ++r) {
        stop_if_requested();
        PairHeads::Flow flow = heads.flow(a, step, 1);
        a = std::move(flow.a);
        error += flow.error;  // the flow of a convex loss brings no two heads further apart
        out.time.push_back(step * r);
        out.margin.push_back(heads.margins(a));
        out.head_size.push_back(a.rowwise().norm().maxCoeff());
        out.head_error.push_back(error);
    }
    measure_risk(out, a);
    measure_slopes(out, z, pair_gram(spec.pairs));
    return out;
}

struct ClusterSetting {
    std::string name, pairs;
    ClusterSpec spec;
};

/// `spread` in units of 1 / sqrt(Q).
ClusterSetting setting(Index K, Index Q, double offset, double spread, Index d,
                       const std::string& pairs = "own") {
    ClusterSpec spec{.samples = Q,
                     .dimension = d,
                     .offset = offset,
                     .spread = spread / std::sqrt(static_cast<double>(Q)),
                     .pairs = pairs == "own"     ? own_pairs(K)
                              : pairs == "chain" ? chained_pairs(K)
                                                 : one_pair(K)};
    return {"K = " + std::to_string(K) + ", Q = " + std::to_string(Q) +
                ", l_b = " + format_real(offset) + ", v sqrt(Q) = " + format_real(spread) +
                ", d = " + std::to_string(d) + ", " + pairs + " pairs",
            pairs, std::move(spec)};
}

constexpr double kAllowed = 1.0 / 32.0;

std::vector<ClusterSetting> settings_of(Profile profile) {
    std::vector<ClusterSetting> out = {
        setting(1, 40, 0.25, kAllowed, 20),
        setting(8, 40, 0.5, kAllowed, 100),
        setting(8, 100, 0.5, 0.25, 500),
        setting(1, 800, 0.5, kAllowed, 16),
        setting(4, 60, 0.25, kAllowed, 32),
        setting(4, 60, 0.25, kAllowed, 32, "chain"),
        setting(4, 60, 0.25, kAllowed, 32, "one"),
        setting(8, 60, 2.0, 0.25, 64),
        setting(8, 60, 0.5, 1.0, 64),
    };
    if (profile != Profile::kQuick)
        for (const std::string pairs : {"own", "chain", "one"})
            out.push_back(setting(32, 100, 0.25, kAllowed, 128, pairs));
    return out;
}

/// How many samples a cluster needs: the risk at tau_1, averaged over datasets.
struct Scaling {
    std::vector<std::string> pairs = {"own", "chain", "one"};
    std::vector<std::int64_t> clusters, samples;
    double spread = 0.25, offset = 0.25;
    Index dimension = 64;
    std::size_t datasets = 4;
    std::vector<double> risk;    ///< [pairs][K][Q]
    std::vector<double> bound;   ///< [K][Q]
    std::vector<double> needed;  ///< [pairs][K]: the least Q with a risk of at most kSmallRisk
};

Scaling scaling_of(Profile profile) {
    Scaling out;
    out.clusters = {1, 2, 4, 8, 16};
    out.samples = {1, 2, 4, 8, 16, 32, 64};
    if (profile != Profile::kQuick) {
        out.clusters.push_back(32);
        out.samples.insert(out.samples.end(), {128, 256});
    }
    return out;
}

ClusterSpec spec_at(const Scaling& s, std::size_t pairs, Index K, Index Q) {
    ClusterSpec out = setting(K, Q, s.offset, 1.0, s.dimension, s.pairs[pairs]).spec;
    out.spread = s.spread;
    return out;
}

double risk_of(const ClusterSpec& spec, std::uint64_t seed) {
    const RowMatrix z = sample_clusters(spec, seed);
    const PairHeads heads(z, spec.pairs, kBeta);
    const RowMatrix start = RowMatrix::Zero(spec.clusters(), spec.dimension);
    return theory::cluster_risk(spec, heads.flow(start, theory::path_end(spec, kBeta), 1).a);
}

void fill(Scaling& s, std::uint64_t seed) {
    const std::size_t K = s.clusters.size(), Q = s.samples.size();
    s.risk.assign(s.pairs.size() * K * Q, 0.0);
    parallel_for("clusters, scaling", s.risk.size(), [&](std::size_t at) {
        const std::size_t q = at % Q, k = at / Q % K, p = at / (Q * K);
        const ClusterSpec spec = spec_at(s, p, s.clusters[k], s.samples[q]);
        for (std::size_t r = 0; r < s.datasets; ++r)
            s.risk[at] +=
                risk_of(spec, derive_seed(seed, Substream::kClusters, 1000 + at * s.datasets + r)) /
                static_cast<double>(s.datasets);
    });
    for (std::size_t k = 0; k < K; ++k)
        for (std::size_t q = 0; q < Q; ++q)
            s.bound.push_back(theory::risk_bound(spec_at(s, 0, s.clusters[k], s.samples[q])));
    for (std::size_t row = 0; row < s.pairs.size() * K; ++row) {
        const auto begin = s.risk.begin() + static_cast<std::ptrdiff_t>(row * Q);
        const auto end = begin + static_cast<std::ptrdiff_t>(Q);
        const auto first = std::find_if(begin, end, [](double risk) { return risk <= kSmallRisk; });
        const auto at = static_cast<std::size_t>(first - begin);
        s.needed.push_back(first == end ? kNan : static_cast<double>(s.samples[at]));
    }
}

struct Outcomes {
    std::vector<ClusterSetting> settings;
    std::vector<ClusterFacts> facts;
    Scaling scaling;
};

/// m_i in units of beta^2 t / K at the last record.
Vector scaled_margins(const ClusterFacts& f) {
    return f.margin.back() * static_cast<double>(f.spec.clusters()) /
           (kBeta * kBeta * f.time.back());
}

/// T14c's two bounds in the same unit, the widest of all samples.
std::pair<double, double> tangent_bounds(const ClusterFacts& f) {
    const double t = f.time.back();
    std::pair<double, double> out{kInfinity, -kInfinity};
    for (Index j = 0; j < f.length.size(); ++j) {
        const Index k = f.pair_of(j);
        const double reach = kBeta * f.kappa(k) * t * f.length(j) * f.start_rate(k);
        out.first = std::min(out.first, f.slope(j) - reach);
        out.second = std::max(out.second, f.slope(j) + reach);
    }
    const double unit = kBeta * kBeta / static_cast<double>(f.spec.clusters());
    return {out.first / unit, out.second / unit};
}

template <class Get>
auto each(Get get) {
    return [get](const Outcomes& o) { return values_from(o.facts, get); };
}

template <class Get>
auto of_spec(Get get) {
    return each([get](const ClusterFacts& f) { return get(f.spec); });
}

std::vector<Filled<Outcomes>> fields() {
    using F = const ClusterFacts&;
    using S = const ClusterSpec&;
    const std::string at = "clusters_setting", pairs = "clusters_scaling_pairs",
                      K = "clusters_scaling_count", Q = "clusters_scaling_samples";
    const std::vector<std::string> one = {at};
    return {
        {at, "", "clusters with response pairs, T14",
         [](const Outcomes& o) { return gather(o.settings, &ClusterSetting::name); }},
        {"clusters_pairs", one, "",
         "own: no token twice; chain: neighbours share one; one: all the "
         "same pair",
         [](const Outcomes& o) { return gather(o.settings, &ClusterSetting::pairs); }},
        {"clusters_count", one, "", "clusters K",
         of_spec([](S s) { return std::int64_t{s.clusters()}; })},
        {"clusters_samples", one, "samples", "Q, a side of a cluster",
         of_spec([](S s) { return std::int64_t{s.samples}; })},
        {"clusters_offset", one, "", "l_b", of_spec([](S s) { return s.offset; })},
        {"clusters_spread", one, "", "v", of_spec([](S s) { return s.spread; })},
        {"clusters_margin_low", one, "beta^2 t / K", "smallest margin at tau_1",
         each([](F f) { return scaled_margins(f).minCoeff(); })},
        {"clusters_margin_high", one, "beta^2 t / K", "largest margin at tau_1",
         each([](F f) { return scaled_margins(f).maxCoeff(); })},
        {"clusters_tangent_low", one, "beta^2 t / K",
         "T14c's smallest lower bound at tau_1; where clusters share tokens it bounds nothing",
         each([](F f) { return tangent_bounds(f).first; })},
        {"clusters_tangent_high", one, "beta^2 t / K", "T14c's largest upper bound at tau_1",
         each([](F f) { return tangent_bounds(f).second; })},
        {"clusters_failure_bound", one, "",
         "T14b's chance to fail at most, c taken infinite; no promise from 1 on",
         of_spec(theory::path_failure)},
        {"clusters_risk", one, "", "P(m <= 0) of a fresh sample at tau_1, exact for the head",
         each([](F f) { return f.risk; })},
        {"clusters_risk_bound", one, "", "T14d's bound on it", of_spec(theory::risk_bound)},
        {pairs, "", "how clusters share tokens", [](const Outcomes& o) { return o.scaling.pairs; }},
        {K, "", "clusters K", [](const Outcomes& o) { return o.scaling.clusters; }},
        {Q, "samples", "Q, a side of a cluster",
         [](const Outcomes& o) { return o.scaling.samples; }},
        {"clusters_scaling_risk",
         {pairs, K, Q},
         "",
         "risk at tau_1, v = 0.25, l_b = 0.25, d = 64, mean of 4 datasets",
         [](const Outcomes& o) { return o.scaling.risk; }},
        {"clusters_scaling_bound",
         {K, Q},
         "",
         "2 K Q^2 exp(-Q / 45)",
         [](const Outcomes& o) { return o.scaling.bound; }},
        {"clusters_scaling_needed",
         {pairs, K},
         "samples",
         "least Q whose risk is at most 0.001; NaN where none is",
         [](const Outcomes& o) { return o.scaling.needed; }},
    };
}

Evidence evidence_of(const ClusterFacts& facts) {
    Evidence e;
    e.of = theory::ClusterCase(&facts);
    e.delta = std::min(1.0, theory::path_failure(facts.spec));
    return e;
}

/// What of a population T14 is about, `samples` left open; nothing if it has another form. T14 sees
/// inner products alone, so that the centres may lie in any orthonormal directions.
std::optional<ClusterSpec> clusters_of(const Population& population) {
    constexpr double kTolerance = 1e-9;
    const auto& all = population.components();
    const auto count = static_cast<double>(all.size());
    const double v2 = all[0].covariance.norm();
    Vector common = Vector::Zero(population.dimension());
    RowMatrix plus(0, population.dimension()), minus = plus;
    for (const Population::Component& c : all) {
        const bool equal = std::fabs(c.weight * count - 1.0) <= kTolerance;
        const double off = (c.covariance.eigenvalues.array() - v2).abs().maxCoeff();
        if (!equal || !(v2 > 0.0) || !(off <= kTolerance * v2)) return {};
        RowMatrix& side = c.label > 0 ? plus : minus;
        side.conservativeResize(side.rows() + 1, Eigen::NoChange);
        side.row(side.rows() - 1) = c.mean;
        common += c.mean / count;
    }
    const Index K = plus.rows();
    if (K != minus.rows() || population.dimension() <= K) return {};
    plus.rowwise() -= common.transpose();
    minus.rowwise() -= common.transpose();
    const Matrix identity = Matrix::Identity(K, K);
    const bool orthonormal = (plus * plus.transpose() - identity).norm() <= kTolerance &&
                             (plus * common).norm() <= kTolerance;
    // Row k of the negative ones is minus one of the positive ones.
    const Matrix products = plus * minus.transpose();
    const bool mirrored =
        (minus * minus.transpose() - identity).norm() <= kTolerance &&
        (products.rowwise().minCoeff().array() + 1.0).abs().maxCoeff() <= kTolerance;
    if (!orthonormal || !mirrored) return {};
    return ClusterSpec{.samples = 1,
                       .dimension = population.dimension(),
                       .offset = common.norm(),
                       .spread = std::sqrt(v2),
                       .pairs = own_pairs(K)};
}

/// The clusters with the pair they share in every other run, and with pairs of their own as the
/// theorem has them.
StudyOutcome run_on_population(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    StudyOutcome out;
    const auto spec = clusters_of(*plan.population);
    const std::string& name = plan.population->name();
    if (!spec) {
        for (const Claim& claim : claims)
            out.pass_over("clusters", claim, name,
                          "it is not 2 K Gaussians N(+-c_k + b, v^2 I) of equal weight, the c_k "
                          "and b orthogonal, ||c_k|| = 1");
        return out;
    }
    std::uint64_t number = 0;
    for (const Index samples : {40, 100})
        for (const bool own : {false, true}) {
            ClusterSpec sized = *spec;
            sized.samples = samples;
            if (!own) sized.pairs = one_pair(spec->clusters());
            const ClusterFacts facts = train_clusters(
                sized, kRecords, derive_seed(plan.seed, Substream::kClusters, number++));
            for (const Claim& claim : claims)
                out.judge("clusters", claim,
                          name + ", Q = " + std::to_string(samples) +
                              (own ? ", own pairs" : ", one pair"),
                          evidence_of(facts));
        }
    return out;
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    if (plan.population) return run_on_population(claims, plan);
    Outcomes all{settings_of(plan.profile), {}, scaling_of(plan.profile)};
    StudyOutcome out;
    for (std::size_t k = 0; k < all.settings.size(); ++k) {
        all.facts.push_back(train_clusters(all.settings[k].spec, kRecords,
                                           derive_seed(plan.seed, Substream::kClusters, k)));
        for (const Claim& claim : claims)
            out.judge("clusters", claim, all.settings[k].name, evidence_of(all.facts.back()));
    }
    fill(all.scaling, plan.seed);
    out.put(fields(), all);
    return out;
}

/// A run that is spoiled before it is judged, its assumptions presumed.
Control spoiled(const std::string& claim, const std::string& name, const std::string& fault,
                ClusterSetting (*made)(), void (*spoil)(ClusterFacts&, const RowMatrix&),
                double strength = 1.0) {
    return {claim, name, fault, [=](const Claim& c, std::uint64_t seed) {
                const ClusterSpec spec = made().spec;
                const RowMatrix z = sample_clusters(spec, seed);
                ClusterFacts facts = train(spec, z, kRecords);
                spoil(facts, z);
                return judge_case(theory::strengthened(c, strength), theory::ClusterCase(&facts),
                                  true);
            }};
}

ClusterSetting chained() { return setting(4, 40, 0.25, kAllowed, 16, "chain"); }
ClusterSetting single() { return setting(1, 40, 0.25, kAllowed, 20); }
ClusterSetting wide() { return setting(8, 10, 0.5, 2.0, 50); }
ClusterSetting many() { return setting(1, 900, 0.5, kAllowed, 8); }
ClusterSetting crowded() { return setting(16, 900, 0.25, 0.5 * 30.0, 20, "one"); }
void nothing(ClusterFacts&, const RowMatrix&) {}

std::vector<Control> cluster_controls() {
    const char* wide_fault = "the clusters' spread is 2 / sqrt(Q), 64 times what is allowed";
    return {
        spoiled("T14a", "tokens taken for own", "clusters that share tokens are said to share none",
                chained,
                [](ClusterFacts& f, const RowMatrix& z) {
                    measure_slopes(f, z, pair_gram(own_pairs(f.spec.clusters())));
                }),
        spoiled("T14a", "bound x 0.99", "the slope is claimed 1 % smaller than it is", chained,
                nothing, 0.99),
        {"T14b", "spread 2 / sqrt(Q)", wide_fault,
         [](const Claim& claim, std::uint64_t seed) {
             std::vector<ClusterFacts> facts;
             for (std::uint64_t k = 0; k < 8; ++k)
                 facts.push_back(train_clusters(wide().spec, kRecords,
                                                derive_seed(seed, Substream::kClusters, k)));
             std::vector<Evidence> cases;
             for (ClusterFacts& f : facts) {
                 f.spec.samples = 200000;  // of which the theorem would promise something
                 cases.push_back(evidence_of(f));
             }
             return theory::judge(claim, cases, true);
         }},
        spoiled("T14bp", "spread 2 / sqrt(Q)", wide_fault, wide, nothing),
        spoiled("T14bp", "time ten times as long", "margins are those of a tenth of the time",
                single,
                [](ClusterFacts& f, const RowMatrix&) {
                    for (double& t : f.time) t *= 10.0;
                }),
        spoiled("T14c", "bound x 0.9", "the bound is made 10 % stronger", single, nothing, 0.9),
        spoiled("T14c", "kappa understated", "kappa is taken half as large as it is", single,
                [](ClusterFacts& f, const RowMatrix&) { f.kappa /= 2.0; }),
        spoiled("T14d", "head reversed", "the head points away from the centres", many,
                [](ClusterFacts& f, const RowMatrix&) { f.risk = 1.0 - f.risk; }),
        spoiled("T14d", "one pair for all", "16 wide clusters share one response pair", crowded,
                nothing),
    };
}

}  // namespace

theory::ClusterFacts train_clusters(const ClusterSpec& spec, int records, std::uint64_t seed) {
    return train(spec, sample_clusters(spec, seed), records);
}

Study clusters_study() {
    Study out{
        "clusters",        {"T14a", "T14b", "T14bp", "T14c", "T14d"}, fields_of(fields()), run, {},
        cluster_controls()};
    out.takes_population = true;
    return out;
}

}  // namespace prefdyn
