#include "sim/lm/train/device_engine.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/base/failure.hpp"

namespace prefdyn::finetune {

namespace {

/// Which heads tiles of a group's scratch are made for.
constexpr Index kMostHead = 256;

card::ModelShape shape_of(const ModelConfig& c, const Layout& layout, const std::vector<bool>& held,
                          const transformer::RopeTable& rope) {
    if (c.head_size > kMostHead)
        throw InputError("head size " + std::to_string(c.head_size) +
                             ": the card knows heads of up to " + std::to_string(kMostHead),
                         "--device cpu");
    card::ModelShape out;
    out.layer = {c.hidden, c.ffn, c.heads, c.kv_heads, c.head_size, c.norm_epsilon};
    out.vocabulary = c.vocabulary;
    for (const Block& block : layout.blocks()) out.blocks.push_back({block.rows, block.cols});
    for (Index layer = 0; layer < layout.layers(); ++layer) {
        auto& parts = out.parts.emplace_back();
        for (std::size_t p = 0; p < kParts; ++p)
            parts[p] = layout.part(layer, static_cast<Part>(p));
    }
    out.window.assign(c.window.begin(), c.window.end());
    out.embedding = layout.embedding();
    out.final_norm = layout.final_norm();
    out.head = layout.head();
    out.held.assign(held.begin(), held.end());
    out.angles = {rope.cos.data(), rope.sin.data(), rope.cos.rows()};
    return out;
}
static_assert(kParts == transformer::card::kParts);

std::vector<const float*> blocks_of(const Parameters<float>& weights) {
    std::vector<const float*> out;
    for (int b = 0; b < weights.layout().count(); ++b) out.push_back(weights.matrix(b).data());
    return out;
}

std::vector<int> as_int(const std::vector<Index>& values) { return {values.begin(), values.end()}; }

/// Groups the tokens of a batch by their id, in the order of ids and then of tokens.
void group_by_id(card::Batch& batch) {
    batch.order.resize(batch.id.size());
    std::iota(batch.order.begin(), batch.order.end(), 0);
    const auto id = [&](int token) { return batch.id[static_cast<std::size_t>(token)]; };
    std::ranges::stable_sort(batch.order, {}, id);
    for (std::size_t k = 0; k < batch.order.size(); ++k) {
        if (k > 0 && id(batch.order[k]) == batch.looked.back()) continue;
        batch.looked.push_back(id(batch.order[k]));
        batch.begin.push_back(static_cast<int>(k));
    }
    batch.begin.push_back(static_cast<int>(batch.order.size()));
}

card::Batch arrays_of(const PairBatch& pairs, Index tile) {
    card::Batch out;
    out.id.assign(pairs.tokens.ids.begin(), pairs.tokens.ids.end());
    for (const transformer::Prompt& s : pairs.tokens.sequences) {
        for (Index p = 0; p < s.length; ++p) out.position.push_back(static_cast<int>(p));
        for (Index begin = 0; begin < s.length; begin += tile)
            out.tiles.push_back(
                {static_cast<int>(s.first), static_cast<int>(s.length), static_cast<int>(begin)});
    }
    out.row = as_int(pairs.rows);
    pairs.for_each_token([&](std::size_t, std::size_t, Index row, std::int32_t token) {
        out.entry_row.push_back(static_cast<int>(row));
        out.entry.push_back(token);
    });
    group_by_id(out);
    return out;
}

/// Entries by row and token, those of one place added up.
card::Pull rows_of(const LogitPull& pull) {
    std::vector<LogitPull::Entry> entries = pull.entries;
    std::ranges::stable_sort(entries, {},
                             [](const LogitPull::Entry& e) { return std::pair(e.row, e.token); });
    card::Pull out;
    out.row = pull.row;
    std::size_t next = 0;
    for (Index row = 0; row < static_cast<Index>(pull.row.size()); ++row) {
        out.begin.push_back(static_cast<int>(out.token.size()));
        for (; next < entries.size() && entries[next].row == row; ++next) {
            const bool again = static_cast<int>(out.token.size()) > out.begin.back() &&
                               out.token.back() == entries[next].token;
            if (again) {
                out.share.back() += entries[next].share;
                continue;
            }
            out.token.push_back(entries[next].token);
            out.share.push_back(entries[next].share);
        }
    }
    out.begin.push_back(static_cast<int>(out.token.size()));
    return out;
}

class DevicePass final : public Pass {
  public:
    DevicePass(const ModelConfig& config, std::shared_ptr<card::Model> model)
        : hidden_(config.hidden),
          layers_(config.layers),
          tile_(card::tile_rows(config.head_size)),
          model_(std::move(model)) {}

    LogitScores forward(const PairBatch& batch, Keep keep) override {
        card::Scores scores;
        rows_ = static_cast<Index>(batch.rows.size());
        const int bad = model_->forward(arrays_of(batch, tile_), keep, scores);
        if (bad == layers_) throw NonFinite("the logits are not finite");
        if (bad >= 0) throw_at("the hidden states behind", bad);
        return {{scores.logsumexp, scores.entropy, scores.mean,
                 std::vector<Index>(scores.top.begin(), scores.top.end())},
                std::vector<double>(scores.entries.begin(), scores.entries.end())};
    }
    transformer::RowsF embeddings() override {
        transformer::RowsF out(rows_, hidden_);
        model_->embeddings(out.data());
        return out;
    }
    void backward(const LogitPull& pull) override {
        const int bad = model_->backward(rows_of(pull));
        if (bad >= 0) throw_at("the gradient in front of", bad);
    }
    void clear_gradient() override { model_->clear_gradient(); }
    std::vector<double> gradient_squares() override { return model_->gradient_squares(); }
    double gradient_product(int a, int b) override { return model_->gradient_product(a, b); }

