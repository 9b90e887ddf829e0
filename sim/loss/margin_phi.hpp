#pragma once
// The losses of the margin as plain functions for host and device: phi(m), phi'(m), phi''(m) of a
// double m or of a vector of them. What else a theorem needs to know of them is in LossFacts.

#include "sim/base/numerics.hpp"

namespace prefdyn {

/// phi'' of the logistic losses.
template <class V>
PREFDYN_INLINE V logistic_curvature(const V& m) {
    return sigmoid(m) * sigmoid(-m);
}

/// DPO: phi(m) = -log sigma(m).
struct SigmoidPhi {
    template <class V>
    PREFDYN_INLINE V value(const V& m) const {
        return softplus(-m);
    }
    template <class V>
    PREFDYN_INLINE V derivative(const V& m) const {
        return -sigmoid(-m);
    }
    template <class V>
    PREFDYN_INLINE V curvature(const V& m) const {
        return logistic_curvature(m);
    }
};

/// SLiC: phi(m) = max(0, 1 - m), phi'(1) = 0.
struct HingePhi {
    template <class V>
    PREFDYN_INLINE V value(const V& m) const {
        return m < 1.0 ? 1.0 - m : V{};
    }
    template <class V>
    PREFDYN_INLINE V derivative(const V& m) const {
        return m < 1.0 ? V{} - 1.0 : V{};
    }
    template <class V>
    PREFDYN_INLINE V curvature(const V&) const {
        return V{};
    }
};

/// phi(m) = (m / beta - 1 / (2 beta))^2.
struct IpoPhi {
    double scale;  ///< 1 / beta^2
    template <class V>
    PREFDYN_INLINE V value(const V& m) const {
        return scale * (m - 0.5) * (m - 0.5);
    }
    template <class V>
    PREFDYN_INLINE V derivative(const V& m) const {
        return 2.0 * scale * (m - 0.5);
    }
    template <class V>
    PREFDYN_INLINE V curvature(const V&) const {
        return V{} + 2.0 * scale;
    }
};

/// Conservative DPO: phi(m) = -(1 - eps) log sigma(m) - eps log sigma(-m).
struct SmoothedPhi {
    double eps;
    template <class V>
    PREFDYN_INLINE V value(const V& m) const {
        return (1.0 - eps) * softplus(-m) + eps * softplus(m);
    }
    template <class V>
    PREFDYN_INLINE V derivative(const V& m) const {
        return eps * sigmoid(m) - (1.0 - eps) * sigmoid(-m);
    }
    template <class V>
    PREFDYN_INLINE V curvature(const V& m) const {
        return logistic_curvature(m);
    }
};

/// phi(m) = (-(1 - eps) log sigma(m) + eps log sigma(-m)) / (1 - 2 eps)
///        = -log sigma(m) - eps m / (1 - 2 eps).
struct RobustPhi {
    double tilt;  ///< eps / (1 - 2 eps)
    template <class V>
    PREFDYN_INLINE V value(const V& m) const {
        return softplus(-m) - tilt * m;
    }
    template <class V>
    PREFDYN_INLINE V derivative(const V& m) const {
        return -sigmoid(-m) - tilt;
    }
    template <class V>
    PREFDYN_INLINE V curvature(const V& m) const {
        return logistic_curvature(m);
    }
};

/// EXO: the divergence KL( sigma(m) || 1 - eps ).
struct ExoPhi {
    double log_one_minus_eps, log_eps;
    /// logit(1 - eps), where phi has its minimum.
    PREFDYN_HD double target() const { return log_one_minus_eps - log_eps; }
    template <class V>
    PREFDYN_INLINE V value(const V& m) const {
        return sigmoid(m) * (log_sigmoid(m) - log_one_minus_eps) +
               sigmoid(-m) * (log_sigmoid(-m) - log_eps);
    }
    template <class V>
    PREFDYN_INLINE V derivative(const V& m) const {
        return sigmoid(m) * sigmoid(-m) * (m - target());
    }
    template <class V>
    PREFDYN_INLINE V curvature(const V& m) const {
        return sigmoid(m) * sigmoid(-m) * (1.0 + (sigmoid(-m) - sigmoid(m)) * (m - target()));
    }
};

/// DiscoPOP: phi(m) = -(1 - k) log sigma(m) + k exp(-m), k = sigma(m / tau).
struct DiscopopPhi {
    double tau;
    /// k exp(-m): finite where exp(-m) alone is not.
    template <class V>
    PREFDYN_INLINE V gated_exponential(const V& m) const {
        return elementary::exp_of(log_sigmoid(m / tau) - m);
    }
    /// dk/dm.
    template <class V>
    PREFDYN_INLINE V gate_slope(const V& m) const {
        return sigmoid(m / tau) * sigmoid(-m / tau) / tau;
    }
    template <class V>
    PREFDYN_INLINE V value(const V& m) const {
        return sigmoid(-m / tau) * softplus(-m) + gated_exponential(m);
    }
    template <class V>
    PREFDYN_INLINE V derivative(const V& m) const {
        const V off = sigmoid(-m / tau), gate = gate_slope(m);
        return -gate * softplus(-m) - off * sigmoid(-m) + (off / tau - 1.0) * gated_exponential(m);
    }
    template <class V>
    PREFDYN_INLINE V curvature(const V& m) const {
        const V gate = gate_slope(m), off = sigmoid(-m / tau), on = sigmoid(m / tau);
        const V bend = (off - on) / tau;  // k'' = bend k'
        return gate * (2.0 * sigmoid(-m) - bend * softplus(-m)) + off * sigmoid(m) * sigmoid(-m) +
               gated_exponential(m) * (off / tau * (bend - 2.0) + 1.0);
    }
};

/// Any of them, to be handed to a kernel by value.
class MarginPhi {
  public:
    MarginPhi(const SigmoidPhi& phi) : kind_(Kind::kSigmoid), sigmoid_(phi) {}
    MarginPhi(const HingePhi& phi) : kind_(Kind::kHinge), hinge_(phi) {}
    MarginPhi(const IpoPhi& phi) : kind_(Kind::kIpo), ipo_(phi) {}
    MarginPhi(const SmoothedPhi& phi) : kind_(Kind::kSmoothed), smoothed_(phi) {}
    MarginPhi(const RobustPhi& phi) : kind_(Kind::kRobust), robust_(phi) {}
    MarginPhi(const ExoPhi& phi) : kind_(Kind::kExo), exo_(phi) {}
    MarginPhi(const DiscopopPhi& phi) : kind_(Kind::kDiscopop), discopop_(phi) {}

