// Im & Li, arXiv 2408.03459: margins between two lines, and a risk that vanishes (theory.md T14).

#include <algorithm>
#include <cmath>

#include "theory/clusters/cluster_facts.hpp"
#include "theory/facts.hpp"

namespace prefdyn::theory {

namespace {

Origin scaling_law(std::string number, std::string relation) {
    return {"Im & Li, Can DPO Learn Diverse Human Values? A Theoretical Scaling Law",
            "arXiv 2408.03459, NeurIPS 2025", std::move(number), std::move(relation)};
}

Assumption has_clusters() {
    return {"a head trained on clusters", [](const Evidence& e) -> std::string {
                return e.find<ClusterFacts>() ? "" : "no clusters";
            }};
}

/// `unmet` is asked of the clusters alone.
Assumption of_clusters(std::string words, std::string (*unmet)(const ClusterFacts&)) {
    return {std::move(words), [unmet](const Evidence& e) { return unmet(e.get<ClusterFacts>()); }};
}

std::string few_repetitions(const ClusterFacts& f) {
    const double most = static_cast<double>(most_common(f.spec.pairs)),
                 allowed = 1.0 / (4.0 * f.spec.offset * f.spec.offset);
    return most <= allowed ? ""
                           : text("a token occurs ", most, " times, 1 / (4 l_b^2) = ", allowed);
}

std::string low_dimension(const ClusterFacts& f) {
    return f.spec.dimension <= 5 * f.spec.samples
               ? ""
               : text("d = ", f.spec.dimension, " > 5 Q = ", 5 * f.spec.samples);
}

std::string small_spread(const ClusterFacts& f) {
    const double scaled = f.spec.spread * std::sqrt(static_cast<double>(f.spec.samples));
    return scaled <= (1.0 + 4.0 * kEpsilon) / 32.0 ? "" : text("v sqrt(Q) = ", scaled, " > 1/32");
}

std::string middling_offset(const ClusterFacts& f) {
    return f.spec.offset >= 0.25 && f.spec.offset <= 0.5
               ? ""
               : text("l_b = ", f.spec.offset, " is outside [1/4, 1/2]");
}

std::string enough_samples(const ClusterFacts& f) {
    return f.spec.samples >= 40 ? "" : text("Q = ", f.spec.samples);
}

/// What Theorem 4.2 assumes, and `more`.
std::vector<Assumption> of_theorem(const std::vector<Assumption>& more = {}) {
    std::vector<Assumption> out = {
        has_clusters(), of_clusters("Z <= 1 / (4 l_b^2)", few_repetitions),
        of_clusters("d <= 5 Q", low_dimension), of_clusters("v <= 1 / (32 sqrt Q)", small_spread),
        of_clusters("1/4 <= l_b <= 1/2", middling_offset)};
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

Assumption own_response_pairs() {
    return of_clusters("no two clusters share a token", [](const ClusterFacts& f) -> std::string {
        return most_common(f.spec.pairs) == 1 ? "" : "clusters share tokens";
    });
}

double count(Index n) { return static_cast<double>(n); }

/// Of a margin at record r: what the integrator and the rounding of a sum over rows and coordinates
/// make of it, per unit of ||z_j||.
double margin_error(const ClusterFacts& f, std::size_t r) {
    const double roundings = count(2 * f.spec.samples + f.spec.dimension) + 64.0;
    return f.beta * (f.head_error[r] + 2.0 * gamma_of(roundings) * f.head_size[r]);
}

Ball margin(const ClusterFacts& f, std::size_t r, Index j) {
    return {f.margin[r](j), margin_error(f, r) * f.length(j)};
}

/// beta^2 t / K: what both lines of Theorem 4.2 are multiples of.
Ball unit(const ClusterFacts& f, std::size_t r) {
    return Ball(f.beta) * Ball(f.beta) * Ball(f.time[r]) / Ball(count(f.spec.clusters()));
}

/// The two samples that stand closest to the lines decide.
std::vector<Comparison> between_lines(const Evidence& e) {
    const ClusterFacts& f = e.get<ClusterFacts>();
    std::vector<Comparison> out;
    for (std::size_t r = 0; r < f.time.size(); ++r) {
        Index least = 0, most = 0;
        f.margin[r].minCoeff(&least);
        f.margin[r].maxCoeff(&most);
        out.push_back({count(static_cast<Index>(r) + 1), f.time[r], margin(f, r, least),
                       unit(f, r) / Ball(8.0), Relation::kAtLeast});
        out.push_back({count(static_cast<Index>(r) + 1), f.time[r], margin(f, r, most),
                       Ball(5.0) * unit(f, r), Relation::kAtMost});
    }
    return out;
}

/// Where the probability to fail is only bounded by one or more, nothing is promised.
std::vector<Comparison> lines_with_probability(const Evidence& e) {
    const ClusterFacts& f = e.get<ClusterFacts>();
    const double failure = path_failure(f.spec);
    if (failure < 1.0) return between_lines(e);
    return {{0.0, 0.0, 1.0, failure, Relation::kAtMost, {.trivial = 1.0}}};
}

constexpr const char* kLines = "beta^2 t / (8 K) <= m_i(t) <= 5 beta^2 t / K";

}  // namespace

Claim margins_of_pairs() {
    return {"T14a",
            "margins with several pairs",
            "m_j'(t) = (beta^2 / N) sum_i (-phi'(m_i)) <u_j, u_i> <g_j, g_i>, u = e_w - e_l, "
            "whatever tokens pairs share",
            "theory.md T14a; margins are differences of logits",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {has_clusters()},
            [](const Evidence& e) {
                const ClusterFacts& f = e.get<ClusterFacts>();
                std::vector<Comparison> out;
                for (Index j = 0; j < f.slope_by_rows.size(); ++j)
                    out.push_back({count(static_cast<Index>(f.time.size())),
                                   f.time.back(),
                                   {f.slope_by_rows(j), f.slope_error},
                                   {f.slope_by_sum(j), f.slope_error},
                                   Relation::kEqual,
                                   {.scale = f.slope_by_sum.cwiseAbs().maxCoeff()}});
                return out;
            },
            {},
            scaling_law("Lemma 4.1", "as stated")};
}

Claim margins_between_lines() {
    return {
        "T14b",
        "margins between two lines",
        std::string("for all i and t <= tau_1 = K log 3 / (5 beta^2): ")
            .append(kLines)
            .append(", but with probability 8 K Q^(9/4) exp(-min(c sqrt(Q) / 5, Q^(3/4) / 256))"),
        "theory.md T14b; a universal c that is not given",
        ClaimKind::kProbabilistic,
        Scope::kStudy,
        of_theorem(),
        lines_with_probability,
        {},
        scaling_law("Theorem 4.2", "as stated")};
}

Claim margins_between_lines_on_path() {
    return {"T14bp",
            "the lines, whatever their probability",
            std::string("for all i and t <= tau_1: ").append(kLines),
            "theory.md T14b; the event of Theorem 4.2 without its probability, which is no promise "
            "at these sizes",
            ClaimKind::kPrediction,
            Scope::kStudy,
            of_theorem(),
            between_lines,
            {},
            scaling_law("Theorem 4.2", "its event alone")};
}

Claim margins_near_tangent_of_pair() {
    return {"T14c",
            "margins near their tangent",
            "|m_i - t m_i'(0)| <= beta kappa_k t^2 ||z_i|| ||v_k'(0)||, kappa_k and v_k of the "
            "sample's own response pair",
            "theory.md T14c; T13a for each response pair, its rows with weight 1/N",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {has_clusters(), own_response_pairs()},
            [](const Evidence& e) {
                const ClusterFacts& f = e.get<ClusterFacts>();
                const double share = gamma_of(count(f.spec.size() + f.spec.dimension) + 64.0);
                const double mean = f.length.mean(), gram = 2.0;
                std::vector<Comparison> out;
                for (std::size_t r = 0; r < f.time.size(); ++r)
                    for (Index j = 0; j < f.length.size(); ++j) {
                        const Index k = f.pair_of(j);
                        const Ball t = f.time[r], length(f.length(j), share * f.length(j));
                        const Ball slope(f.slope(j),
                                         share * gram * f.beta * f.beta * mean * f.length(j));
                        const Ball kappa(f.kappa(k), share * f.kappa(k));
                        const Ball rate(f.start_rate(k), share * f.beta * mean);
                        out.push_back({count(static_cast<Index>(r) + 1), f.time[r],
                                       abs(margin(f, r, j) - t * slope),
                                       Ball(f.beta) * kappa * square(t) * length * rate,
                                       Relation::kAtMost});
                    }
                return out;
            }};
}

Claim risk_of_clusters() {
    return {"T14d",
            "risk after training on clusters",
            "P(m <= 0) of a fresh sample at tau_1 is at most 2 K Q^2 exp(-Q / 45)",
            "theory.md T14d; the risk is exact for the head that was trained",
            ClaimKind::kPrediction,
            Scope::kStudy,
            of_theorem({of_clusters("Q >= 40", enough_samples)}),
            [](const Evidence& e) -> std::vector<Comparison> {
                const ClusterFacts& f = e.get<ClusterFacts>();
                const double bound = risk_bound(f.spec);
                return {{count(static_cast<Index>(f.time.size())),
                         f.time.back(),
                         {f.risk, f.risk_error},
                         {bound, 64.0 * kEpsilon * bound},
                         Relation::kAtMost,
                         {.trivial = 1.0}}};
            },
            {},
            scaling_law("Theorem 4.3", "as stated")};
}

}  // namespace prefdyn::theory
