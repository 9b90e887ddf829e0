#include "sim/lm/train/trainable.hpp"

#include <algorithm>
#include <boost/random/uniform_01.hpp>
#include <cmath>
#include <sstream>

#include "sim/base/failure.hpp"
#include "sim/base/stream.hpp"
#include "sim/lm/model/product.hpp"

namespace prefdyn::finetune {

std::vector<Part> parse_targets(const std::string& text) {
    static const std::vector<std::pair<std::string, Part>> known = {
        {"q", Part::kQuery},   {"k", Part::kKey}, {"v", Part::kValue},  {"o", Part::kOutput},
        {"gate", Part::kGate}, {"up", Part::kUp}, {"down", Part::kDown}};
    std::vector<bool> wanted(known.size(), false);
    std::stringstream parts(text);
    for (std::string name; std::getline(parts, name, ',');) {
        std::size_t k = 0;
        while (k < known.size() && known[k].first != name) ++k;
        if (k == known.size())
            throw InputError("'" + name + "' is no projection",
                             "known: q, k, v, o, gate, up, down, separated by commas");
        wanted[k] = true;
    }
    std::vector<Part> out;
    for (std::size_t k = 0; k < known.size(); ++k)
        if (wanted[k]) out.push_back(known[k].second);
    if (out.empty()) throw InputError("no projection is named", "e.g. q,v");
    return out;
}

std::vector<Part> targets_in(const Layout& layout, const std::vector<Part>& targets) {
    std::vector<Part> out;
    for (const Part target : targets) {
        const bool qkv = target <= Part::kValue && layout.part(0, Part::kQkv) >= 0;
        const bool both =
            (target == Part::kGate || target == Part::kUp) && layout.part(0, Part::kGateUp) >= 0;
        const Part part = qkv ? Part::kQkv : both ? Part::kGateUp : target;
        if (layout.part(0, part) < 0)
            throw InputError("the model's feed-forward layers have no gate",
                             "leave it out of the projections that get adapters");
        if (std::find(out.begin(), out.end(), part) == out.end()) out.push_back(part);
    }
    return out;
}

template <class Real>
void Trainable<Real>::add(Piece::Kind kind, int block, Index rows, Index cols) {
    pieces_.push_back({kind, block, rows, cols, size_});
    size_ += rows * cols;
    blocks_[static_cast<std::size_t>(block)] = true;
}

template <class Real>
Trainable<Real>::Trainable(const Layout& layout, const TrainableSpec& spec, std::uint64_t seed)
    : blocks_(static_cast<std::size_t>(layout.count()), false), seed_(seed) {
    const auto whole = [&](int b) {
        add(Piece::Kind::kBlock, b, layout.block(b).rows, layout.block(b).cols);
    };
    if (spec.part == TrainedPart::kHead && layout.tied())
        throw std::logic_error("the head is not a block of its own");
    if (spec.part == TrainedPart::kHead) {
        whole(layout.head());
        return;
    }
    if (spec.part == TrainedPart::kFull) {
        for (int b = 0; b < layout.count(); ++b) whole(b);
        return;
    }
    scale_ = spec.alpha / static_cast<double>(spec.rank);
    const std::vector<Part> targets = targets_in(layout, spec.targets);
    for (Index layer = 0; layer < layout.layers(); ++layer)
        for (const Part part : targets) {
            const int b = layout.part(layer, part);
            const Block& block = layout.block(b);
            if (spec.rank > std::min(block.rows, block.cols))
                throw InputError("rank " + std::to_string(spec.rank) + " of an adapter of " +
                                     block.name + " of shape (" + std::to_string(block.rows) +
                                     ", " + std::to_string(block.cols) + ")",
                                 "a rank is at most the smaller extent");
            add(Piece::Kind::kA, b, spec.rank, block.cols);
            add(Piece::Kind::kB, b, block.rows, spec.rank);
        }
}

template <class Real>
std::vector<Stretch> Trainable<Real>::stretches(const Layout& layout,
                                                const UpdateSpec& spec) const {
    std::vector<Stretch> out;
    for (const Piece& p : pieces_) {
        const bool vector = p.kind == Piece::Kind::kBlock && layout.block(p.block).vector;
        const bool decays = !vector || spec.decay_vectors || !(spec.weight_decay > 0.0);
        if (out.empty() || out.back().decays != decays) out.push_back({p.offset, 0, decays});
        out.back().count += p.rows * p.cols;
    }
    return out;
}

template <class Real>
std::vector<bool> Trainable<Real>::adapted() const {
    std::vector<bool> out(blocks_.size(), false);
    for (const Piece& piece : pieces_)
        if (piece.kind != Piece::Kind::kBlock) out[static_cast<std::size_t>(piece.block)] = true;
    return out;
}

template <class Real>
Column<Real> Trainable<Real>::initial(const Parameters<Real>& base) const {
    Column<Real> theta = Column<Real>::Zero(size_);
    for (std::size_t k = 0; k < pieces_.size(); ++k) {
        const Piece& p = pieces_[k];
        if (p.kind == Piece::Kind::kBlock)
            theta.segment(p.offset, p.rows * p.cols) =
                base.values().segment(base.offset(p.block), p.rows * p.cols);
        if (p.kind != Piece::Kind::kA) continue;
        Stream stream(seed_, Purpose::kEmbedding, k);
        const double bound = 1.0 / std::sqrt(static_cast<double>(p.cols));
        for (Index i = 0; i < p.rows * p.cols; ++i)
            theta(p.offset + i) = static_cast<Real>(
                bound * (2.0 * boost::random::uniform_01<double>()(stream) - 1.0));
    }
    return theta;
}

template <class Real>
void Trainable<Real>::apply(const Column<Real>& theta, const Parameters<Real>& base,
                            Parameters<Real>& weights) const {
    for (std::size_t k = 0; k < pieces_.size(); ++k) {
        const Piece& p = pieces_[k];
        RowsMap<Real> w = weights.matrix(p.block);
        if (p.kind == Piece::Kind::kBlock) w = view(theta, p);
        if (p.kind != Piece::Kind::kA) continue;
        Rows<Real> change(w.rows(), w.cols());
        multiply(view_of(view(theta, pieces_[k + 1])), view_of(view(theta, p)), change.data(),
                 change.cols(), Into::kSet);
        w = base.matrix(p.block) + static_cast<Real>(scale_) * change;
    }
}

template <class Real>
double Trainable<Real>::change(const Column<Real>& theta, const Parameters<Real>& base) const {
    double squares = 0.0;
    for (std::size_t k = 0; k < pieces_.size(); ++k) {
        const Piece& p = pieces_[k];
        if (p.kind == Piece::Kind::kBlock)
            squares += (view(theta, p).template cast<double>() -
                        base.matrix(p.block).template cast<double>())
                           .squaredNorm();
        if (p.kind != Piece::Kind::kA) continue;
        // ||B A||^2 = tr(B^T B A A^T)
        const Rows<double> a = view(theta, p).template cast<double>();
        const Rows<double> b = view(theta, pieces_[k + 1]).template cast<double>();
        const Rows<double> aa = a * a.transpose(), bb = b.transpose() * b;
        squares += scale_ * scale_ * aa.cwiseProduct(bb).sum();
    }
    return std::sqrt(squares);
}

template <class Real>
Column<Real> Trainable<Real>::gradient(const Column<Real>& theta,
                                       const Parameters<Real>& gradient) const {
    Column<Real> out = Column<Real>::Zero(size_);
    for (std::size_t k = 0; k < pieces_.size(); ++k) {
        const Piece& p = pieces_[k];
        const ConstRows<Real> dw = gradient.matrix(p.block);
        RowsMap<Real> to(out.data() + p.offset, p.rows, p.cols);
        if (p.kind == Piece::Kind::kBlock) to = dw;
        if (p.kind != Piece::Kind::kA) continue;
        const Piece& q = pieces_[k + 1];
        multiply(view_of(view(theta, q)).transposed(), view_of(dw), to.data(), to.cols(),
                 Into::kSet);
        multiply(view_of(dw), view_of(view(theta, p)).transposed(), out.data() + q.offset, q.cols,
                 Into::kSet);
        for (const Piece& each : {p, q})
            out.segment(each.offset, each.rows * each.cols) *= static_cast<Real>(scale_);
    }
    return out;
}

template class Trainable<float>;
template class Trainable<double>;

}  // namespace prefdyn::finetune
