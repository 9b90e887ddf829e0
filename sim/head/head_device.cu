// The reduction on a CUDA card: one pass over G, and whole runs of updates without a return to the
// host. Small runs are a block each, thousands in a launch; a large one takes the whole card.
#include <algorithm>
#include <limits>

#include "sim/base/cancel.hpp"
#include "sim/head/head_device.hpp"
#include "sim/head/margin_kernel.cuh"

namespace prefdyn {

namespace cuda {

namespace {

template <class Scalar>
class CudaHead final : public HeadDevice {
  public:
    CudaHead(const Rows<Scalar>& features, const std::vector<std::int8_t>& label, double beta,
             const MarginPhi& phi);

    double pass(const Vector& v, std::span<const Index> rows, Vector& direction,
                double* margins) const override;
    void margins(const Vector& v, double* margins) const override;

    const RowsView<Scalar>& view() const { return view_; }
    Index dimension() const { return d_; }

  private:
    /// Fills partial (blocks, columns + 1); returns the number of blocks.
    int sums(const Vector& v, std::span<const Index> rows, DeviceArray<double>& partial,
             double* margins) const;

    Index d_;
    DeviceArray<Pack<Scalar>> features_;
    DeviceArray<std::int8_t> label_;
    RowsView<Scalar> view_;
};

template <class Scalar>
CudaHead<Scalar>::CudaHead(const Rows<Scalar>& features, const std::vector<std::int8_t>& label,
                           double beta, const MarginPhi& phi)
    : d_(features.cols()), view_{nullptr, nullptr, features.rows(), 0, beta, phi} {
    const auto n = static_cast<std::size_t>(view_.n);
    view_.packs = (d_ + Pack<Scalar>::kWidth - 1) / Pack<Scalar>::kWidth;
    features_ = DeviceArray<Pack<Scalar>>(
        static_cast<std::size_t>(view_.n * view_.packs), "features (samples x dimension)",
        "lower samples or dimension, take --engine reduced-f32, or --device cpu");
    label_ = DeviceArray<std::int8_t>(n, "labels");
    view_.g = features_.data();
    view_.label = label_.data();
    const std::size_t width = static_cast<std::size_t>(view_.packs) * sizeof(Pack<Scalar>);
    const std::size_t own = static_cast<std::size_t>(d_) * sizeof(Scalar);
    if (width > own) features_.clear();
    PREFDYN_CUDA_CHECK(cudaMemcpy2DAsync(features_.data(), width, features.data(), own, own, n,
                                         cudaMemcpyHostToDevice, stream()));
    label_.upload(label.data(), n);
    wait();  // other threads' streams may go on from here
}

template <class Scalar>
int CudaHead<Scalar>::sums(const Vector& v, std::span<const Index> rows,
                           DeviceArray<double>& partial, double* margins) const {
    const long columns = view_.columns();
    const long batch = rows.empty() ? view_.n : static_cast<long>(rows.size());
    const Shape shape = shape_for(view_.packs, kLargeBlock);
    const Layout layout(columns, shape.threads);
    int blocks = 0;
    DeviceArray<double> theta(static_cast<std::size_t>(columns), "parameters");
    if (columns > d_) theta.clear();
    theta.upload(v.data(), static_cast<std::size_t>(d_));
    const std::vector<std::int32_t> numbers(rows.begin(), rows.end());
    DeviceArray<std::int32_t> chosen(numbers.size(), "minibatch rows");
    chosen.upload(numbers.data(), numbers.size());
    with_packs(shape.packs, [&](auto k) {
        auto* const kernel = pass_kernel<Scalar, decltype(k)::value>;
        allow_shared(kernel);
        blocks = blocks_of(kernel, shape, layout, batch);
        partial =
            DeviceArray<double>(static_cast<std::size_t>(blocks * (columns + 1)), "partial sums");
        kernel<<<blocks, shape.threads, layout.bytes(), stream()>>>(
            view_, shape.team, theta.data(), chosen.data(), batch, partial.data(), margins);
    });
    PREFDYN_CUDA_LAUNCHED("pass_kernel");
    return blocks;
}

template <class Scalar>
double CudaHead<Scalar>::pass(const Vector& v, std::span<const Index> rows, Vector& direction,
                              double* margins) const {
    const long columns = view_.columns();
    const long batch = rows.empty() ? view_.n : static_cast<long>(rows.size());
    DeviceArray<double> partial, m(margins ? static_cast<std::size_t>(batch) : 0, "margins");
    const int blocks = sums(v, rows, partial, m.data());
    DeviceArray<double> total(static_cast<std::size_t>(columns + 1), "direction");
    constexpr int kThreads = 128;
    fold_kernel<<<blocks_for(columns + 1, kThreads), kThreads, 0, stream()>>>(
        partial.data(), blocks, columns + 1, total.data());
    PREFDYN_CUDA_LAUNCHED("fold_kernel");
    Vector host(columns + 1);
    total.download(host.data(), total.size());
    m.download(margins, m.size());
    wait();
    direction = view_.beta / static_cast<double>(batch) * host.head(d_);
    return host(columns) / static_cast<double>(batch);
}

template <class Scalar>
void CudaHead<Scalar>::margins(const Vector& v, double* margins) const {
    DeviceArray<double> partial, m(static_cast<std::size_t>(view_.n), "margins");
    sums(v, {}, partial, m.data());
    m.download(margins, m.size());
    wait();
}

constexpr double kLaunchSeconds = 0.2;                      // about, so that a stop is seen
constexpr std::size_t kBatchBytes = std::size_t{64} << 20;  // minibatch rows of a launch
constexpr long kSmallBytes = long{1} << 19;                 // G of a run that one block does
constexpr double kBlockRate = 5e10, kCardRate = 1e12;       // bytes / s, at least

/// A path whose head is on the card.
template <class Scalar>
struct Run {
    const CudaHead<Scalar>* head;
    HeadPath* path;