    PREFDYN_HD double value(double m) const {
        return visit([m](const auto& phi) { return phi.value(m); });
    }
    PREFDYN_HD double derivative(double m) const {
        return visit([m](const auto& phi) { return phi.derivative(m); });
    }

    /// work(phi) with the one it is.
    template <class Work>
    PREFDYN_HD auto visit(Work work) const -> decltype(work(SigmoidPhi())) {
        switch (kind_) {
            case Kind::kSigmoid:
                return work(sigmoid_);
            case Kind::kHinge:
                return work(hinge_);
            case Kind::kIpo:
                return work(ipo_);
            case Kind::kSmoothed:
                return work(smoothed_);
            case Kind::kRobust:
                return work(robust_);
            case Kind::kExo:
                return work(exo_);
            case Kind::kDiscopop:
                break;
        }
        return work(discopop_);
    }

  private:
    enum class Kind { kSigmoid, kHinge, kIpo, kSmoothed, kRobust, kExo, kDiscopop };

    Kind kind_;
    union {
        SigmoidPhi sigmoid_;
        HingePhi hinge_;
        IpoPhi ipo_;
        SmoothedPhi smoothed_;
        RobustPhi robust_;
        ExoPhi exo_;
        DiscopopPhi discopop_;
    };
};

}  // namespace prefdyn
