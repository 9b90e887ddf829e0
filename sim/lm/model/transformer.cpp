#include "sim/lm/model/transformer.hpp"

#include <algorithm>

#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/model/elementwise.hpp"
#include "sim/lm/model/gemm/gemm.hpp"

namespace prefdyn::transformer {

namespace {

std::vector<Prompt> packed(std::span<const TokenIds> prompts) {
    std::vector<Prompt> out;
    Index first = 0;
    for (const TokenIds& ids : prompts) {
        out.push_back({first, static_cast<Index>(ids.size())});
        first += out.back().length;
    }
    return out;
}

Index longest_of(const std::vector<Prompt>& prompts) {
    Index longest = 0;
    for (const Prompt& prompt : prompts) longest = std::max(longest, prompt.length);
    return longest;
}

Index tokens_of(const std::vector<Prompt>& prompts) {
    return prompts.empty() ? 0 : prompts.back().first + prompts.back().length;
}

void check_ids(std::span<const std::int32_t> ids, Index vocabulary, const std::string& place,
               Index image_token = -1) {
    for (std::size_t t = 0; t < ids.size(); ++t)
        if (image_token >= 0 && ids[t] == image_token)
            throw InputError(place + ", token " + std::to_string(t) + ": id " +
                                 std::to_string(ids[t]) + " stands for an image",
                             "images are not read, only the text part of the model is run");
        else if (ids[t] < 0 || ids[t] >= vocabulary)
            throw InputError(place + ", token " + std::to_string(t) + ": id " +
                                 std::to_string(ids[t]) + " is outside the vocabulary of " +
                                 std::to_string(vocabulary),
                             "tokeniser and model do not belong together");
}

std::vector<float> vector_of(const Tensor& tensor) {
    require_finite(tensor, 0, tensor.elements());
    std::vector<float> out(static_cast<std::size_t>(tensor.elements()));
    to_float(tensor, 0, tensor.elements(), out.data());
    return out;
}

/// Row `id` of a (V, d) tensor.
void read_row(const Tensor& table, Index id, float* out) {
    const Index d = table.shape[1];
    require_finite(table, id * d, d);
    to_float(table, id * d, d, out);
}

void forget(const Tensor& tensor) {
    if (tensor.mapped) MappedFile::forget(tensor.bytes);
}

void forget(const LayerTensors& layer) {
    for (const Tensor& each : layer.parts)
        if (each.present()) forget(each);
}

}  // namespace

void Transformer::check(std::span<const TokenIds> prompts) const {
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        const std::string place = checkpoint_.folder() + ": prompt " + std::to_string(i);
        if (prompts[i].empty())
            throw InputError(place + " has no token", "put the beginning-of-text token in front");
        if (static_cast<Index>(prompts[i].size()) > config().context)
            throw InputError(place + " has " + std::to_string(prompts[i].size()) +
                                 " tokens, the model's context is " +
                                 std::to_string(config().context),
                             "shorten the prompt");
        check_ids(prompts[i], config().vocabulary, place, config().image_token);
    }
}

/// x (tokens, d): the embedding of every token, prompt after prompt.
RowsF Transformer::look_up(std::span<const TokenIds> prompts) const {
    std::vector<std::int32_t> all;
    for (const TokenIds& ids : prompts) all.insert(all.end(), ids.begin(), ids.end());
    RowsF x(static_cast<Index>(all.size()), config().hidden);
    bool finite = true;
#pragma omp parallel for schedule(static) reduction(&& : finite)
    for (Index row = 0; row < x.rows(); ++row) {
        const Index id = all[static_cast<std::size_t>(row)];
        to_float(checkpoint_.embedding(), id * x.cols(), x.cols(), x.row(row).data());
        finite = finite && x.row(row).allFinite();
    }
    if (!finite)
        for (const std::int32_t id : all)
            require_finite(checkpoint_.embedding(), id * x.cols(), x.cols());
    forget(checkpoint_.embedding());
    if (config().embedding_scale != 1.0) x *= static_cast<float>(config().embedding_scale);
    if (checkpoint_.positions().present()) add_positions(prompts, x);
    return x;
}

/// x += the vector of each token's position.
void Transformer::add_positions(std::span<const TokenIds> prompts, RowsF& x) const {
    const Tensor& table = checkpoint_.positions();
    Index row = 0;
    Column<float> position(x.cols());
    for (const TokenIds& ids : prompts)
        for (Index p = 0; p < static_cast<Index>(ids.size()); ++p) {
            read_row(table, p, position.data());
            x.row(row++) += position.transpose();
        }
}