    const RowsView<Scalar>& view() const { return head->view(); }
    long columns() const { return view().columns(); }
    Index steps() const { return path->stops.back(); }
    /// Rows of an update at most.
    long rows() const { return path->batches ? path->batches->batch() : view().n; }
    /// Bytes of G that an update reads.
    long bytes() const { return 16 * rows() * view().packs; }
};

template <class Scalar>
class Launcher {
  public:
    Launcher(std::vector<Run<Scalar>> runs, bool whole_card);
    void go();

  private:
    long steps_a_launch(long begin) const;
    void upload_batches(long count);
    void launch(long begin, long end);
    void launch_on_whole_card(long begin, long end);
    void collect();

    std::vector<Run<Scalar>> runs_;
    bool whole_card_;  ///< one run, by all of the card
    Shape shape_;
    long steps_ = 0;  ///< of the longest run
    long widest_ = 0;
    DeviceArray<double> state_, path_, partial_;
    DeviceArray<std::int64_t> stops_, first_;
    DeviceArray<std::int32_t> rows_;
    std::vector<RunView<Scalar>> view_;
    DeviceArray<RunView<Scalar>> device_view_;
};

template <class Scalar>
Launcher<Scalar>::Launcher(std::vector<Run<Scalar>> runs, bool whole_card)
    : runs_(std::move(runs)),
      whole_card_(whole_card),
      shape_(shape_for(runs_.front().view().packs, whole_card ? kLargeBlock : kSmallBlock)) {
    std::size_t state = 0, path = 0;
    std::vector<std::int64_t> stops;
    for (const Run<Scalar>& run : runs_) {
        const auto columns = static_cast<std::size_t>(run.columns());
        widest_ = std::max(widest_, run.columns());
        steps_ = std::max<long>(steps_, run.steps());
        state += 3 * columns;
        path += columns * run.path->stops.size();
        stops.insert(stops.end(), run.path->stops.begin(), run.path->stops.end());
    }
    state_ = DeviceArray<double>(state, "parameters and moments");
    path_ = DeviceArray<double>(path, "recorded parameters", "lower --records");
    stops_ = DeviceArray<std::int64_t>(stops.size(), "recorded steps");
    device_view_ = DeviceArray<RunView<Scalar>>(runs_.size(), "runs");
    state_.clear();
    stops_.upload(stops.data(), stops.size());
    double *state_at = state_.data(), *path_at = path_.data();
    const std::int64_t* stop_at = stops_.data();
    for (const Run<Scalar>& run : runs_) {
        const auto count = static_cast<long>(run.path->stops.size());
        view_.push_back({run.view(), nullptr, nullptr, stop_at, count, path_at, state_at,
                         run.path->eta, run.path->adam});
        state_at += 3 * run.columns();
        path_at += run.columns() * count;
        stop_at += count;
    }
    wait();  // `stops` goes out of scope
}

template <class Scalar>
long Launcher<Scalar>::steps_a_launch(long begin) const {
    double bytes = 0.0;       // of G a step reads, of the largest run
    std::size_t batches = 0;  // bytes of row numbers a step needs
    for (const Run<Scalar>& run : runs_) {
        bytes = std::max(bytes, static_cast<double>(run.bytes()));
        if (run.path->batches) batches += 4 * static_cast<std::size_t>(run.rows());
    }
    constexpr double kStepSeconds = 4e-6;
    const double waves =
        whole_card_ ? 1.0
                    : std::max(1.0, static_cast<double>(runs_.size()) / (2.0 * multiprocessors()));
    const double step = waves * (kStepSeconds + bytes / (whole_card_ ? kCardRate : kBlockRate));
    double count = std::max(1.0, kLaunchSeconds / step);
    if (batches > 0)
        count = std::max(1.0, std::min(count, static_cast<double>(kBatchBytes / batches)));
    return std::min(steps_ - begin, static_cast<long>(std::min(count, 1e9)));
}

/// The rows of each run's next updates, `count` at most, and where an update's rows begin among
/// those of its run.
template <class Scalar>
void Launcher<Scalar>::upload_batches(long count) {
    std::vector<std::int32_t> rows;
    std::vector<std::int64_t> first;
    std::vector<std::size_t> row_at(runs_.size()), first_at(runs_.size());
    for (std::size_t r = 0; r < runs_.size(); ++r) {
        BatchSampler* const batches = runs_[r].path->batches;
        if (!batches) continue;
        row_at[r] = rows.size();
        first_at[r] = first.size();
        first.push_back(0);
        const long own = std::min<long>(count, runs_[r].steps() - runs_[r].path->reached);
        for (long k = 0; k < own; ++k) {
            const std::vector<Index>& next = batches->next();
            rows.insert(rows.end(), next.begin(), next.end());
            first.push_back(static_cast<std::int64_t>(rows.size() - row_at[r]));
        }
    }
    if (first.empty()) return;
    rows_ = DeviceArray<std::int32_t>(rows.size(), "minibatch rows", "lower --batch");
    first_ = DeviceArray<std::int64_t>(first.size(), "minibatches", "lower --batch");
    rows_.upload(rows.data(), rows.size());
    first_.upload(first.data(), first.size());
    wait();
    for (std::size_t r = 0; r < runs_.size(); ++r) {
        if (!runs_[r].path->batches) continue;
        view_[r].rows = rows_.data() + row_at[r];
        view_[r].first = first_.data() + first_at[r];
    }
}

template <class Scalar>
void Launcher<Scalar>::launch(long begin, long end) {
    const Layout layout(widest_, shape_.threads);
    device_view_.upload(view_.data(), view_.size());
    with_packs(shape_.packs, [&](auto k) {
        auto* const kernel = runs_kernel<Scalar, decltype(k)::value>;
        allow_shared(kernel);
        kernel<<<static_cast<unsigned>(runs_.size()), shape_.threads, layout.bytes(), stream()>>>(
            device_view_.data(), shape_.team, begin, end);
    });
    PREFDYN_CUDA_LAUNCHED("runs_kernel");
}

template <class Scalar>
void Launcher<Scalar>::launch_on_whole_card(long begin, long end) {
    const Layout layout(widest_, shape_.threads);
    RunView<Scalar> run = view_.front();
    int team = shape_.team;
    with_packs(shape_.packs, [&](auto k) {
        auto* const kernel = run_kernel<Scalar, decltype(k)::value>;
        allow_shared(kernel);
        const int blocks = blocks_of(kernel, shape_, layout, runs_.front().rows());
        if (partial_.size() == 0)
            partial_ =
                DeviceArray<double>(static_cast<std::size_t>(blocks * widest_), "partial sums");
        double* partial = partial_.data();
        void* arguments[] = {&run, &team, &begin, &end, &partial};
        PREFDYN_CUDA_CHECK(cudaLaunchCooperativeKernel(
            reinterpret_cast<const void*>(kernel), dim3(static_cast<unsigned>(blocks)),
            dim3(static_cast<unsigned>(shape_.threads)), arguments,
            static_cast<std::size_t>(layout.bytes()), stream()));
    });
    PREFDYN_CUDA_LAUNCHED("run_kernel");
}

template <class Scalar>
void Launcher<Scalar>::collect() {
    const Staging staging;
    double* const piece = staging.data<double>();
    const std::size_t capacity = Staging::kBytes / sizeof(double);
    std::size_t begin = 0, end = 0, at = 0;  // of the piece, within path_
    for (const Run<Scalar>& run : runs_) {
        const auto columns = static_cast<std::size_t>(run.columns());
        for (Index k = 0; k < run.path->theta.cols(); ++k, at += columns) {
            if (at + columns > end) {
                begin = at;
                end = std::min(path_.size(), begin + capacity);
                PREFDYN_CUDA_CHECK(cudaMemcpyAsync(piece, path_.data() + begin,
                                                   (end - begin) * sizeof(double),
                                                   cudaMemcpyDeviceToHost, stream()));
                wait();
            }
            std::copy_n(piece + (at - begin), run.head->dimension(), run.path->theta.col(k).data());
        }
    }
}

template <class Scalar>
void Launcher<Scalar>::go() {
    long begin = 0;
    do {
        if (cancel_requested()) break;
        const long count = steps_a_launch(begin);
        upload_batches(count);
        whole_card_ ? launch_on_whole_card(begin, begin + count) : launch(begin, begin + count);
        wait();
        begin += count;
        for (const Run<Scalar>& run : runs_)
            run.path->reached = std::min<Index>(begin, run.steps());
    } while (begin < steps_);
    collect();
}

/// Those of `paths` whose device keeps Scalars.
template <class Scalar>
void follow_kind(std::vector<HeadPath>& paths) {
    std::vector<Run<Scalar>> small;
    for (HeadPath& path : paths) {
        const auto* head = dynamic_cast<const CudaHead<Scalar>*>(path.device);
        if (!head) continue;
        path.theta.resize(head->dimension(), static_cast<Index>(path.stops.size()));
        const Run<Scalar> run{head, &path};
        if (run.bytes() <= kSmallBytes)
            small.push_back(run);
        else
            Launcher<Scalar>({run}, true).go();
    }
    // Runs of one width share a launch.
    const auto packs = [](const Run<Scalar>& run) { return run.view().packs; };
    std::ranges::stable_sort(small, {}, packs);
    for (auto begin = small.begin(), end = begin; begin != small.end(); begin = end) {
        while (end != small.end() && packs(*end) == packs(*begin)) ++end;
        Launcher<Scalar>({begin, end}, false).go();
    }
}

}  // namespace

}  // namespace cuda

template <class Scalar>
std::unique_ptr<HeadDevice> make_head_device(const Rows<Scalar>& features,
                                             const std::vector<std::int8_t>& label, double beta,
                                             const MarginLoss& loss, Device device) {
    const auto phi = loss.phi();
    if (device != Device::kCuda || !phi || features.rows() == 0 ||
        features.cols() > cuda::kLargestDimension ||
        features.rows() > std::numeric_limits<std::int32_t>::max())
        return nullptr;
    return std::make_unique<cuda::CudaHead<Scalar>>(features, label, beta, *phi);
}
template std::unique_ptr<HeadDevice> make_head_device(const Rows<double>&,
                                                      const std::vector<std::int8_t>&, double,
                                                      const MarginLoss&, Device);
template std::unique_ptr<HeadDevice> make_head_device(const Rows<float>&,
                                                      const std::vector<std::int8_t>&, double,
                                                      const MarginLoss&, Device);

void follow(std::vector<HeadPath>& paths) {
    cuda::follow_kind<double>(paths);
    cuda::follow_kind<float>(paths);
}

}  // namespace prefdyn
