#include "experiments/finetune/model_folder.hpp"

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "experiments/results/publish.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/output_file.hpp"
#include "sim/lm/model/architectures.hpp"
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
using transformer::kAdapterConfig;
using transformer::kAdapterWeights;
using transformer::kBaseHash;

const char* const kConfig = "config.json";
const char* const kWeights = "model.safetensors";
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
    if (block.vector) return {block.cols};
    if (block.transposed) return {block.cols, block.rows};
    return {block.rows, block.cols};
}

/// config.json as it lies in a folder, and what it means.
struct BaseConfig {
    ordered_json object;
    transformer::ModelConfig read;
};

BaseConfig read_base_config(const std::string& folder) {
    const std::string place = inside(folder, kConfig);
    const std::string text = text::read_file(place, transformer::kMaxConfig);
    return {ordered_json::parse(text), transformer::parse_model_config(text, place)};
}

/// Of a model that also reads images the config of its text part.
ordered_json text_model_config(const BaseConfig& base) {
    if (!base.read.nested) return base.object;
    ordered_json out = base.object.at(transformer::kTextConfig);
    out["architectures"] = {base.read.architecture};
    for (const transformer::Architecture& each : transformer::architectures())
        if (base.read.architecture == each.name) out["model_type"] = each.model_type;
    return out;
}

void write_whole(const std::string& folder, const TrainedModel& model) {
    ordered_json config = text_model_config(read_base_config(model.base_folder));
    config["tie_word_embeddings"] = model.weights->layout().tied();
    config.erase("dtype");
    config["torch_dtype"] = "float32";
    std::vector<Array> arrays;
    std::vector<transformer::RowsF> turned;
    const Layout& layout = model.weights->layout();
    turned.reserve(static_cast<std::size_t>(layout.count()));
    for (int b = 0; b < layout.count(); ++b) {
        const auto values = model.weights->matrix(b);
        const float* from = values.data();
        if (layout.block(b).transposed) {
            turned.emplace_back(values.transpose());
            from = turned.back().data();
        }
        arrays.push_back(
            array_of(layout.block(b).name, shape_of(layout.block(b)),
                     std::span<const float>(from, static_cast<std::size_t>(values.size()))));
    }
    for (const char* name :
         {"tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
          "added_tokens.json", "generation_config.json", "chat_template.jinja", "vocab.json",
          "merges.txt"})
        copy_if_there(model.tokenizer_folder, folder, name);
    const std::string text = config.dump(2) + "\n";
    write_arrays(inside(folder, kWeights), arrays,
                 {{transformer::kConfigHash, transformer::config_hash(text, kConfig)}});
    write_text(inside(folder, kConfig), text);
}

/// "q_proj" of "model.layers.0.self_attn.q_proj.weight" for PEFT, which takes a name's end; more of
/// it where another weight of the layer ends alike.
std::string module_name(const Layout& layout, Part part) {
    const auto name_of = [&](int block) {
        const std::string& name = layout.block(block).name;
        return name.substr(0, name.rfind('.'));
    };
    const int block = layout.part(0, part);
    const std::string name = name_of(block);
    std::string out = name.substr(name.rfind('.') + 1);
    for (int b = 0; b < layout.count(); ++b)
        if (b != block && layout.block(b).layer == 0 && !layout.block(b).vector &&
            name_of(b).ends_with("." + out))
            out = name.substr(name.rfind('.', name.rfind('.') - 1) + 1);
    return out;
}

/// The adapted projections for PEFT. Where the same names are also in the part that reads images, a
/// pattern that only the text part's match.
ordered_json target_modules(const Layout& layout, const std::vector<Part>& targets, bool nested) {
    ordered_json names;
    std::string pattern;
    for (const Part part : targets) {
        names.push_back(module_name(layout, part));
        pattern.append(pattern.empty() ? "" : "|").append(names.back().get<std::string>());
    }
    if (!nested) return names;
    return "model\\.language_model\\.layers\\.[0-9]+\\.(self_attn|mlp)\\.(" + pattern + ")";
}

