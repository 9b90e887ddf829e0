#pragma once
// A folder in Hugging Face layout: config.json and model.safetensors, or the shards that
// model.safetensors.index.json names. Only mapped, nothing is read until it is asked for.

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "sim/lm/model/layer_parts.hpp"
#include "sim/lm/model/mapped_file.hpp"
#include "sim/lm/model/safetensors.hpp"

namespace prefdyn::transformer {

/// The weights of one layer. Projections are (out, in); a bias the model has not is not present().
struct LayerTensors {
    Index layer = 0;
    std::array<Tensor, kParts> parts;

    const Tensor& operator[](Part part) const { return parts[static_cast<std::size_t>(part)]; }
};

class Checkpoint {
  public:
    /// Throws InputError if a tensor is missing, unknown, or not of the type and shape the config
    /// asks for.
    explicit Checkpoint(const std::string& folder);

    const ModelConfig& config() const { return config_; }
    const std::string& folder() const { return folder_; }
    const LayerTensors& layer(Index index) const {
        return layers_[static_cast<std::size_t>(index)];
    }
    const Tensor& embedding() const { return embedding_; }    ///< (V, d)
    const Tensor& final_norm() const { return final_norm_; }  ///< (d)
    const Tensor& head() const { return head_; }              ///< (V, d), the embedding if tied

  private:
    void open(const std::string& name);
    void open_shards();
    Tensor take(const std::string& name, const std::vector<Index>& shape);
    LayerTensors take_layer(Index index);
    std::string folder_;
    std::vector<std::unique_ptr<MappedFile>> files_;
    Tensors tensors_;  ///< those not taken yet
    ModelConfig config_;
    std::vector<LayerTensors> layers_;
    Tensor embedding_, final_norm_, head_;
};

}  // namespace prefdyn::transformer
