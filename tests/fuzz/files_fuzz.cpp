// libFuzzer target of what is read from files with a structure; FUZZ_TARGET says which. Anything
// but success or an InputError is a finding. HDF5 files are made by libhdf5 and read in this
// process, so that what is found is this program's: hdf5_fuzz takes any bytes.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "experiments/results/finished.hpp"
#include "experiments/sweep/folder.hpp"
#include "sim/base/child.hpp"
#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/base/npy.hpp"
#include "sim/data/feature_file.hpp"
#include "sim/data/population.hpp"
#include "sim/lm/model/checkpoint.hpp"
#include "sim/lm/model/model_hash.hpp"
#include "sim/lm/text/text_file.hpp"
#include "sim/lm/text/token_file.hpp"
#include "tests/fuzz/fuzz_folder.hpp"

// Instead of sim/base/child.cpp: no child.
namespace prefdyn {

void Channel::write(const void* bytes, std::size_t count) {
    for (const char* from = static_cast<const char*>(bytes); count > 0;) {
        const ssize_t done = ::write(file_, from, count);
        if (done <= 0) std::abort();
        from += done;
        count -= static_cast<std::size_t>(done);
    }
}

void Channel::read(void* bytes, std::size_t count) {
    for (char* to = static_cast<char*>(bytes); count > 0;) {
        const ssize_t done = ::read(file_, to, count);
        if (done <= 0) std::abort();
        to += done;
        count -= static_cast<std::size_t>(done);
    }
}

void in_child(const std::string&, const ChildLimits&, const std::function<void(Channel&)>& work,
              const std::function<void(Channel&)>& take) {
    std::FILE* between = std::tmpfile();
    if (!between) std::abort();
    Channel channel(fileno(between));
    try {
        work(channel);
        lseek(fileno(between), 0, SEEK_SET);
        take(channel);
    } catch (...) {
        std::fclose(between);
        throw;
    }
    std::fclose(between);
}

}  // namespace prefdyn

