#pragma once
// What a trainer needs of a policy: a flat parameter vector theta, the descent direction of the
// loss at theta, and what the policy says about every prompt. Two engines implement it: the exact
// reduction (theory.md 1.1) and the dense V x d head it is tested against.

#include <array>
#include <memory>
#include <optional>
#include <span>

#include "sim/cuda/device.hpp"
#include "sim/head/policy.hpp"
#include "sim/loss/loss.hpp"

namespace prefdyn {

/// Everything a head is trained and measured on.
struct PreferenceTask {
    Dataset train;
    Dataset held_out;  ///< no rows if there is none
    Policy policy;
    std::shared_ptr<const PreferenceLoss> loss;
    /// Of train and held_out, where they are known already: the reductions then look at no head.
    std::optional<std::array<ReferenceLogits, 2>> reference = {};
    Device device = Device::kCpu;  ///< that engines compute on where it pays
};

class HeadDevice;

enum class Split { kTrain, kHeldOut };

/// Per-prompt results, (n) each.
struct Responses {
    Vector margin;           ///< m_i = beta u_i^T (W - W_0) g_i
    Vector logp_chosen;      ///< log pi_W(y_w | x_i)
    Vector logp_rejected;    ///< log pi_W(y_l | x_i)
    Vector reward_chosen;    ///< r_w = beta (log pi_W - log pi_{W_0})(y_w | x_i)
    Vector reward_rejected;  ///< r_l, likewise
    Vector matched;          ///< margins matched by rank, for LossForm::kSorted; else empty
};

struct HeadNorms {
    double frobenius;  ///< ||W - W_0||_F
    double spectral;   ///< ||W - W_0||_op
};

/// What the errors of a linear head's passes follow from (sim/head/error_model.hpp).
struct Roundings {
    double beta = 0.0;         ///< of the policy
    double inner = kInfinity;  ///< roundings on the way to a row's margin
    double outer = kInfinity;  ///< roundings of a sum over the rows
    double reference = 0.0;    ///< ||W_0||_F where margins are differences of logits, else 0
    double normaliser = 0.0;  ///< roundings of a log-softmax where margins pass through one, else 0
    double tokens = kInfinity;     ///< V: entries of a softmax
    double reference_logit = 0.0;  ///< error of a reference logit relative to ||g_i||
};

class PolicyEngine {
  public:
    virtual ~PolicyEngine() = default;

    virtual Index size() const = 0;      ///< length of theta
    virtual Vector initial() const = 0;  ///< theta at W = W_0
    virtual const Dataset& data(Split split) const = 0;

    /// direction = -dL/dW at theta in theta's coordinates, L the mean over the training rows `rows`
    /// (an empty span: all of them). Returns L.
    virtual double descent(const Vector& theta, std::span<const Index> rows,
                           Vector& direction) const = 0;

    /// The same without L.
    virtual void descend(const Vector& theta, std::span<const Index> rows,
                         Vector& direction) const {
        descent(theta, rows, direction);
    }

    /// Fills `out` for a split; with `direction` (training split only) also the full-batch descent
    /// direction, in the same pass.
    virtual void evaluate(const Vector& theta, Split split, Responses& out,
                          Vector* direction = nullptr) const = 0;

    /// Frobenius norm of the V x d matrix that a vector in theta's coordinates stands for.
    virtual double frobenius(const Vector& flat) const = 0;
    virtual HeadNorms change(const Vector& theta) const = 0;

    /// Of a head on fixed features; the default knows nothing, and no error is then finite.
    virtual Roundings roundings() const { return {}; }

    /// The device that can follow a whole run of updates (head_device.hpp), null if there is none.
    virtual const HeadDevice* device() const { return nullptr; }

    /// What else there is to say about theta, in an order the engine documents; kept per record.
    virtual std::vector<double> observe(const Vector& /*theta*/) const { return {}; }
};

enum class EngineKind { kReduced, kDense, kReducedF32 };
inline std::vector<std::string> engine_names() { return {"reduced", "dense", "reduced-f32"}; }

/// The task must outlive the engine.
std::unique_ptr<PolicyEngine> make_engine(EngineKind kind, const PreferenceTask& task);

}  // namespace prefdyn
