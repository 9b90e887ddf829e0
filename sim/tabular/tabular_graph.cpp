#include "sim/tabular/tabular_graph.hpp"

namespace prefdyn {

namespace {

using Reach = Eigen::Matrix<bool, Eigen::Dynamic, Eigen::Dynamic>;

/// Whether a leads to b along the edges (Warshall).
Reach closure(Reach reach) {
    const Index A = reach.rows();
    for (Index k = 0; k < A; ++k)
        for (Index a = 0; a < A; ++a)
            if (reach(a, k))
                for (Index b = 0; b < A; ++b) reach(a, b) = reach(a, b) || reach(k, b);
    return reach;
}

std::string name(Index x, Index a, Index b, const std::string& what) {
    return "prompt " + std::to_string(x) + ", responses " + std::to_string(a) + " and " +
           std::to_string(b) + ": " + what;
}

/// What stands in the way of a unique optimum at prompt x.
Existence at_prompt(const Matrix& wins, Index x) {
    const Reach reach = closure((wins.array() > 0.0).matrix());
    Existence out;
    for (Index a = 0; a < wins.rows(); ++a)
        for (Index b = 0; b < wins.cols(); ++b) {
            if (a == b || reach(b, a)) continue;
            if (reach(a, b))
                return {Optimum::kAtInfinity, name(x, a, b, "the first is never beaten back")};
            if (out.optimum == Optimum::kUnique)
                out = {Optimum::kNotUnique, name(x, a, b, "neither beats the other")};
        }
    return out;
}

}  // namespace

Existence existence(const Comparisons& data) {
    Existence out;
    for (Index x = 0; x < data.prompts(); ++x) {
        const Existence here = at_prompt(data.wins[static_cast<std::size_t>(x)], x);
        if (!here.attained()) return here;
        if (out.optimum == Optimum::kUnique) out = here;
    }
    return out;
}

std::vector<Index> components(const Matrix& wins) {
    const Reach reach = closure(((wins + wins.transpose()).array() > 0.0).matrix());
    std::vector<Index> out;
    for (Index a = 0; a < wins.rows(); ++a) {
        Index root = 0;
        while (root < a && !reach(a, root)) ++root;
        out.push_back(root);
    }
    return out;
}

}  // namespace prefdyn
