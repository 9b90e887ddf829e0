#include "bench/language_models.hpp"

#include <filesystem>
#include <fstream>
#include <ostream>

#include "sim/base/failure.hpp"
#include "sim/base/stream.hpp"

namespace prefdyn::bench {

using transformer::Precision;

BenchTransformer filled(const BenchOptions& o, const BenchTransformer& defaults) {
    const auto either = [](Index given, Index otherwise) { return given > 0 ? given : otherwise; };
    return {either(o.prompts, defaults.prompts), either(o.prompt_tokens, defaults.prompt_tokens),
            either(o.layers, defaults.layers)};
}

transformer::Arithmetic arithmetic_of(const BenchOptions& o) {
    switch (o.precision) {
        case BenchPrecision::kAuto:
            return {o.device,
                    o.device == Device::kCuda ? Precision::kBfloat16 : Precision::kFloat32};
        case BenchPrecision::kFloat32:
            return {o.device, Precision::kFloat32};
        case BenchPrecision::kTf32:
            return {o.device, Precision::kTf32};
        case BenchPrecision::kBfloat16:
            break;
    }
    return {o.device, Precision::kBfloat16};
}

BenchFolder::BenchFolder(const BenchOptions& o)
    : path_(((o.folder.empty() ? std::filesystem::temp_directory_path()
                               : std::filesystem::path(o.folder)) /
             "prefdyn-XXXXXX")
                .string()),
      kept_(o.keep) {
    if (!mkdtemp(path_.data()))
        throw InputError(path_ + ": cannot be made", "give --folder an existing, writable folder");
}

BenchFolder::~BenchFolder() {
    std::error_code ignored;
    if (!kept_) std::filesystem::remove_all(path_, ignored);
}

void BenchFolder::keep(const std::vector<transformer::TokenIds>& prompts,
                       const transformer::RowsF& rows, std::ostream& out) const {
    if (!kept_) return;
    std::ofstream ids(path_ + "/prompts.txt");
    for (const auto& prompt : prompts) {
        for (std::size_t i = 0; i < prompt.size(); ++i) ids << (i > 0 ? " " : "") << prompt[i];
        ids << "\n";
    }
    std::ofstream(path_ + "/embeddings.f32", std::ios::binary)
        .write(reinterpret_cast<const char*>(rows.data()),
               static_cast<std::streamsize>(sizeof(float)) * rows.size());
    out << "kept: " << path_ << "\n";
}

std::vector<transformer::TokenIds> random_prompts(const BenchTransformer& plan, Index vocabulary) {
    std::vector<transformer::TokenIds> prompts(static_cast<std::size_t>(plan.prompts));
    Stream stream(1, Purpose::kBatches);
    for (auto& ids : prompts)
        for (Index i = 0; i < plan.prompt_tokens; ++i)
            ids.push_back(
                static_cast<std::int32_t>(stream() % static_cast<std::uint64_t>(vocabulary)));
    return prompts;
}

double flops_of_token(const transformer::ModelConfig& c) {
    const Index q = c.heads * c.head_size, kv = c.kv_heads * c.head_size;
    return 2.0 * static_cast<double>(c.layers * c.hidden * (2 * q + 2 * kv + 3 * c.ffn));
}

namespace {

/// V = 32000, the head tied, every head with its own keys.
transformer::ModelConfig llama(Index hidden, Index ffn, Index layers, Index heads, Index context) {
    transformer::ModelConfig c;
    c.hidden = hidden;
    c.ffn = ffn;
    c.layers = layers;
    c.heads = c.kv_heads = heads;
    c.head_size = hidden / heads;
    c.vocabulary = 32000;
    c.context = context;
    c.tied = true;
    return c;
}

}  // namespace

transformer::ModelConfig llama_110m(Index layers) { return llama(768, 2048, layers, 12, 2048); }

transformer::ModelConfig llama_7b(Index layers) { return llama(4096, 11008, layers, 32, 4096); }

}  // namespace prefdyn::bench