  private:
    [[noreturn]] static void throw_at(std::string what, int layer) {
        throw NonFinite(what.append(" layer ").append(std::to_string(layer)).append(" not finite"));
    }

    Index hidden_, layers_, tile_;
    std::shared_ptr<card::Model> model_;
    Index rows_ = 0;
};

card::TrainingShape training_of(const Trainable<float>& trainable, const UpdateSpec& update) {
    card::TrainingShape out;
    for (const Piece& p : trainable.pieces())
        out.pieces.push_back(
            {static_cast<card::ThetaPiece::Kind>(p.kind), p.block, p.rows, p.cols, p.offset});
    out.size = trainable.size();
    out.scale = trainable.scale();
    out.rule = static_cast<card::Rule>(update.kind);
    out.decay = update.weight_decay;
    return out;
}
static_assert(static_cast<int>(Piece::Kind::kB) == static_cast<int>(card::ThetaPiece::Kind::kB));
static_assert(static_cast<int>(UpdateKind::kAdamw) == static_cast<int>(card::Rule::kAdamw));

class DeviceEngine final : public Engine {
  public:
    DeviceEngine(const card::Factory& factory, const ModelConfig& config,
                 const Parameters<float>& weights, const EngineSpec& spec, Index longest)
        : trainable_(weights.layout(), spec.trained, spec.seed) {
        const transformer::RopeTable rope(config.rope, config.head_size, longest);
        const Column<float> theta = trainable_.initial(weights);
        trainer_ = factory.trainer(shape_of(config, weights.layout(), trainable_.held(), rope),
                                   training_of(trainable_, spec.update), blocks_of(weights),
                                   theta.data(), spec.precision);
        pass_ = std::make_unique<DevicePass>(
            config, std::shared_ptr<card::Model>(trainer_, &trainer_->model()));
    }

    Pass& pass() override { return *pass_; }
    double update(double max_norm, double eta) override { return trainer_->update(max_norm, eta); }
    Column<float> theta() const override { return vector("theta"); }
    Vectors state() const override {
        Vectors out;
        for (const std::string& name : trainer_->vectors()) out.emplace_back(name, vector(name));
        return out;
    }
    void restore(const Vectors& vectors, std::int64_t steps) override {
        for (const std::string& name : trainer_->vectors())
            trainer_->upload(name, named(vectors, name, trainable_.size()).data());
        trainer_->restart(steps);
    }

  private:
    Column<float> vector(const std::string& name) const {
        Column<float> out(trainable_.size());
        trainer_->download(name, out.data());
        return out;
    }

    Trainable<float> trainable_;
    std::shared_ptr<card::Trainer> trainer_;
    std::unique_ptr<DevicePass> pass_;
};

}  // namespace

std::unique_ptr<Pass> make_device_pass(const card::Factory& factory, const ModelConfig& config,
                                       const Parameters<float>& weights,
                                       const std::vector<bool>& held, Index longest,
                                       transformer::Precision precision) {
    const transformer::RopeTable rope(config.rope, config.head_size, longest);
    return std::make_unique<DevicePass>(
        config, factory.model(shape_of(config, weights.layout(), held, rope), blocks_of(weights),
                              precision));
}

std::unique_ptr<Engine> make_device_engine(const card::Factory& factory, const ModelConfig& config,
                                           const Parameters<float>& weights, const EngineSpec& spec,
                                           Index longest) {
    return std::make_unique<DeviceEngine>(factory, config, weights, spec, longest);
}

std::size_t device_bytes(const ModelConfig& c, transformer::Precision precision, Index weights,
                         Index held, Index tokens, Index rows, Keep keep) {
    constexpr Index kWorkspace = Index{32} << 20;  // of cuBLAS
    const auto size = Index{precision == transformer::Precision::kBfloat16 ? 2 : 4};
    const Index narrow = c.kv_heads * c.head_size, wide = c.heads * c.head_size;
    const Index tape = size * 2 * (wide + narrow + c.ffn) + 4 * (c.hidden + c.heads);
    const Index work =
        size * 2 * (c.hidden + narrow + std::max(c.ffn, wide)) + 4 * (c.hidden + c.heads) + 8;
    const Index tapes = keep == Keep::kAll ? c.layers : 1;
    const Index inputs = keep == Keep::kNothing ? 1 : c.layers + 1;
    const Index row = 4 * (3 * c.hidden + c.vocabulary) + size * (c.hidden + c.vocabulary);
    return static_cast<std::size_t>(kWorkspace + size * weights + 4 * held + rows * row +
                                    tokens * (tapes * tape + work + inputs * 4 * c.hidden));
}

#ifndef PREFDYN_CUDA
const card::Factory& card::cuda_factory() {
    throw std::logic_error("this prefdyn was built without CUDA");
}
#endif

}  // namespace prefdyn::finetune
