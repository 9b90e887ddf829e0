#include "experiments/certify/exact/walk.hpp"

#include <algorithm>

#include "sim/base/adam.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn::certify {

namespace {

double count(Index n) { return static_cast<double>(n); }

/// What all passes share.
struct Setting {
    const Subject& subject;
    const Rows& rows;
    const ExactPhi& phi;
    Real beta, two_beta, eta, clock_eta, root_two;

    Setting(const Subject& s, const Rows& r, const ExactPhi& p, const Real& clock)
        : subject(s),
          rows(r),
          phi(p),
          beta(s.beta),
          two_beta(Real(2.0) * Real(s.beta)),
          eta(s.training.eta),
          clock_eta(clock),
          root_two(sqrt(Real(2.0))) {}

    Real margin(Index i, const RealVector& v) const { return two_beta * rows.product(i, v); }
};

/// beta mean(-phi'(m_i) z_i) over the batch; an empty one stands for all rows.
RealVector descent(const Setting& s, const RealVector& v, const std::vector<Index>& batch) {
    RealVector out;
    Real factor = s.beta;
    if (batch.empty()) {
        RealVector weight;
        weight.reserve(place(s.rows.n));
        for (Index i = 0; i < s.rows.n; ++i) weight.push_back(-s.phi.derivative(s.margin(i, v)));
        out = s.rows.weighted(weight);
        factor /= Real(count(s.rows.n));
    } else {
        out.resize(place(s.rows.d));
        for (const Index i : batch) {
            const Real weight = -s.phi.derivative(s.margin(i, v));
            for (Index j = 0; j < s.rows.d; ++j)
                add_product(out[place(j)], weight, s.rows.row(i)[j]);
        }
        factor /= Real(static_cast<double>(batch.size()));
    }
    for (Real& x : out) x *= factor;
    return out;
}

/// Where the head is: each coordinate within its ball.
class Mover {
  public:
    virtual ~Mover() = default;
    virtual void step(const std::vector<Index>& batch) = 0;
    virtual RealVector head() const = 0;
};

/// Gradient descent without intervals that grow: the head stays an exact number, what a step rounds
/// is measured, and an error made earlier is carried on by the Lipschitz constant of a step,
/// max(1, eta kappa - 1) in the Euclidean norm, phi convex.
class Descent final : public Mover {
  public:
    Descent(const Setting& s, const Real& lambda_max)
        : s_(s), centre_(place(s.rows.d)), curvature_(curvature_factor() * lambda_max) {
        for (Index i = 0; i < s.rows.n; ++i)
            square_.push_back(dot(s.rows.row(i), 1, s.rows.row(i), 1, s.rows.d));
    }

    void step(const std::vector<Index>& batch) override {
        const RealVector direction = descent(s_, centre_, batch);
        RealVector error;
        for (std::size_t j = 0; j < centre_.size(); ++j) {
            Real next = centre_[j];
            add_product(next, s_.eta, direction[j]);
            error.push_back(next.radius());
            centre_[j] = next.middle();
        }
        distance_ = (stretch(batch) * distance_ + norm(error)).upper();
    }

    RealVector head() const override {
        RealVector out;
        for (const Real& x : centre_) out.push_back(x.widened(distance_));
        return out;
    }

  private:
    Real curvature_factor() const { return Real(2.0) * square(s_.beta) * s_.phi.curvature_max; }

    /// kappa of a batch is at most that of its mean ||z||^2 for lambda_max.
    Real stretch(const std::vector<Index>& batch) const {
        if (batch.empty()) return max(1.0, s_.eta * curvature_ - Real(1.0)).upper();
        Real sum;
        for (const Index i : batch) sum += square_[place(i)];
        const Real kappa = curvature_factor() * sum / Real(static_cast<double>(batch.size()));
        return max(1.0, s_.eta * kappa - Real(1.0)).upper();
    }

    const Setting& s_;
    RealVector centre_, square_;
    Real curvature_;  ///< kappa
    Real distance_;   ///< no less than that of the exact head from the centre
};

/// Every coordinate in a ball that grows with what depends on it.
class Adam final : public Mover {
  public:
    explicit Adam(const Setting& s)
        : s_(s), head_(place(s.rows.d)), mean_(head_.size()), square_(head_.size()) {}