/// The final norm of the last hidden states x (n, d), in place.
void Transformer::finish(RowsF& x, const EmbedOptions& options) const {
    const std::vector<float> w = vector_of(checkpoint_.final_norm());
    std::vector<float> b;
    if (checkpoint_.final_norm_bias().present()) b = vector_of(checkpoint_.final_norm_bias());
    const NormWeights<float> norm{w.data(), b.empty() ? nullptr : b.data(), config().hidden};
    for (int times = 0; times < static_cast<int>(options.norm); ++times)
        norm_forward(x, norm, config().norm, x);
    for (Index i = 0; i < x.rows(); ++i)
        if (!x.row(i).allFinite())
            throw InputError(
                (options.name ? options.name(static_cast<std::size_t>(i))
                              : checkpoint_.folder() + ": prompt " + std::to_string(i)) +
                    ": its embedding is not finite",
                "the model overflows single precision");
}

RowsF Transformer::embed(std::span<const TokenIds> prompts, const EmbedOptions& options) const {
    check(prompts);
    const std::vector<Prompt> layout = packed(prompts);
    const auto backend = make_backend(config(), longest_of(layout), options.arithmetic);
    backend->begin(look_up(prompts), layout);
    const double all =
        static_cast<double>(tokens_of(layout)) * static_cast<double>(config().layers);
    Index done = 0;
    const auto tick = [&](Index tokens) {
        done += tokens;
        if (options.progress) options.progress(static_cast<double>(done) / all);
    };
    for (Index i = 0; i < config().layers; ++i) {
        stop_if_requested();
        backend->load(checkpoint_.layer(i));
        forget(checkpoint_.layer(i));
        backend->run(tick);
        if (i + 1 < config().layers) backend->prefetch(checkpoint_.layer(i + 1));
    }
    RowsF last = backend->last_rows();  // (n, d)
    finish(last, options);
    return last;
}

RowsF Transformer::head_rows(std::span<const std::int32_t> ids) const {
    check_ids(ids, config().vocabulary, checkpoint_.folder() + ": head rows");
    RowsF out(static_cast<Index>(ids.size()), config().hidden);
    for (Index i = 0; i < out.rows(); ++i)
        read_row(checkpoint_.head(), ids[static_cast<std::size_t>(i)], out.row(i).data());
    if (config().logit_scale != 1.0) out *= static_cast<float>(config().logit_scale);
    return out;
}

/// Rows [first, first + count) of the head at a time, so that it need not fit into memory.
RowsF Transformer::logits(const RowsF& embeddings) const {
    constexpr Index kRows = 4096;
    const Tensor& head = checkpoint_.head();
    RowsF out(embeddings.rows(), config().vocabulary);
    PackedMatrix block;
    for (Index first = 0; first < config().vocabulary; first += kRows) {
        stop_if_requested();
        const Index count = std::min(kRows, config().vocabulary - first);
        require_finite(head, first * config().hidden, count * config().hidden);
        block.pack_rows(head, first, count);
        multiply(best_kernels(), view_of(embeddings), block, out.data() + first, out.cols(), false);
    }
    forget(head);
    finish_logits(config(), out);
    return out;
}

RowsF Transformer::logits(const RowsF& embeddings, std::span<const std::int32_t> ids) const {
    check_ids(ids, config().vocabulary, checkpoint_.folder() + ": logits");
    RowsF out(embeddings.rows(), static_cast<Index>(ids.size()));
    PackedMatrix row;
    for (Index i = 0; i < out.cols(); ++i) {
        const Index id = ids[static_cast<std::size_t>(i)];
        require_finite(checkpoint_.head(), id * config().hidden, config().hidden);
        row.pack_rows(checkpoint_.head(), id, 1);
        multiply(best_kernels(), view_of(embeddings), row, out.data() + i, out.cols(), false);
    }
    finish_logits(config(), out);
    return out;
}

TokenIds Transformer::greedy(const TokenIds& prompt, Index count,
                             const Arithmetic& arithmetic) const {
    TokenIds all = prompt, out;
    EmbedOptions options;
    options.arithmetic = arithmetic;
    for (Index i = 0; i < count; ++i) {
        const RowsF row = logits(embed(std::span(&all, 1), options));
        const float* best = std::max_element(row.data(), row.data() + row.size());
        out.push_back(static_cast<std::int32_t>(best - row.data()));
        all.push_back(out.back());
    }
    return out;
}

}  // namespace prefdyn::transformer