std::string piece_name(const transformer::ModelConfig& config, const Layout& layout,
                       const Piece& piece) {
    const std::string name = transformer::memory_name(config, layout.block(piece.block).name);
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
    const Layout& layout = model.weights->layout();
    const std::vector<Part> targets = finetune::targets_in(layout, model.spec.targets);
    config["fan_in_fan_out"] = layout.block(layout.part(0, targets.front())).transposed;
    config["inference_mode"] = true;
    const transformer::ModelConfig base = read_base_config(model.base_folder).read;
    config["target_modules"] = target_modules(layout, targets, base.nested);
    std::vector<Array> arrays;
    for (const Piece& piece : model.trainable->pieces())
        arrays.push_back(
            array_of(piece_name(base, layout, piece), {piece.rows, piece.cols},
                     std::span<const float>(model.theta->data() + piece.offset,
                                            static_cast<std::size_t>(piece.rows * piece.cols))));
    const std::string text = config.dump(2) + "\n";
    std::map<std::string, std::string> notes = {
        {transformer::kConfigHash, transformer::config_hash(text, kAdapterConfig)}};
    if (!model.base_hash.empty()) notes[kBaseHash] = model.base_hash;
    write_arrays(inside(folder, kAdapterWeights), arrays, notes);
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
    same("the epsilon of its norms", a.norm.epsilon, b.norm.epsilon);
    same("its attention window", a.window, b.window);
    same("its rotation", a.ropes, b.ropes);
    same("the layers it rotates", a.rope_of_layer, b.rope_of_layer);
    same("its activation", a.activation, b.activation);
    same("its residual order", a.parallel, b.parallel);
    same("its multipliers", std::array{a.embedding_scale, a.residual_scale, a.logit_scale},
         std::array{b.embedding_scale, b.residual_scale, b.logit_scale});
    same("its scale and caps", std::array{a.attention_scale, a.attention_cap, a.logit_cap},
         std::array{b.attention_scale, b.attention_cap, b.logit_cap});
}

/// A model of the folder, or the base with the folder's adapter.
transformer::Checkpoint open_model(const std::string& folder, const std::string& base) {
    const bool whole = fs::exists(inside(folder, kConfig)) || !transformer::holds_adapter(folder);
    return transformer::Checkpoint(folder, whole ? "" : base);
}

}  // namespace

Parameters<float> read_model(const std::string& folder, const transformer::Checkpoint& base,
                             const Layout& layout, const std::string& base_hash) {
    const transformer::Checkpoint trained = open_model(folder, base.folder());
    if (trained.adapter() && base.adapter())
        throw InputError(folder + ": is an adapter, and so is the model it would be added to",
                         "merge the first into its base model with PEFT");
    if (trained.adapter() && trained.folder() == base.folder())
        transformer::require_unchanged(*trained.adapter());
    else
        transformer::require_unchanged(trained);
    if (trained.adapter() && !base_hash.empty())
        transformer::require_base(*trained.adapter(), base_hash);
    require_same_model(trained.config(), base.config(), folder);
    if (!trained.config().tied && layout.tied())
        throw std::logic_error("a head of its own needs a layout that has one");
    return finetune::read_parameters<float>(trained, layout);
}

bool holds_model(const std::string& folder) {
    std::error_code failed;
    return fs::exists(inside(folder, kConfig), failed) || transformer::holds_adapter(folder);
}

void remove_model(const std::string& folder) {
    std::error_code ignored;
    for (const char* name : {kConfig, kWeights, kAdapterConfig, kAdapterWeights})
        fs::remove(inside(folder, name), ignored);
}

bool head_of_its_own(const std::string& folder, const std::string& base) {
    return holds_model(folder) && !open_model(folder, base).config().tied;
}

}  // namespace prefdyn
