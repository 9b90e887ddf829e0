#include "sim/lm/model/adapter.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "sim/base/failure.hpp"
#include "sim/lm/model/adapter_config.hpp"
#include "sim/lm/model/layer_parts.hpp"
#include "sim/lm/model/product.hpp"
#include "sim/lm/text/json_input.hpp"

namespace prefdyn::transformer {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kStart = "base_model.model.";

std::string path_in(const std::string& folder, const char* name) {
    return (fs::path(folder) / name).string();
}

std::string without(std::string text, const std::string& part) {
    const auto at = text.find(part);
    return at == text.npos ? text : text.erase(at, part.size());
}

/// Names as they were before PEFT wrapped modules.
std::string plain_name(const std::string& name, const std::string& path) {
    if (!name.starts_with(kStart))
        throw InputError(
            path + ": tensor " + text::shown(json(name)) + " does not begin with " + kStart,
            "it is no adapter that PEFT saved");
    std::string out = name.substr(kStart.size());
    for (const char* part : {".base_layer", ".modules_to_save.default", ".modules_to_save"})
        out = without(out, part);
    if (out.ends_with(".lora_magnitude_vector")) out += ".weight";
    return out;
}

std::string module_of(const std::string& weight) { return weight.substr(0, weight.rfind('.')); }

RowsF values_of(const Tensor& tensor) {
    const bool matrix = tensor.shape.size() == 2;
    RowsF out(matrix ? tensor.shape[0] : 1, tensor.shape.back());
    require_finite(tensor, 0, tensor.elements());
    to_float(tensor, 0, tensor.elements(), out.data());
    return out;
}

void require_weight(const Tensor& tensor) {
    if (tensor.dtype == Dtype::kOther) to_float(tensor, 0, 0, nullptr);  // refuses by name
}

}  // namespace

bool holds_adapter(const std::string& folder) {
    std::error_code failed;
    return fs::exists(path_in(folder, kAdapterConfig), failed);
}

void require_base(const Adapter& adapter, const std::string& base_hash) {
    if (adapter.base_hash().empty() || adapter.base_hash() == base_hash) return;
    throw InputError(path_in(adapter.folder(), kAdapterWeights) +
                         ": was trained beside a model with hash " + adapter.base_hash() +
                         ", the base model's is " + base_hash,
                     "give the base model it was trained beside");
}

Adapter::Adapter(const std::string& folder)
    : folder_(folder),
      place_(path_in(folder, kAdapterConfig)),
      config_(read_adapter_config(place_)) {
    if (const json* base = text::find_member(config_, "base_model_name_or_path", place_))
        base_ = base->is_string() ? base->get<std::string>() : std::string();
    if (!text::find_member(config_, "target_modules", place_))
        throw InputError(place_ + ": key 'target_modules' is no list of names");
    const std::string path = path_in(folder, kAdapterWeights);
    std::error_code failed;
    if (!fs::exists(path, failed))
        throw InputError(folder + ": holds " + kAdapterConfig + " but no " + kAdapterWeights,
                         "pickled adapters (.bin) are not read; save it with PEFT as safetensors");
    file_ = std::make_unique<MappedFile>(path);
    require_unchanged(file_->bytes(), path, false);
    for (auto& [name, tensor] : parse_safetensors(file_->bytes(), path))
        if (!tensors_.emplace(plain_name(name, path), tensor).second)
            throw InputError(path + ": tensor " + text::shown(json(name)) + " comes twice");
    base_hash_ = safetensors_note(file_->bytes(), path, kBaseHash);
}

/// Whether layers_to_transform, if it is there, has the first number among the parts of the name;
/// with layers_pattern the part before the number is one of those.
bool Adapter::in_layers(const std::string& module) const {
    const json* layers = text::find_member(config_, "layers_to_transform", place_);
    if (!layers || (layers->is_array() && layers->empty())) return true;
    const json* pattern = text::find_member(config_, "layers_pattern", place_);
    const bool any = !pattern || pattern->empty() || *pattern == "";
    const json names = any || pattern->is_array() ? json() : json::array({*pattern});
    std::vector<std::string> parts;
    std::istringstream text(module);
    for (std::string part; std::getline(text, part, '.');) parts.push_back(part);
    for (std::size_t i = any ? 2 : 1; i + 1 < parts.size(); ++i) {
        const bool digits = parts[i].find_first_not_of("0123456789") == std::string::npos;
        const json& allowed = names.is_null() && !any ? *pattern : names;
        if (!digits || parts[i].size() > 6) continue;
        if (!any && std::find(allowed.begin(), allowed.end(), parts[i - 1]) == allowed.end())
            continue;
        const json index = std::stoi(parts[i]);
        return layers->is_array()
                   ? std::find(layers->begin(), layers->end(), index) != layers->end()
                   : *layers == index;
    }
    return false;
}

bool Adapter::saves(const std::string& weight) const {
    const json* names = text::find_member(config_, "modules_to_save", place_);
    const std::string module = module_of(weight);
    return names && std::ranges::any_of(*names, [&](const json& name) {
               return module.ends_with(name.get_ref<const std::string&>());
           });
}

bool Adapter::targets(const std::string& module, Place where) const {
    const json& names = text::member(config_, "target_modules", place_);
    if (const json* not_these = text::find_member(config_, "exclude_modules", place_))
        if (names_module(*not_these, module, place_)) return false;
    if (saves(module + ".weight")) return false;
    if (names == "all-linear") return where == Place::kProjection;
    return names_module(names, module, place_) && (names.is_string() || in_layers(module));
}

