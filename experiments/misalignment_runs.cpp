#include "experiments/misalignment.hpp"

namespace prefdyn {

const std::vector<std::string>& misalignment_start_names() {
    static const std::vector<std::string> names = {"base",
                                                   "aligned",
                                                   "aligned E, base a",
                                                   "base E, aligned a",
                                                   "aligned, old reference",
                                                   "frozen E, base",
                                                   "frozen E, aligned"};
    return names;
}

Misalignment misalign(const MisalignmentSpec& spec) {
    const double kappa = theory::gauss_newton_scale(spec.data, spec.base, spec.beta);
    const EmbeddingTraining align{spec.beta, spec.eta_kappa / kappa, spec.align_steps, 1};
    const EmbeddingTraining away{spec.beta, align.eta, spec.misalign_steps, spec.every};
    const Dataset wrong = flipped(spec.data);
    Misalignment out;
    out.align = run_embedding(spec.data, {spec.base}, align);
    out.frozen_align = run_embedding(spec.data, {spec.base, {}, false}, align);
    const EmbeddingModel& aligned = out.align.end;
    const EmbeddingModel frozen = out.frozen_align.end;
    const auto from = [&](const EmbeddingSpec& start) {
        out.runs.push_back(run_embedding(wrong, start, away));
    };
    const Activation act = spec.base.activation;
    from({spec.base});
    from({aligned});
    from({{aligned.embedding, spec.base.head, act}});
    from({{spec.base.embedding, aligned.head, act}});
    from({aligned, spec.base});
    from({spec.base, {}, false});
    from({frozen, {}, false});
    const auto base = std::make_shared<const Trajectory>(out.runs[kFromFrozenBase].trajectory);
    out.runs[kFromFrozenAligned].facts.counterpart = out.frozen_align.facts.counterpart = base;
    return out;
}

namespace {

double share(const Misalignment& m, MisalignmentStart cause) {
    const double base = m.runs[kFromBase].slope();
    return (m.runs[cause].slope() - base) / (m.runs[kFromAligned].slope() - base);
}

}  // namespace

double Misalignment::share_of_distinguishability() const {
    return share(*this, kFromAlignedEmbedding);
}

double Misalignment::share_of_head() const { return share(*this, kFromAlignedHead); }

}  // namespace prefdyn