namespace {

using namespace prefdyn;

void require(bool holds) {
    if (!holds) std::abort();
}

void read_npy_file(FuzzedDataProvider& data) {
    const NpyArray got = read_npy(fuzz::file_with("x.npy", data.ConsumeRemainingBytesAsString()));
    std::size_t count = 1;
    for (const std::size_t extent : got.shape) count *= extent;
    require(count == got.values.size());
}

void read_feature_file(FuzzedDataProvider& data) {
    const std::string path = fuzz::folder() + "/f.h5";
    fuzz::write_hdf5(data, path,
                     {"features", "label", "x/features", "x/label", "x", "a b/features",
                      "a b/label", "x/x/features", "y"});
    for (const Dataset& set : read_features(path))
        require(static_cast<std::size_t>(set.samples()) == set.label.size());
}

void read_own_population(FuzzedDataProvider& data) {
    const std::string path = fuzz::folder() + "/p.h5";
    fuzz::write_hdf5(data, path, {"weights", "labels", "means", "covariances", "x"});
    const Population population = read_population(path);
    const ClassMoments plus = population.class_moments(+1), minus = population.class_moments(-1);
    require(std::abs(plus.share + minus.share - 1.0) <= 1e-6);
    require(population.components().size() >= 2);
}

void read_tokens(FuzzedDataProvider& data) {
    const std::string path = fuzz::folder() + "/t.h5";
    fuzz::write_hdf5(data, path,
                     {"vocabulary", "response", "ids", "offsets", "label", "x/ids", "x/offsets",
                      "x/label", "x", "vocabulary", "response"});
    for (const auto& b : text::read_token_file(path).behaviours)
        require(b.prompts.size() == b.label.size());
}

/// Columns as judge takes them, of merged sweeps and of others, and what tells finished work.
void read_results(FuzzedDataProvider& data) {
    const std::string path = fuzz::folder() + "/r.h5";
    fuzz::write_hdf5(data, path, {"loss", "run_stopped", "task", "x/y", "segment_host"});
    const h5::Reader file(path, h5::From::kOutside);
    was_task(path, "x");
    file.groups();
    const auto quietly = [](auto read) {
        try {
            read();
        } catch (const InputError&) {
        }
    };
    for (const char* name : {"loss", "run_stopped", "x/y", "task", "segment_host", "x"}) {
        file.has_dataset(name);
        quietly([&] { file.shape(name); });
        quietly([&] {
            std::size_t count = 1;
            for (const auto extent : file.shape(name)) count *= extent;
            require(file.numbers(name).size() == count);
        });
        quietly([&] { file.strings(name); });
        quietly([&] { file.text_attribute(name); });
    }
}

/// Sealed as segments are, so that it is read: what it says is still anything.
void read_segment(FuzzedDataProvider& data) {
    static const sweep::Spec spec =
        sweep::parse_spec("samples = 20, 30\ndimension = 4\nrecords = 2\nclaims = T1\n", "s.ini");
    const std::string path = fuzz::folder() + "/s.h5";
    std::vector<std::string> names = {"sweep", "point", "run_id", "reason", "again", "values"};
    const bool plausible = data.ConsumeBool();
    if (plausible) {
        std::vector<sweep::PointRecord> records(data.ConsumeIntegralInRange<std::size_t>(0, 3));
        for (auto& r : records) {
            r.point = data.ConsumeIntegral<std::uint8_t>();
            r.reason = data.ConsumeRandomLengthString(40);
            r.values.assign(data.ConsumeBool() ? spec.row_length() : 3, 1.0);
        }
        for (auto& r : records) r.values.resize(records.front().values.size(), 0.0);
        sweep::write_segment(path, spec, records);
    } else {
        fuzz::write_hdf5(data, path, names);
        std::string bytes = text::read_file(path, std::size_t{1} << 30);
        fuzz::file_with("s.h5", bytes + content_hash(bytes));
    }
    Provenance origin;
    for (const auto& r : sweep::read_segment(path, spec, &origin)) {
        require(r.point < spec.size());
        require(r.values.size() == spec.row_length());
    }
}

/// Any text as spec.ini, without and with its hash.
void read_sweep_folder(FuzzedDataProvider& data) {
    const std::string text = data.ConsumeRemainingBytesAsString(), folder = fuzz::folder();
    fuzz::file_with("spec.ini", text);
    try {
        sweep::spec_of_folder(folder);
    } catch (const InputError&) {
    }
    fuzz::file_with("spec.ini", text + "# hash = " + content_hash(text) + "\n");
    sweep::spec_of_folder(folder);
}

/// A folder as finetune leaves it: a model, or an adapter beside it.
void read_run_folder(FuzzedDataProvider& data) {
    const std::string layer = "model.layers.0.";
    std::vector<std::string> names = {"model.embed_tokens.weight",
                                      "model.norm.weight",
                                      "lm_head.weight",
                                      layer + "input_layernorm.weight",
                                      layer + "post_attention_layernorm.weight",
                                      "__metadata__",
                                      "other"};
    for (const char* part : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                             "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
        names.push_back(layer + part + ".weight");
        names.push_back("base_model.model." + layer + part + ".lora_A.weight");
        names.push_back("base_model.model." + layer + part + ".lora_B.weight");
    }
    fuzz::file_with("config.json",
                    R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 8, )"
                    R"("intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, )"
                    R"("num_key_value_heads": 2, "vocab_size": 8, "max_position_embeddings": 8, )"
                    R"("rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": true})");
    const std::string folder = fuzz::folder();
    for (const char* name : {"adapter_config.json", "adapter_model.safetensors"})
        std::filesystem::remove(folder + "/" + name);
    if (data.ConsumeBool()) {
        fuzz::file_with("adapter_config.json", R"({"peft_type": "LORA", "r": 8, "lora_alpha": 8, )"
                                               R"("target_modules": ["q_proj", "down_proj"]})");
        fuzz::file_with("adapter_model.safetensors", fuzz::safetensors(data, names));
    }
    fuzz::file_with("model.safetensors", fuzz::safetensors(data, names));
    const transformer::Checkpoint model(folder);
    transformer::hash_model(model);
}

void read(const std::string& target, FuzzedDataProvider& data) {
    if (target == "npy") return read_npy_file(data);
    if (target == "features") return read_feature_file(data);
    if (target == "population") return read_own_population(data);
    if (target == "tokens") return read_tokens(data);
    if (target == "results") return read_results(data);
    if (target == "segment") return read_segment(data);
    if (target == "sweep") return read_sweep_folder(data);
    if (target == "run") return read_run_folder(data);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    static const std::string target = std::getenv("FUZZ_TARGET") ? std::getenv("FUZZ_TARGET") : "";
    FuzzedDataProvider data(bytes, size);
    try {
        read(target, data);
    } catch (const prefdyn::InputError&) {
    }
    return 0;
}
