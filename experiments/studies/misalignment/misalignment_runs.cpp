#include "experiments/studies/misalignment/misalignment.hpp"

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
    const double eta = spec.eta_kappa / theory::gauss_newton_scale(spec.data, spec.base, spec.beta);
    const Dataset wrong = flipped(spec.data);
    Misalignment out;
    out.align =
        run_two_layer(spec.data, {spec.base}, {spec.beta, eta, spec.align_steps, 1, spec.device});
    out.frozen_align = run_two_layer(spec.data, {spec.base, {}, false},
                                     {spec.beta, eta, spec.align_steps, spec.every, spec.device});
    const auto from = [&](const TwoLayerSpec& start, Index every) {
        out.runs.push_back(
            run_two_layer(wrong, start, {spec.beta, eta, spec.misalign_steps, every, spec.device}));
    };
    const TwoLayerModel &base = spec.base, &aligned = out.align.end;
    const Index often = spec.every_step ? 1 : spec.every;
    from({base}, often);
    from({aligned}, often);
    from({{aligned.embedding, base.head, base.activation}}, spec.every);
    from({{base.embedding, aligned.head, base.activation}}, spec.every);
    from({aligned, base}, spec.every);
    from({base, {}, false}, spec.every);
    from({out.frozen_align.end, {}, false}, spec.every);
    const auto frozen = std::make_shared<const Trajectory>(out.runs[kFromFrozenBase].trajectory);
    out.runs[kFromFrozenAligned].facts.counterpart = out.frozen_align.facts.counterpart = frozen;
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
