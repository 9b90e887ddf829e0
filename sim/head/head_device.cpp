#include "sim/head/head_device.hpp"

#include <algorithm>
#include <limits>

#include "sim/base/cancel.hpp"
#include "sim/cuda/device.hpp"
#include "sim/head/cuda_margins.hpp"

namespace prefdyn {

#ifdef PREFDYN_CUDA

namespace {

template <class Scalar>
class CudaHead final : public HeadDevice {
  public:
    CudaHead(const Rows<Scalar>& features, const std::vector<std::int8_t>& label, double beta,
             const MarginPhi& phi)
        : rows_(features.data(), label.data(), features.rows(), features.cols(), beta, phi),
          samples_(features.rows()),
          dimension_(features.cols()) {}

    double pass(const Vector& v, std::span<const Index> rows, Vector& direction,
                double* margins) const override {
        direction.resize(v.size());
        const std::vector<std::int32_t> chosen(rows.begin(), rows.end());
        return rows_.pass(v.data(), rows.empty() ? nullptr : chosen.data(),
                          rows.empty() ? samples_ : static_cast<Index>(rows.size()),
                          direction.data(), margins);
    }
    void margins(const Vector& v, double* margins) const override {
        rows_.margins(v.data(), margins);
    }
    const cuda::DeviceRows<Scalar>& rows() const { return rows_; }
    Index dimension() const { return dimension_; }

  private:
    cuda::DeviceRows<Scalar> rows_;
    Index samples_, dimension_;
};

template <class Scalar>
cuda::HeadRun<Scalar> device_run(const CudaHead<Scalar>& head, HeadPath& path) {
    path.theta.resize(head.dimension(), static_cast<Index>(path.stops.size()));
    cuda::HeadRun<Scalar> run{
        &head.rows(), path.adam, path.eta, {path.stops.begin(), path.stops.end()}};
    run.path = path.theta.data();
    if (!path.batches) return run;
    run.batch = path.batches->batch();
    run.next = [sampler = path.batches](std::int64_t count, cuda::Batches& out) {
        for (std::int64_t k = 0; k < count; ++k) {
            for (const Index row : sampler->next())
                out.rows.push_back(static_cast<std::int32_t>(row));
            out.first.push_back(static_cast<std::int64_t>(out.rows.size()));
        }
    };
    return run;
}

/// Those of `paths` whose device keeps Scalars.
template <class Scalar>
void follow_kind(std::vector<HeadPath>& paths) {
    std::vector<cuda::HeadRun<Scalar>> runs;
    std::vector<HeadPath*> owners;
    for (HeadPath& path : paths)
        if (const auto* head = dynamic_cast<const CudaHead<Scalar>*>(path.device)) {
            runs.push_back(device_run(*head, path));
            owners.push_back(&path);
        }
    if (runs.empty()) return;
    cuda::run_heads(runs, cancel_requested);
    for (std::size_t r = 0; r < runs.size(); ++r) owners[r]->reached = runs[r].reached;
}

}  // namespace

template <class Scalar>
std::unique_ptr<HeadDevice> make_head_device(const Rows<Scalar>& features,
                                             const std::vector<std::int8_t>& label, double beta,
                                             const MarginLoss& loss) {
    const auto phi = loss.phi();
    if (!on_gpu() || !phi || features.rows() == 0 || features.cols() > cuda::kLargestDimension ||
        features.rows() > std::numeric_limits<std::int32_t>::max())
        return nullptr;
    return std::make_unique<CudaHead<Scalar>>(features, label, beta, *phi);
}

void follow(std::vector<HeadPath>& paths) {
    follow_kind<double>(paths);
    follow_kind<float>(paths);
}

#else

template <class Scalar>
std::unique_ptr<HeadDevice> make_head_device(const Rows<Scalar>&, const std::vector<std::int8_t>&,
                                             double, const MarginLoss&) {
    return nullptr;
}

void follow(std::vector<HeadPath>&) {}

#endif

template std::unique_ptr<HeadDevice> make_head_device(const Rows<double>&,
                                                      const std::vector<std::int8_t>&, double,
                                                      const MarginLoss&);
template std::unique_ptr<HeadDevice> make_head_device(const Rows<float>&,
                                                      const std::vector<std::int8_t>&, double,
                                                      const MarginLoss&);

}  // namespace prefdyn
