#pragma once
// An adapter in PEFT's layout (adapter_config.json and adapter_model.safetensors), added to the
// weights of its base model: W + s B A with s = alpha / r (or alpha / sqrt(r)); with DoRA each row
// of that is scaled to the length the adapter holds. Biases and whole modules replace the base's.

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "sim/lm/model/mapped_file.hpp"
#include "sim/lm/model/safetensors.hpp"

namespace prefdyn::transformer {

inline constexpr const char* kAdapterConfig = "adapter_config.json";
inline constexpr const char* kAdapterWeights = "adapter_model.safetensors";
/// In the notes of an adapter's weights: the hash of the model it was trained beside.
inline constexpr const char* kBaseHash = "prefdyn_base_hash";

class Adapter {
  public:
    /// Throws InputError for keys of the config that are not understood, naming them.
    explicit Adapter(const std::string& folder);

    const std::string& folder() const { return folder_; }
    /// base_model_name_or_path, empty if it is not said.
    const std::string& base() const { return base_; }
    /// The hash its weights carry, empty if none.
    const std::string& base_hash() const { return base_hash_; }

    enum class Place { kProjection, kTable, kVector };  ///< kTable: embedding or head
    /// A weight of the base as the adapter makes it; nothing where it leaves it alone. InputError
    /// unless config and weights agree about it.
    std::optional<RowsF> changed(const Tensor& weight, Place where);
    /// The embedding that PEFT saves with an adapter and puts into the base model itself, where a
    /// tied head shares it; null if there is none.
    const Tensor* embedding_of_base(const Tensor& embedding);
    /// Whether modules_to_save holds the module of this weight.
    bool saves(const std::string& weight) const;
    /// Of a model that also reads images: forgets the tensors of other parts than text, and returns
    /// how many there were.
    std::size_t leave_out_images();
    /// Throws InputError if a tensor of the adapter changed nothing.
    void require_all_used() const;

  private:
    bool targets(const std::string& module, Place where) const;
    bool may_replace(const std::string& weight, Place where) const;
    bool in_layers(const std::string& module) const;
    double number(const char* pattern, const std::string& module, const char* key) const;
    double scale(const std::string& module) const;
    const Tensor* find(const std::string& name, const std::vector<Index>& shape);
    void add_product(const std::string& module, const Tensor& weight, RowsF& out);

    std::string folder_, place_, base_, base_hash_;
    nlohmann::json config_;
    std::unique_ptr<MappedFile> file_;
    Tensors tensors_;  ///< by name below "base_model.model."
    std::set<std::string> used_;
};

/// Throws InputError if the adapter carries the hash of a base model and this is another one.
void require_base(const Adapter& adapter, const std::string& base_hash);

/// Whether the folder holds an adapter's config.
bool holds_adapter(const std::string& folder);

}  // namespace prefdyn::transformer
