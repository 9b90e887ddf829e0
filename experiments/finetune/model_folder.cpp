#include "experiments/finetune/model_folder.hpp"

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "experiments/results/publish.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/output_file.hpp"
#include "sim/lm/model/model_hash.hpp"
#include "sim/lm/model/safetensors_writer.hpp"
#include "sim/lm/text/json_input.hpp"
#include "sim/lm/text/text_file.hpp"

namespace prefdyn {

namespace {

namespace fs = std::filesystem;
using finetune::Block;
using finetune::Column;
using finetune::Index;
using finetune::Layout;
using finetune::Parameters;
using finetune::Part;
using finetune::Piece;
using finetune::TrainableSpec;
using finetune::TrainedPart;
using nlohmann::json;
using nlohmann::ordered_json;
using transformer::Array;
using transformer::array_of;

const char* const kConfig = "config.json";
const char* const kWeights = "model.safetensors";
const char* const kAdapterConfig = "adapter_config.json";
const char* const kAdapter = "adapter_model.safetensors";
const char* const kBaseHash = "prefdyn_base_hash";
const std::string kAdapterStart = "base_model.model.";

std::string inside(const std::string& folder, const std::string& name) {
    return (fs::path(folder) / name).string();
}

void write_text(const std::string& path, const std::string& text) {
    publish_file(path, [&](const std::string& partial) { write_file(partial, text); });
}

void write_arrays(const std::string& path, const std::vector<Array>& arrays,
                  const std::map<std::string, std::string>& notes = {}) {
    publish_file(path, [&](const std::string& partial) {
        transformer::write_safetensors(partial, arrays, notes);
    });
}

void copy_if_there(const std::string& from, const std::string& to, const std::string& name) {
    std::error_code failed;
    if (!fs::exists(inside(from, name), failed)) return;
    publish_file(inside(to, name), [&](const std::string& partial) {
        fs::copy_file(inside(from, name), partial, fs::copy_options::overwrite_existing, failed);
        if (failed) throw WriteError(partial + ": cannot be written: " + failed.message());
    });
}

std::vector<Index> shape_of(const Block& block) {
    return block.vector ? std::vector<Index>{block.cols}
                        : std::vector<Index>{block.rows, block.cols};
}

void write_whole(const std::string& folder, const TrainedModel& model) {
    const std::string from = inside(model.base_folder, kConfig);
    ordered_json config = ordered_json::parse(text::read_file(from, transformer::kMaxConfig));
    config["tie_word_embeddings"] = model.weights->layout().tied();
    config.erase("dtype");
    config["torch_dtype"] = "float32";
    std::vector<Array> arrays;
    const Layout& layout = model.weights->layout();
    for (int b = 0; b < layout.count(); ++b) {
        const auto values = model.weights->matrix(b);
        arrays.push_back(array_of(
            layout.block(b).name, shape_of(layout.block(b)),
            std::span<const float>(values.data(), static_cast<std::size_t>(values.size()))));
    }
    for (const char* name :
         {"tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
          "added_tokens.json", "generation_config.json"})
        copy_if_there(model.base_folder, folder, name);
    const std::string text = config.dump(2) + "\n";
    write_arrays(inside(folder, kWeights), arrays,
                 {{transformer::kConfigHash, transformer::config_hash(text, kConfig)}});
    write_text(inside(folder, kConfig), text);
}

/// "self_attn.q_proj" of "model.layers.0.self_attn.q_proj.weight" is "q_proj" for PEFT.
std::string module_name(Part part) {
    const std::string name = finetune::part_name(part);  // block.projection.weight
    const std::size_t end = name.rfind('.'), begin = name.rfind('.', end - 1) + 1;
    return name.substr(begin, end - begin);
}

std::string piece_name(const Layout& layout, const Piece& piece) {
    const std::string& name = layout.block(piece.block).name;
    return kAdapterStart + name.substr(0, name.rfind('.')) +
           (piece.kind == Piece::Kind::kA ? ".lora_A.weight" : ".lora_B.weight");
}

void write_adapter(const std::string& folder, const TrainedModel& model) {
    ordered_json config;
    config["peft_type"] = "LORA";
    config["task_type"] = "CAUSAL_LM";
    config["base_model_name_or_path"] = model.base_folder;
    config["r"] = model.spec.rank;
    config["lora_alpha"] = model.spec.alpha;
    config["lora_dropout"] = 0.0;
    config["bias"] = "none";
    config["fan_in_fan_out"] = false;
    config["inference_mode"] = true;
    for (const Part part : model.spec.targets)
        config["target_modules"].push_back(module_name(part));
    std::vector<Array> arrays;
    for (const Piece& piece : model.trainable->pieces())
        arrays.push_back(
            array_of(piece_name(model.weights->layout(), piece), {piece.rows, piece.cols},
                     std::span<const float>(model.theta->data() + piece.offset,
                                            static_cast<std::size_t>(piece.rows * piece.cols))));
    const std::string text = config.dump(2) + "\n";
    std::map<std::string, std::string> notes = {
        {transformer::kConfigHash, transformer::config_hash(text, kAdapterConfig)}};
    if (!model.base_hash.empty()) notes[kBaseHash] = model.base_hash;
    write_arrays(inside(folder, kAdapter), arrays, notes);
    write_text(inside(folder, kAdapterConfig), text);
}

}  // namespace

void write_model(const std::string& folder, const TrainedModel& model) {
    make_folder_of(inside(folder, kConfig));
    if (model.spec.part == TrainedPart::kLora)
        write_adapter(folder, model);
    else
        write_whole(folder, model);
}

namespace {

/// Keys of adapter_config.json that change what an adapter computes, and the values at which they
/// do not.
void require_plain(const json& config, const std::string& place) {
    const std::map<std::string, json> plain = {{"peft_type", "LORA"},
                                               {"bias", "none"},
                                               {"fan_in_fan_out", false},
                                               {"use_rslora", false},
                                               {"use_dora", false},
                                               {"rank_pattern", json::object()},
                                               {"alpha_pattern", json::object()},
                                               {"modules_to_save", nullptr},
                                               {"layers_to_transform", nullptr},
                                               {"layer_replication", nullptr},
                                               {"lora_bias", false},
                                               {"exclude_modules", nullptr},
                                               {"target_parameters", nullptr},
                                               {"trainable_token_indices", nullptr},
                                               {"alora_invocation_tokens", nullptr},
                                               {"use_qalora", false}};
    for (const auto& [key, value] : plain) {
        const auto found = config.find(key);
        if (found == config.end() || *found == value || found->is_null()) continue;
        throw InputError(place + ": key '" + key + "' is " + text::shown(*found) + ", wanted is " +
                             text::shown(value),
                         "such an adapter computes something else; merge it with PEFT first");
    }
}

double number(const json& config, const char* key, const std::string& place) {
    const auto found = config.find(key);
    if (found == config.end() || !found->is_number() || !(found->get<double>() > 0.0) ||
        found->get<double>() > 1e6)
        throw InputError(place + ": key '" + key + "' is " +
                         (found == config.end() ? "missing" : text::shown(*found)) +
                         ", wanted is a number in (0, 1e6]");
    return found->get<double>();
}

TrainableSpec read_spec(const json& config, const std::string& place) {
    if (!config.is_object()) throw InputError(place + ": is no JSON object");
    require_plain(config, place);
    TrainableSpec spec;
    spec.part = TrainedPart::kLora;
    spec.alpha = number(config, "lora_alpha", place);
    const double rank = number(config, "r", place);
    spec.rank = static_cast<Index>(rank);
    if (static_cast<double>(spec.rank) != rank)
        throw InputError(place + ": key 'r' is " + text::shown(config["r"]) +
                         ", wanted is a whole number");
    const auto targets = config.find("target_modules");
    if (targets == config.end() || !targets->is_array() || targets->empty())
        throw InputError(place + ": key 'target_modules' is no list of names");
    spec.targets.clear();
    for (const Part part : finetune::parse_targets("q,k,v,o,gate,up,down"))
        for (const json& name : *targets)
            if (name == module_name(part)) spec.targets.push_back(part);
    if (spec.targets.size() != targets->size())
        throw InputError(place + ": target_modules " + text::shown(*targets) +
                             " names what is no projection of a layer, or one twice",
                         "known are q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj");
    return spec;
}

void require_base(const std::string& noted, const std::string& base_hash, const std::string& path) {
    if (noted.empty() || base_hash.empty() || noted == base_hash) return;
    throw InputError(path + ": was trained beside a model with hash " + noted +
                         ", the base model's is " + base_hash,
                     "give the base model it was trained beside");
}

Parameters<float> read_adapter(const std::string& folder, const transformer::Checkpoint& base,
                               const Layout& layout, const std::string& base_hash) {
    const std::string place = inside(folder, kAdapterConfig);
    const TrainableSpec spec = read_spec(
        text::parse_json(text::read_file(place, transformer::kMaxConfig), place, {}), place);
    const finetune::Trainable<float> trainable(layout, spec, 0);
    Parameters<float> weights = finetune::read_parameters<float>(base, layout);
    const std::string path = inside(folder, kAdapter);
    const transformer::MappedFile file(path);
    transformer::Tensors tensors = transformer::parse_safetensors(file.bytes(), path);
    transformer::require_unchanged(file.bytes(), path, false);
    require_base(transformer::safetensors_note(file.bytes(), path, kBaseHash), base_hash, path);
    Column<float> theta(trainable.size());
    for (const Piece& piece : trainable.pieces()) {
        const std::string name = piece_name(layout, piece);
        const auto found = tensors.find(name);
        if (found == tensors.end())
            throw InputError(path + ": tensor " + name + " is missing",
                             "the adapter belongs to another model, or is incomplete");
        if (found->second.shape != std::vector<Index>{piece.rows, piece.cols})
            throw InputError(path + ": tensor " + name + " has shape " +
                                 transformer::shape_text(found->second.shape) + ", wanted is " +
                                 transformer::shape_text({piece.rows, piece.cols}),
                             "the adapter belongs to another model");
        transformer::require_finite(found->second, 0, piece.rows * piece.cols);
        transformer::to_float(found->second, 0, piece.rows * piece.cols,
                              theta.data() + piece.offset);
        tensors.erase(found);
    }
    if (!tensors.empty())
        throw InputError(path + ": tensor " + text::shown(json(tensors.begin()->first)) +
                         " is no part of the adapter its config describes");
    transformer::require_config(place, file.bytes(), path);
    const Parameters<float> before = weights;
    trainable.apply(theta, before, weights);
    return weights;
}

/// Everything but whether the head is tied.
void require_same_model(const transformer::ModelConfig& a, const transformer::ModelConfig& b,
                        const std::string& place) {
    const auto same = [&](const char* what, auto x, auto y) {
        if (x != y)
            throw InputError(place + ": differs from the base model in " + what,
                             "it must come from the base model that is given");
    };
    same("its architecture", a.architecture, b.architecture);
    same("hidden_size", a.hidden, b.hidden);
    same("intermediate_size", a.ffn, b.ffn);
    same("num_hidden_layers", a.layers, b.layers);
    same("num_attention_heads", a.heads, b.heads);
    same("num_key_value_heads", a.kv_heads, b.kv_heads);
    same("head_dim", a.head_size, b.head_size);
    same("vocab_size", a.vocabulary, b.vocabulary);
    same("its biases", std::array{a.qkv_bias, a.output_bias, a.mlp_bias},
         std::array{b.qkv_bias, b.output_bias, b.mlp_bias});
    same("rms_norm_eps", a.norm_epsilon, b.norm_epsilon);
    same("its attention window", a.window, b.window);
    same("rope_theta", a.rope.theta, b.rope.theta);
    same("rope scaling", a.rope.kind, b.rope.kind);
}

}  // namespace

Parameters<float> read_model(const std::string& folder, const transformer::Checkpoint& base,
                             const Layout& layout, const std::string& base_hash) {
    std::error_code failed;
    if (fs::exists(inside(folder, kAdapterConfig), failed))
        return read_adapter(folder, base, layout, base_hash);
    const transformer::Checkpoint trained(folder);
    transformer::require_unchanged(trained);
    require_same_model(trained.config(), base.config(), folder);
    if (!trained.config().tied && layout.tied())
        throw std::logic_error("a head of its own needs a layout that has one");
    return finetune::read_parameters<float>(trained, layout);
}

bool holds_model(const std::string& folder) {
    std::error_code failed;
    return fs::exists(inside(folder, kConfig), failed) ||
           fs::exists(inside(folder, kAdapterConfig), failed);
}

void remove_model(const std::string& folder) {
    std::error_code ignored;
    for (const char* name : {kConfig, kWeights, kAdapterConfig, kAdapter})
        fs::remove(inside(folder, name), ignored);
}

bool head_of_its_own(const std::string& folder) {
    std::error_code failed;
    const std::string config = inside(folder, kConfig);
    if (!fs::exists(config, failed)) return false;
    return !transformer::parse_model_config(text::read_file(config, transformer::kMaxConfig),
                                            config)
                .tied;
}

}  // namespace prefdyn
