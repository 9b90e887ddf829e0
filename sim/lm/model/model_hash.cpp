#include "sim/lm/model/model_hash.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "sim/base/cancel.hpp"
#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/text_file.hpp"

namespace prefdyn::transformer {

namespace {

using Bytes = std::span<const std::byte>;

std::string hash_of(Bytes bytes) {
    return content_hash({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string sample_hash(Bytes file, const std::string& path, const HashLimits& limits) {
    const std::size_t start = 8 + header_bytes(file, path);
    const std::size_t block = std::min(limits.block, file.size() - start);
    const std::size_t room = file.size() - start - block;
    std::string all = std::to_string(file.size()) + " " + hash_of(file.first(start));
    for (std::size_t k = 0; k < limits.blocks; ++k) {
        stop_if_requested();
        const std::size_t gaps = std::max<std::size_t>(limits.blocks - 1, 1);
        const std::size_t at = start + room / gaps * k + room % gaps * k / gaps;
        all.append(" ").append(hash_of(file.subspan(at, block)));
    }
    return content_hash(all);
}

std::string file_in(const std::string& folder, const char* name) {
    return (std::filesystem::path(folder) / name).string();
}

/// Of the model, without its adapter's.
std::set<std::string> weight_files(const Checkpoint& checkpoint) {
    std::set<std::string> out = {checkpoint.embedding().file, checkpoint.final_norm().file,
                                 checkpoint.head().file};
    for (const Tensor* each : {&checkpoint.positions(), &checkpoint.final_norm_bias()})
        if (each->present()) out.insert(each->file);
    for (Index i = 0; i < checkpoint.config().layers; ++i)
        for (const Tensor& tensor : checkpoint.layer(i).parts)
            if (tensor.present()) out.insert(tensor.file);
    if (checkpoint.adapter()) out.erase(file_in(checkpoint.adapter()->folder(), kAdapterWeights));
    return out;
}

ModelHash::File hash_file(const std::string& path, bool weights, const HashLimits& limits) {
    const MappedFile file(path);
    const bool sampled = weights && file.bytes().size() > limits.whole;
    ModelHash::File out{std::filesystem::path(path).filename().string(),
                        sampled ? sample_hash(file.bytes(), path, limits) : hash_of(file.bytes()),
                        file.bytes().size(), sampled};
    MappedFile::forget(file.bytes());
    return out;
}

std::string hash_of(const std::vector<ModelHash::File>& files) {
    std::string all;
    for (const auto& file : files) all += file.name + " " + file.hash + "\n";
    return content_hash(all);
}

/// `out`: the hash of the base model so far.
void add_adapter(const Adapter& adapter, const HashLimits& limits, ModelHash& out) {
    require_base(adapter, out.hash);
    for (const char* name : {kAdapterConfig, kAdapterWeights})
        out.files.push_back(
            hash_file(file_in(adapter.folder(), name), name == kAdapterWeights, limits));
    out.hash = hash_of(out.files);
}

void require_written(const std::string& config, const std::string& weights) {
    const MappedFile file(weights);
    require_unchanged(file.bytes(), weights, false);
    require_config(config, file.bytes(), weights);
    MappedFile::forget(file.bytes());
}

std::string method_of(const ModelHash& model, const HashLimits& limits) {
    const bool sampled =
        std::any_of(model.files.begin(), model.files.end(), [](auto& f) { return f.sampled; });
    if (!sampled) return "XXH3-128 of every byte of config.json and of the weight files";
    return "XXH3-128 of config.json, of weight files up to " + std::to_string(limits.whole) +
           " bytes, and of size, header and " + std::to_string(limits.blocks) +
           " evenly spread blocks of " + std::to_string(limits.block) + " bytes of larger ones";
}

}  // namespace

std::string config_hash(const std::string& text, const std::string& place) {
    nlohmann::json config = text::parse_json(text, place, {});
    if (config.is_object())
        for (const char* key : {"_name_or_path", "base_model_name_or_path"}) config.erase(key);
    return content_hash(config.dump());
}

void require_config(const std::string& config, std::span<const std::byte> weights,
                    const std::string& weights_path) {
    const std::string noted = safetensors_note(weights, weights_path, kConfigHash);
    if (noted.empty() || noted == config_hash(text::read_file(config, kMaxConfig), config)) return;
    throw InputError(config + ": is not what was written beside " + weights_path,
                     "the disk or a copy damaged it, or it was edited; take the one that was "
                     "written");
}

void require_unchanged(const Adapter& adapter) {
    require_written(file_in(adapter.folder(), kAdapterConfig),
                    file_in(adapter.folder(), kAdapterWeights));
}

void require_unchanged(const Checkpoint& checkpoint) {
    const std::string config = file_in(checkpoint.folder(), "config.json");
    for (const std::string& path : weight_files(checkpoint)) require_written(config, path);
    if (checkpoint.adapter()) require_unchanged(*checkpoint.adapter());
}

ModelHash hash_model(const Checkpoint& checkpoint, const HashLimits& limits) {
    require_unchanged(checkpoint);
    ModelHash out;
    out.files.push_back(hash_file(file_in(checkpoint.folder(), "config.json"), false, limits));
    for (const std::string& path : weight_files(checkpoint))
        out.files.push_back(hash_file(path, true, limits));
    out.hash = hash_of(out.files);
    if (checkpoint.adapter()) add_adapter(*checkpoint.adapter(), limits, out);
    out.method = method_of(out, limits);
    return out;
}

}  // namespace prefdyn::transformer
