#pragma once
// The matrix products of the dense head and of the trained embedding on a CUDA card, in double
// precision through cuBLAS. What depends on the loss is left to the engines: they read scores and
// hand back a weight for each row. Plain pointers: this header is read by the CUDA compiler.

#include <cstdint>
#include <memory>

#include "sim/head/activation.hpp"

namespace prefdyn::cuda {

/// x (n, d) of one split on the card.
class DeviceFeatures {
  public:
    /// Throws InputError if the card has not enough memory.
    DeviceFeatures(const double* x, long n, long d);
    ~DeviceFeatures();
    struct Impl;
    const Impl& impl() const { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

/// A block of prompts on its way through softmax(x W^T).
class SoftmaxPass {
  public:
    /// head is W (V, d).
    SoftmaxPass(const double* head, long vocabulary, long dimension);
    ~SoftmaxPass();
    /// log pi of one token and of another for rows[0 .. count); keeps what `backward` needs.
    void forward(const DeviceFeatures& x, const std::int64_t* rows, long count,
                 const std::int32_t* chosen, const std::int32_t* rejected, double* logp_chosen,
                 double* logp_rejected);
    /// sum += sum_b [ weight_b (up - down) + excess_b down ]_k x_b^T over the rows of the last
    /// forward, up = e_chosen - pi and down = e_rejected - pi.
    void backward(const double* weight, const double* excess);
    /// The sum (V, d) of all backward calls.
    void sum(double* out) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// A batch on its way through a . act(E x).
class EmbeddingPass {
  public:
    /// embedding is E (h, d), head is a (h).
    EmbeddingPass(const DeviceFeatures& x, const std::int64_t* rows, long count,
                  const double* embedding, const double* head, long hidden, Activation activation);
    ~EmbeddingPass();
    void scores(double* out) const;  ///< (count)
    /// embedding (h, d) = [weight a^T o act'(x E^T)]^T x unless null, head (h) = act(x E^T)^T
    /// weight.
    void backward(const double* weight, double* embedding, double* head);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace prefdyn::cuda
