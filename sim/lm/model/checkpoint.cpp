#include "sim/lm/model/checkpoint.hpp"

#include <filesystem>
#include <map>
#include <set>

#include "sim/base/failure.hpp"
#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/text_file.hpp"

namespace prefdyn::transformer {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxIndex = std::size_t{16} << 20;
constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

/// FOLDER/NAME, which must be a plain name; it may be a link, as in the hub's cache.
std::string inside(const std::string& folder, const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos ||
        name.find('\0') != name.npos)
        throw InputError(folder + ": file name " + text::shown(json(name)) + " is no plain name",
                         "the files of a checkpoint lie in its folder");
    const fs::path path = fs::path(folder) / name;
    std::error_code failed;
    if (fs::is_symlink(path, failed) && !fs::exists(path, failed))
        throw InputError(path.string() + ": is a link to " +
                             fs::read_symlink(path, failed).string() + ", which is not there",
                         "fetch the file the link names");
    return path.string();
}

/// Tensor names by shard.
std::map<std::string, std::set<std::string>> parse_index(const std::string& text,
                                                         const std::string& place) {
    const json index = text::parse_json(text, place, {kMaxIndex, 4});
    const auto map = index.is_object() ? index.find("weight_map") : index.end();
    if (!index.is_object() || map == index.end() || !map->is_object() || map->empty())
        throw InputError(place + ": has no object 'weight_map'");
    std::map<std::string, std::set<std::string>> shards;
    for (const auto& item : map->items()) {
        if (!item.value().is_string())
            throw InputError(place + ": tensor " + text::shown(json(item.key())) + " lies in " +
                             text::shown(item.value()) + ", wanted is a file name");
        shards[item.value().get<std::string>()].insert(item.key());
    }
    return shards;
}

/// Buffers older versions saved although they follow from the config.
bool is_derived(const std::string& name) {
    return name.ends_with(".rotary_emb.inv_freq") || name.ends_with(".self_attn.masked_bias");
}

}  // namespace

void Checkpoint::open(const std::string& name) {
    const std::string path = inside(folder_, name);
    files_.push_back(std::make_unique<MappedFile>(path));
    for (auto& [tensor, value] : parse_safetensors(files_.back()->bytes(), path))
        if (!tensors_.emplace(tensor, value).second)
            throw InputError(path + ": tensor " + text::shown(json(tensor)) +
                             " is in another shard already");
}

void Checkpoint::open_shards() {
    const std::string place = inside(folder_, kIndex);
    const auto shards = parse_index(text::read_file(place, kMaxIndex), place);
    for (const auto& [shard, names] : shards) {
        open(shard);
        for (const std::string& name : names) {
            const auto found = tensors_.find(name);
            if (found == tensors_.end() || found->second.file != inside(folder_, shard))
                throw InputError(place + ": tensor " + text::shown(json(name)) + " is not in " +
                                     text::shown(json(shard)),
                                 "the download may be incomplete");
        }
    }
}

/// Moves a tensor out of the table; it must be there with this shape and a type of weights.
Tensor Checkpoint::take(const std::string& name, const std::vector<Index>& shape) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end())
        throw InputError(
            folder_ + ": tensor " + name + " of shape " + shape_text(shape) + " is missing",
            "the config asks for it; the download may be incomplete");
    Tensor tensor = std::move(found->second);
    tensors_.erase(found);
    if (tensor.shape != shape)
        throw InputError(tensor.file + ": tensor " + name + " has shape " +
                         shape_text(tensor.shape) + ", the config asks for " + shape_text(shape));
    if (tensor.dtype == Dtype::kOther) to_float(tensor, 0, 0, nullptr);  // refuses by name
    return tensor;
}

LayerTensors Checkpoint::take_layer(Index index) {
    LayerTensors out;
    out.layer = index;
    for (std::size_t p = 0; p < kParts; ++p) {
        const auto part = static_cast<Part>(p);
        const std::vector<Index> shape = part_shape(config_, part);
        if (shape.empty()) continue;
        std::string name = "model.layers." + std::to_string(index) + ".";
        out.parts[p] = take(name.append(part_name(part)), shape);
    }
    return out;
}

Checkpoint::Checkpoint(const std::string& folder) : folder_(folder) {
    std::error_code failed;
    if (!fs::is_directory(folder, failed))
        throw InputError(folder + ": is no folder", "give a folder in Hugging Face layout");
    const std::string config = inside(folder, "config.json");
    config_ = parse_model_config(text::read_file(config, kMaxConfig), config);
    if (fs::exists(inside(folder, kSingle), failed))
        open(kSingle);
    else if (fs::exists(inside(folder, kIndex), failed))
        open_shards();
    else
        throw InputError(folder + ": has neither " + kSingle + " nor " + kIndex,
                         "pickled weights (.bin, .pt) are not read; convert them to safetensors");
    embedding_ = take("model.embed_tokens.weight", {config_.vocabulary, config_.hidden});
    final_norm_ = take("model.norm.weight", {config_.hidden});
    for (Index i = 0; i < config_.layers; ++i) layers_.push_back(take_layer(i));
    if (!config_.tied) head_ = take("lm_head.weight", {config_.vocabulary, config_.hidden});
    if (config_.tied) head_ = embedding_;
    if (config_.tied) tensors_.erase("lm_head.weight");  // a copy of the embedding some keep
    for (const auto& [name, tensor] : tensors_)
        if (!is_derived(name))
            throw InputError(tensor.file + ": tensor " + text::shown(json(name)) +
                                 " is not part of the model config.json describes",
                             "it may change the computation, so the model is not run");
    tensors_.clear();
}

}  // namespace prefdyn::transformer
