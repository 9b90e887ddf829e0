#pragma once
// Populations of the user's own, good ones.

#include "sim/base/hdf5_file.hpp"
#include "sim/data/population.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

struct GaussianComponent {
    double weight;
    int label;
    Vector mean;
    Matrix covariance;
};

inline PopulationArrays arrays_of(const std::vector<GaussianComponent>& parts) {
    const std::size_t C = parts.size(), d = static_cast<std::size_t>(parts[0].mean.size());
    PopulationArrays out{{{C}, {}}, {{C}, {}}, {{C, d}, {}}, {{C, d, d}, {}}};
    for (const GaussianComponent& part : parts) {
        out.weights.values.push_back(part.weight);
        out.labels.values.push_back(part.label);
        out.means.values.insert(out.means.values.end(), part.mean.begin(), part.mean.end());
        for (const double entry : part.covariance.reshaped<Eigen::RowMajor>())
            out.covariances.values.push_back(entry);
    }
    return out;
}

/// One component of label +1, two of label -1, in three dimensions; one covariance is singular.
inline PopulationArrays three_components() {
    const Vector a{{1.0, 0.0, 0.0}}, b{{0.0, -1.0, 0.0}}, c{{-1.0, 0.0, 1.0}};
    const Matrix round = Matrix::Identity(3, 3), thin = Vector{{2.0, 0.0, 0.5}}.asDiagonal(),
                 tilted{{1.0, 0.5, 0.0}, {0.5, 2.0, 0.25}, {0.0, 0.25, 0.5}};
    return arrays_of({{0.5, +1, a, round}, {0.2, -1, b, tilted}, {0.3, -1, c, thin}});
}

inline h5::Shape hdf5_shape(const NpyArray& array) {
    return {array.shape.begin(), array.shape.end()};
}

inline void write_hdf5(const std::string& path, const PopulationArrays& arrays) {
    h5::Writer file(path);
    file.write("weights", arrays.weights.values, hdf5_shape(arrays.weights));
    file.write("labels", arrays.labels.values, hdf5_shape(arrays.labels));
    file.write("means", arrays.means.values, hdf5_shape(arrays.means));
    file.write("covariances", arrays.covariances.values, hdf5_shape(arrays.covariances));
    file.close();
}

inline void write_folder(const std::string& path, const PopulationArrays& arrays) {
    std::filesystem::create_directory(path);
    write_npy(path + "/weights.npy", arrays.weights);
    write_npy(path + "/labels.npy", arrays.labels);
    write_npy(path + "/means.npy", arrays.means);
    write_npy(path + "/covariances.npy", arrays.covariances);
}

/// K clusters of T14 in d dimensions, turned: N(+-c_k + b, v^2 I), l_b = ||b||.
inline PopulationArrays cluster_population(Index K, Index d, double offset, double spread) {
    const Matrix frame = random_orthogonal(d, Stream(seed(), Purpose::kBasis, 0));
    std::vector<GaussianComponent> parts;
    const Matrix sigma = spread * spread * Matrix::Identity(d, d);
    for (Index k = 0; k < K; ++k)
        for (const int label : {+1, -1})
            parts.push_back({0.5 / static_cast<double>(K), label,
                             label * frame.col(k) + offset * frame.col(K), sigma});
    return arrays_of(parts);
}

}  // namespace prefdyn::test