    void step(const std::vector<Index>& batch) override {
        const Real b1 = AdamUpdate::kBeta1, b2 = AdamUpdate::kBeta2, one = 1.0;
        const RealVector g = descent(s_, head_, batch);
        ++steps_;
        const Real correct1 = one - power(b1, steps_), correct2 = one - power(b2, steps_);
        for (std::size_t j = 0; j < head_.size(); ++j) {
            mean_[j] = b1 * mean_[j] + (one - b1) * g[j];
            square_[j] = b2 * square_[j] + (one - b2) * square(g[j]);
            const Real root = sqrt(square_[j] / correct2);
            head_[j] += s_.eta * (mean_[j] / correct1) / (root + Real(AdamUpdate::kEpsilon));
        }
    }

    RealVector head() const override { return head_; }

  private:
    const Setting& s_;
    RealVector head_, mean_, square_;
    std::uint64_t steps_ = 0;
};

/// Sums over the rows of each behaviour, divided by how many they are.
RealVector behaviour_means(const Dataset& data, const RealVector& value) {
    if (data.behaviour.empty()) return {};
    const int K = 1 + *std::max_element(data.behaviour.begin(), data.behaviour.end());
    RealVector out(static_cast<std::size_t>(K));
    std::vector<double> rows(out.size(), 0.0);
    for (std::size_t i = 0; i < value.size(); ++i) {
        const auto k = static_cast<std::size_t>(data.behaviour[i]);
        out[k] += value[i];
        rows[k] += 1.0;
    }
    for (std::size_t k = 0; k < out.size(); ++k) out[k] /= Real(rows[k]);
    return out;
}

RealVector margins(const Setting& s, const RealVector& v) {
    RealVector out;
    out.reserve(place(s.rows.n));
    for (Index i = 0; i < s.rows.n; ++i) out.push_back(s.margin(i, v));
    return out;
}

/// `start`: the direction at t = 0.
Point measure(const Setting& s, const RealVector& v, Index step, const RealVector& start) {
    Point out;
    out.step = step;
    out.head = v;
    out.head_change = s.root_two * norm(v);
    out.update_rate = s.root_two * norm(descent(s, v, {}));
    const Real time = s.clock_eta * Real(count(step));
    RealVector remainder = v;
    for (std::size_t j = 0; j < v.size(); ++j) remainder[j] -= time * start[j];
    out.linear_remainder = s.root_two * norm(remainder);
    RealVector margin = margins(s, v);
    for (const Real& m : margin) {
        out.loss += s.phi.value(m);
        out.sure += m.is_positive() ? 1 : 0;
        out.possible += (-m).is_nonnegative() ? 0 : 1;
    }
    out.loss /= Real(count(s.rows.n));
    out.behaviour_margin = behaviour_means(s.subject.data, margin);
    if (s.subject.keep_margins) out.margin = std::move(margin);
    return out;
}

/// Updates see all rows, or what the trainer's sampler draws.
class Batches {
  public:
    explicit Batches(const Subject& s)
        : full_(s.training.method == Method::kGradientDescent || s.training.batch == 0 ||
                s.training.batch >= s.data.samples()),
          sampler_(s.data.samples(), full_ ? s.data.samples() : s.training.batch,
                   s.training.sampling, s.seed) {}
    const std::vector<Index>& next() { return full_ ? none_ : sampler_.next(); }

  private:
    bool full_;
    BatchSampler sampler_;
    std::vector<Index> none_;
};

}  // namespace

Walk walk(const Subject& subject, const Rows& rows, const ExactPhi& phi, const Real& lambda_max,
          const Real& clock_eta) {
    const Setting s(subject, rows, phi, clock_eta);
    std::unique_ptr<Mover> mover;
    if (subject.training.method == Method::kAdam)
        mover = std::make_unique<Adam>(s);
    else
        mover = std::make_unique<Descent>(s, lambda_max);
    Walk out;
    const RealVector start = descent(s, mover->head(), {});
    const RealVector slope = margins(s, start);
    out.behaviour_slope = behaviour_means(subject.data, slope);
    for (const Real& m : out.behaviour_slope)
        out.behaviour_loss_slope.push_back(phi.slope_at_zero * m);
    Batches batches(subject);
    auto next = subject.steps.begin();
    for (Index step = 0; next != subject.steps.end(); ++step) {
        if (cancel_requested()) throw Interrupted();
        if (step == *next) {
            out.points.push_back(measure(s, mover->head(), step, start));
            ++next;
        }
        if (next != subject.steps.end()) mover->step(batches.next());
    }
    return out;
}

}  // namespace prefdyn::certify