double Adapter::number(const char* pattern, const std::string& module, const char* key) const {
    json value;
    if (const json* own = text::find_member(config_, pattern, place_)) {
        text::require_object(*own, place_ + "/" + pattern);
        value = pattern_value(*own, module, place_);
    }
    if (value.is_null()) value = text::member(config_, key, place_);
    if (!value.is_number() || !(value.get<double>() > 0.0) || value.get<double>() > 1e6)
        throw InputError(place_ + ": key '" + key + "' is " + text::shown(value) +
                         ", wanted is a number in (0, 1e6]");
    return value.get<double>();
}

double Adapter::scale(const std::string& module) const {
    const double rank = number("rank_pattern", module, "r");
    const bool root = text::flag_member(config_, "use_rslora", false, place_);
    return number("alpha_pattern", module, "lora_alpha") / (root ? std::sqrt(rank) : rank);
}

/// Null if there is no such tensor; InputError unless it has this shape.
const Tensor* Adapter::find(const std::string& name, const std::vector<Index>& shape) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) return nullptr;
    require_weight(found->second);
    if (found->second.shape != shape)
        throw InputError(found->second.file + ": tensor " + found->second.name + " has shape " +
                             shape_text(found->second.shape) + ", wanted is " + shape_text(shape),
                         "the adapter belongs to another model");
    used_.insert(name);
    return &found->second;
}

void Adapter::add_product(const std::string& module, const Tensor& weight, RowsF& out) {
    const double rank = number("rank_pattern", module, "r");
    const auto r = static_cast<Index>(rank);
    if (static_cast<double>(r) != rank)
        throw InputError(place_ + ": key 'r' is " + text::shown(json(rank)) +
                         ", wanted is a whole number");
    const bool table = tensors_.contains(module + ".lora_embedding_A");
    const Index rows = out.rows(), cols = out.cols();
    const std::string a_name = module + (table ? ".lora_embedding_A" : ".lora_A.weight");
    const std::string b_name = module + (table ? ".lora_embedding_B" : ".lora_B.weight");
    const auto need = [&](const std::string& name, const std::vector<Index>& shape) {
        if (const Tensor* tensor = find(name, shape)) return values_of(*tensor);
        throw InputError(
            path_in(folder_, kAdapterWeights) + ": tensor " + kStart + name + " is missing",
            "the adapter belongs to another model, or is incomplete");
    };
    RowsF change(rows, cols);
    if (table) {  // an embedding is a transposed projection of one-hot rows
        const RowsF a = need(a_name, {r, rows}), b = need(b_name, {cols, r});
        multiply(view_of(a).transposed(), view_of(b).transposed(), change.data(), cols, Into::kSet);
    } else {
        const RowsF a = need(a_name, {r, cols}), b = need(b_name, {rows, r});
        multiply(view_of(b), view_of(a), change.data(), cols, Into::kSet);
    }
    out += static_cast<float>(scale(module)) * change;
    if (!text::flag_member(config_, "use_dora", false, place_)) return;
    if (table)
        throw InputError(place_ + ": DoRA of the embedding " + weight.name + " is not known",
                         "merge the adapter with PEFT first");
    const RowsF length = need(module + ".lora_magnitude_vector.weight", {rows});
    for (Index i = 0; i < rows; ++i) out.row(i) *= length(0, i) / out.row(i).norm();
}

/// Of modules_to_save, the embedding and the head as PEFT puts them in, and trained biases.
bool Adapter::may_replace(const std::string& weight, Place where) const {
    const json* bias = text::find_member(config_, "bias", place_);
    return where == Place::kTable || saves(weight) ||
           (weight.ends_with(".bias") && bias && *bias != "none");
}

std::optional<RowsF> Adapter::changed(const Tensor& weight, Place where) {
    const std::string module = module_of(weight.name);
    const Tensor* whole =
        may_replace(weight.name, where) ? find(weight.name, weight.shape) : nullptr;
    const bool target = where != Place::kVector && targets(module, where);
    if (!whole && saves(weight.name))
        throw InputError(path_in(folder_, kAdapterWeights) + ": tensor " + kStart + weight.name +
                             " is missing, modules_to_save names it",
                         "the adapter belongs to another model, or is incomplete");
    if (!whole && !target) return std::nullopt;
    RowsF out = values_of(whole ? *whole : weight);
    if (target) add_product(module, weight, out);
    return out;
}

const Tensor* Adapter::embedding_of_base(const Tensor& embedding) {
    return saves(embedding.name) ? nullptr : find(embedding.name, embedding.shape);
}

std::size_t Adapter::leave_out_images() {
    return std::erase_if(tensors_, [](const auto& item) { return text_name(item.first).empty(); });
}

void Adapter::require_all_used() const {
    for (const auto& [name, tensor] : tensors_)
        if (!used_.contains(name) && name.starts_with("embed_out."))
            throw InputError(tensor.file + ": tensor " + text::shown(json(tensor.name)) +
                                 " is of a head that transformers 5 calls lm_head: PEFT leaves it "
                                 "out, transformers does not",
                             "put lm_head for embed_out in both files of the adapter");
        else if (!used_.contains(name))
            throw InputError(tensor.file + ": tensor " + text::shown(json(tensor.name)) +
                                 " is no part of the adapter its config describes",
                             "or of the model it is added to");
}

}  // namespace prefdyn::transformer
