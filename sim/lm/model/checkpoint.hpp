#pragma once
// A folder in Hugging Face layout: config.json and model.safetensors, or the shards that
// model.safetensors.index.json names. Only mapped, nothing is read until it is asked for, but for
// the weights that an adapter changes or that lie transposed: those are made in memory.

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "sim/lm/model/adapter.hpp"
#include "sim/lm/model/layer_parts.hpp"

namespace prefdyn::transformer {

/// The weights of one layer. Projections are (out, in); a bias the model has not is not present().
struct LayerTensors {
    Index layer = 0;
    std::array<Tensor, kParts> parts;

    const Tensor& operator[](Part part) const { return parts[static_cast<std::size_t>(part)]; }
};

class Checkpoint {
  public:
    /// A model's folder, an adapter's, or one that holds both; the adapter is added to the model.
    /// `base`: the folder of the model of an adapter that is alone; empty: the one that its config
    /// names. Throws InputError if a tensor is missing, unknown, or not of the type and shape the
    /// config asks for.
    explicit Checkpoint(const std::string& folder, const std::string& base = {});

    const ModelConfig& config() const { return config_; }
    const std::string& folder() const { return folder_; }  ///< of config and weights
    /// Where the tokeniser is: beside the adapter if there is one, else beside the weights.
    const std::string& tokenizer_folder() const { return tokenizer_folder_; }
    const Adapter* adapter() const { return adapter_.get(); }  ///< null: none
    const LayerTensors& layer(Index index) const {
        return layers_[static_cast<std::size_t>(index)];
    }
    const Tensor& embedding() const { return embedding_; }    ///< (V, d)
    const Tensor& positions() const { return positions_; }    ///< (context, d), or not present()
    const Tensor& final_norm() const { return final_norm_; }  ///< (d)
    const Tensor& final_norm_bias() const { return final_norm_bias_; }  ///< (d), or not present()
    const Tensor& head() const { return head_; }  ///< (V, d), the embedding if tied
    /// Tensors of the files that only reading images takes.
    std::size_t left_out() const { return left_out_; }

  private:
    void choose_folders(const std::string& folder, const std::string& base);
    void open(const std::string& name);
    void open_shards();
    Tensor take(const std::string& name, const std::vector<Index>& shape);
    Tensor adapted(Tensor tensor, Adapter::Place where);
    Tensor take_transposed(const std::string& name, const std::vector<Index>& shape);
    void add_prefix();
    void take_text_part();
    Tensor take_vector(const char* name);
    LayerTensors take_layer(Index index);
    void take_embedding_and_head();
    void require_nothing_left() const;
    std::string folder_, tokenizer_folder_;
    std::unique_ptr<Adapter> adapter_;
    std::vector<std::unique_ptr<RowsF>> made_;    ///< weights the adapter changes
    std::vector<std::vector<std::byte>> turned_;  ///< weights that lie transposed in the file
    std::vector<std::unique_ptr<MappedFile>> files_;
    Tensors tensors_;  ///< those not taken yet
    ModelConfig config_;
    std::vector<LayerTensors> layers_;
    std::size_t left_out_ = 0;
    Tensor embedding_, positions_, final_norm_, final_norm_bias_, head_;
};

/// "437 tensors that read images (vision_tower, multi_modal_projector) are left out", or empty.
std::string left_out_text(const Checkpoint& checkpoint);

}  // namespace prefdyn::transformer
