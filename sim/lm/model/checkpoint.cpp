#include "sim/lm/model/checkpoint.hpp"

#include <algorithm>
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

/// Whether two tensors of one shape hold the same numbers; not a number equals nothing.
bool same_values(const Tensor& a, const Tensor& b) {
    constexpr Index kAtOnce = 1 << 16;
    std::vector<float> x(kAtOnce), y(kAtOnce);
    if (a.bytes.data() == b.bytes.data()) return true;
    for (Index first = 0; first < a.elements(); first += kAtOnce) {
        const Index count = std::min(kAtOnce, a.elements() - first);
        to_float(a, first, count, x.data());
        to_float(b, first, count, y.data());
        if (!std::equal(x.begin(), x.begin() + count, y.begin())) return false;
    }
    return true;
}

/// Buffers older versions saved although they follow from the config.
bool is_derived(const ModelConfig& config, const std::string& name) {
    if (name.ends_with(".rotary_emb.inv_freq") || name.ends_with(".masked_bias")) return true;
    if (config.naming == Naming::kGpt2) return name.ends_with(".attn.bias");  // the causal mask
    return config.naming == Naming::kNeox && name.ends_with(".attention.bias");
}

/// (cols, rows) from (rows, cols), elements of a few bytes.
std::vector<std::byte> transposed(std::span<const std::byte> from, Index rows, Index cols) {
    const auto width = static_cast<Index>(from.size()) / (rows * cols);
    std::vector<std::byte> out(from.size());
#pragma omp parallel for schedule(static)
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < cols; ++j)
            std::copy_n(from.data() + (i * cols + j) * width, width,
                        out.data() + (j * rows + i) * width);
    return out;
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
    tensor.name = memory_name(config_, name);
    return tensor;
}

/// The tensor, or what the adapter makes of it.
Tensor Checkpoint::adapted(Tensor tensor, Adapter::Place where) {
    if (!adapter_) return tensor;
    std::optional<RowsF> values = adapter_->changed(tensor, where);
    if (!values) return tensor;
    made_.push_back(std::make_unique<RowsF>(std::move(*values)));
    const RowsF& made = *made_.back();
    tensor.dtype = Dtype::kF32;
    tensor.dtype_name = "F32";
    tensor.bytes = std::as_bytes(std::span(made.data(), static_cast<std::size_t>(made.size())));
    tensor.mapped = false;
    return tensor;
}

/// A tensor that lies as (in, out), as (out, in).
Tensor Checkpoint::take_transposed(const std::string& name, const std::vector<Index>& shape) {
    Tensor tensor = take(name, {shape[1], shape[0]});
    turned_.push_back(transposed(tensor.bytes, shape[1], shape[0]));
    tensor.shape = shape;
    tensor.bytes = turned_.back();
    tensor.mapped = false;
    return tensor;
}

/// Null: not present().
Tensor Checkpoint::take_vector(const char* name) {
    if (!name) return {};
    return adapted(take(name, {config_.hidden}), Adapter::Place::kVector);
}

/// Files of the model without its head leave the first part of every name away.
void Checkpoint::add_prefix() {
    const std::string prefix = name_prefix(config_), head = outer_names(config_).head;
    const auto has_it = [&](const auto& item) { return item.first.starts_with(prefix); };
    if (std::any_of(tensors_.begin(), tensors_.end(), has_it)) return;
    Tensors named;
    for (auto& [name, tensor] : tensors_)
        named.emplace(name == head ? name : prefix + name, std::move(tensor));
    tensors_ = std::move(named);
}

/// Leaves tensors out that only reading images takes.
void Checkpoint::take_text_part() {
    Tensors part;
    for (const auto& [name, tensor] : tensors_) {
        const std::string own = text_name(name);
        if (own.empty())
            ++left_out_;
        else if (!part.emplace(own, tensor).second)
            throw InputError(tensor.file + ": tensor " + text::shown(json(name)) +
                             " comes under two names");
    }
    tensors_ = std::move(part);
    if (adapter_) left_out_ += adapter_->leave_out_images();
}

LayerTensors Checkpoint::take_layer(Index index) {
    LayerTensors out;
    out.layer = index;
    for (std::size_t p = 0; p < kParts; ++p) {
        const auto part = static_cast<Part>(p);
        const std::vector<Index> shape = part_shape(config_, part);
        if (shape.empty()) continue;
        const std::string name = part_name(config_, index, part);
        const bool matrix = shape.size() == 2;
        out.parts[p] = adapted(
            lies_transposed(config_, part) ? take_transposed(name, shape) : take(name, shape),
            matrix ? Adapter::Place::kProjection : Adapter::Place::kVector);
    }
    return out;
}

/// Where the config ties the two, a file may hold both all the same: a copy, or a head of its own,
/// which then counts; or the head alone, which then is the embedding. An adapter may part them.
void Checkpoint::take_embedding_and_head() {
    const std::vector<Index> shape = {config_.vocabulary, config_.hidden};
    const char* const table_name = outer_names(config_).embedding;
    const char* const head_name = outer_names(config_).head;
    const bool alone =
        config_.tied && !tensors_.contains(table_name) && tensors_.contains(head_name);
    Tensor table = take(alone ? head_name : table_name, shape);
    Tensor head = table;
    if (!config_.tied || tensors_.contains(head_name)) head = take(head_name, shape);
    config_.tied = config_.tied && same_values(table, head);
    table.name = memory_name(config_, table_name);
    if (config_.tied) head = table;
    if (config_.tied && adapter_)
        if (const Tensor* both = adapter_->embedding_of_base(table)) head = *both;
    head.name = memory_name(config_, head_name);
    embedding_ = adapted(table, Adapter::Place::kTable);
    head_ = adapted(head, Adapter::Place::kTable);
    config_.tied = config_.tied && same_values(embedding_, head_);
    if (config_.tied) head_ = embedding_;
}

void Checkpoint::require_nothing_left() const {
    for (const auto& [name, tensor] : tensors_)
        if (!is_derived(config_, name))
            throw InputError(tensor.file + ": tensor " + text::shown(json(name)) +
                                 " is not part of the model config.json describes",
                             "it may change the computation, so the model is not run");
    if (adapter_) adapter_->require_all_used();
}

/// An adapter beside a model is added to that one, as transformers does it.
void Checkpoint::choose_folders(const std::string& folder, const std::string& base) {
    std::error_code failed;
    if (!fs::is_directory(folder, failed))
        throw InputError(folder + ": is no folder", "give a folder in Hugging Face layout");
    folder_ = tokenizer_folder_ = folder;
    if (!holds_adapter(folder)) {
        if (base.empty()) return;
        throw InputError(folder + ": is no adapter, so it has no base model",
                         "leave the base model out");
    }
    adapter_ = std::make_unique<Adapter>(folder);
    if (fs::exists(inside(folder, "config.json"), failed)) {
        if (base.empty()) return;
        throw InputError(folder + ": holds the adapter's base model already",
                         "leave the base model out");
    }
    folder_ = base.empty() ? adapter_->base() : base;
    if (folder_.empty() || !fs::is_directory(folder_, failed))
        throw InputError(inside(folder, kAdapterConfig) + ": key 'base_model_name_or_path' is " +
                             text::shown(json(folder_)) + ", which is no folder here",
                         "name the folder of its base model with --base");
    if (holds_adapter(folder_))
        throw InputError(folder_ + ": the base model has an adapter of its own",
                         "merge that one with PEFT first");
    const auto has = [&](const char* name) { return fs::exists(inside(folder, name), failed); };
    if (!has("tokenizer.model") && !has("tokenizer.json")) tokenizer_folder_ = folder_;
}

Checkpoint::Checkpoint(const std::string& folder, const std::string& base) {
    choose_folders(folder, base);
    std::error_code failed;
    const std::string config = inside(folder_, "config.json");
    config_ = parse_model_config(text::read_file(config, kMaxConfig), config);
    if (fs::exists(inside(folder_, kSingle), failed))
        open(kSingle);
    else if (fs::exists(inside(folder_, kIndex), failed))
        open_shards();
    else
        throw InputError(folder_ + ": has neither " + kSingle + " nor " + kIndex,
                         "pickled weights (.bin, .pt) are not read; convert them to safetensors");
    if (config_.nested) take_text_part();
    add_prefix();
    take_embedding_and_head();
    const OuterNames names = outer_names(config_);
    if (names.positions)
        positions_ = adapted(take(names.positions, {config_.context, config_.hidden}),
                             Adapter::Place::kTable);
    final_norm_ = take_vector(names.final_norm);
    final_norm_bias_ = take_vector(names.final_norm_bias);
    for (Index i = 0; i < config_.layers; ++i) layers_.push_back(take_layer(i));
    require_nothing_left();
    tensors_.clear();
}

std::string left_out_text(const Checkpoint& checkpoint) {
    if (checkpoint.left_out() == 0) return {};
    return std::to_string(checkpoint.left_out()) +
           " tensors that read images (vision_tower, multi_modal_projector) are left out";
}

}  // namespace prefdyn::transformer
