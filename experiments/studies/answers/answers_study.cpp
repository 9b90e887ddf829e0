#include "experiments/studies/answers/answers_study.hpp"

#include <cmath>

#include "experiments/program/parallel.hpp"
#include "sim/base/ball.hpp"
#include "sim/base/bootstrap.hpp"
#include "sim/base/substream.hpp"
#include "sim/data/noise.hpp"

namespace prefdyn {

namespace {

using theory::AnswerFacts;
using theory::Claim;

constexpr double kBeta = 0.5;
constexpr std::size_t kRankedPairs = 400;

double uniform(Stream& stream) { return static_cast<double>(stream() >> 11) * 0x1p-53; }

Index below(Stream& stream, Index count) {
    return static_cast<Index>(uniform(stream) * static_cast<double>(count));
}

/// Tokens of an answer, the first one not `first`.
std::vector<Index> tokens(Stream& stream, const AnswerDraw& draw, Index first) {
    std::vector<Index> out(static_cast<std::size_t>(draw.length));
    for (Index& token : out) token = below(stream, draw.vocabulary);
    while (out.front() == first) out.front() = below(stream, draw.vocabulary);
    return out;
}

/// Rows of a pair: the prompt, then the chosen answer's contexts, then the rejected one's.
Index rows_of(Index length) { return 2 * length - 1; }

Answer answer_at(std::vector<Index> token, Index prompt, Index behind) {
    Answer out{std::move(token), {prompt}};
    for (std::size_t k = 1; k < out.token.size(); ++k)
        out.context.push_back(behind + static_cast<Index>(k) - 1);
    return out;
}

AnswerPair draw_pair(Stream& stream, const AnswerDraw& draw, Index prompt, RowMatrix& context) {
    const Index later = draw.length - 1;
    const double alike = uniform(stream), rest = std::sqrt(1.0 - alike * alike);
    fill_noise(NoiseSpec{}, stream, context.row(prompt).data(),
               rows_of(draw.length) * context.cols());
    auto rejected = context.middleRows(prompt + 1 + later, later);
    rejected = alike * context.middleRows(prompt + 1, later) + rest * rejected;
    std::vector<Index> plus = tokens(stream, draw, -1), minus = tokens(stream, draw, plus.front());
    for (std::size_t k = 1; k < plus.size(); ++k)
        if (uniform(stream) < draw.shared) minus[k] = plus[k];
    return {answer_at(std::move(plus), prompt, prompt + 1),
            answer_at(std::move(minus), prompt, prompt + 1 + later)};
}

}  // namespace

DrawnAnswers draw_answers(const AnswerDraw& draw, std::uint64_t seed) {
    DrawnAnswers out{{Matrix(draw.vocabulary, draw.dimension),
                      RowMatrix(draw.pairs * rows_of(draw.length), draw.dimension)},
                     {}};
    Stream stream(seed, Purpose::kFeatures);
    fill_noise(NoiseSpec{}, stream, out.state.head.data(), out.state.head.size());
    out.state.head /= std::sqrt(static_cast<double>(draw.dimension));
    for (Index k = 0; k < draw.pairs; ++k)
        out.pairs.push_back(draw_pair(stream, draw, k * rows_of(draw.length), out.state.context));
    validate(out.state, out.pairs);
    return out;
}

AnswerFacts measure_answers(DrawnAnswers drawn, double beta, std::uint64_t seed) {
    AnswerFacts out{std::move(drawn.state), std::move(drawn.pairs), {}, {}, {}, {}, 0.0, 0.0};
    const double n = static_cast<double>(out.pairs.size());
    Stream stream(seed, Purpose::kReferenceHead);
    AnswerGradient flow{Matrix::Zero(out.state.head.rows(), out.state.head.cols()),
                        RowMatrix::Zero(out.state.context.rows(), out.state.context.cols())};
    std::vector<AnswerGradient> chosen;
    double lengths = 0.0, pull = 0.0;
    for (const AnswerPair& pair : out.pairs) {
        const double x =
            log_probability(out.state, pair.chosen) - log_probability(out.state, pair.rejected);
        const AnswerLoss loss = answer_loss(x, 2.0 * uniform(stream) - 1.0, beta);
        out.loss.push_back(loss.value);
        out.loss_slope.push_back(loss.slope);
        chosen.push_back(log_probability_gradient(out.state, pair.chosen));
        const AnswerGradient rejected = log_probability_gradient(out.state, pair.rejected);
        flow.head -= loss.slope / n * (chosen.back().head - rejected.head);
        flow.context -= loss.slope / n * (chosen.back().context - rejected.context);
        const double length = std::sqrt(chosen.back().dot(chosen.back(), true));
        lengths = std::max(lengths, length);
        pull += std::fabs(loss.slope) / n * (length + std::sqrt(rejected.dot(rejected, true)));
    }
    for (const AnswerGradient& gradient : chosen)
        out.chosen_slope.push_back(gradient.dot(flow, true));
    const Index prompt = out.pairs.front().chosen.context.front();
    out.token_slope.resize(out.state.head.rows());
    for (Index z = 0; z < out.token_slope.size(); ++z) {
        const AnswerGradient of_token = log_probability_gradient(out.state, {{z}, {prompt}});
        lengths = std::max(lengths, std::sqrt(of_token.dot(of_token, true)));
        out.token_slope(z) = of_token.dot(flow, true);
    }
    // Sums of products of parameters with pulls, and of what the pulls are made of.
    const double size = std::max(1.0, std::max(out.state.head.norm(), out.state.context.norm()));
    out.largest = lengths * pull;
    out.error =
        8.0 * size *
        gamma_of(static_cast<double>(out.state.head.size() + out.state.context.size()) + 100.0);
    return out;
}

double fall_of(const DrawnAnswers& drawn, const AnswerPair& pair, bool contexts_trained) {
    const AnswerGradient chosen = log_probability_gradient(drawn.state, pair.chosen),
                         rejected = log_probability_gradient(drawn.state, pair.rejected);
    return chosen.dot(rejected, contexts_trained) - chosen.dot(chosen, contexts_trained);
}

namespace {

struct AnswerSetting {
    std::string name;
    AnswerDraw draw;
};

AnswerSetting setting(Index V, Index d, Index length, Index pairs, double shared) {
    return {"V = " + std::to_string(V) + ", d = " + std::to_string(d) + ", " +
                std::to_string(length) + (length == 1 ? " token, " : " tokens, ") +
                std::to_string(pairs) + (pairs == 1 ? " pair" : " pairs") +
                (shared > 0.0 ? ", shared tokens" : ""),
            {V, d, length, pairs, shared}};
}

std::vector<AnswerSetting> settings_of(Profile profile) {
    std::vector<AnswerSetting> out = {setting(3, 2, 1, 1, 0.0), setting(50, 10, 1, 1, 0.0),
                                      setting(8, 4, 3, 1, 0.5), setting(50, 10, 5, 1, 0.0),
                                      setting(6, 3, 1, 4, 0.0), setting(20, 10, 1, 12, 0.0)};
    if (profile != Profile::kQuick)
        for (const double shared : {0.0, 0.9}) out.push_back(setting(50, 10, 20, 1, shared));
    return out;
}

/// How CHES ranks pairs against their fall.
struct Ranking {
    std::vector<std::string> trained = {"head alone", "head and hidden states"};
    std::vector<std::int64_t> length = {2, 5, 20};
    std::vector<double> shared = {0.0, 0.5, 0.9};
    std::vector<Interval> correlation;  ///< [trained][length][shared]
};

Interval correlation_at(const Ranking& r, std::size_t at, std::uint64_t seed) {
    const std::size_t S = r.shared.size(), L = r.length.size();
    AnswerDraw draw{.length = r.length[at / S % L], .shared = r.shared[at % S]};
    std::vector<double> score, fall;
    for (std::size_t k = 0; k < kRankedPairs; ++k) {
        const DrawnAnswers drawn = draw_answers(
            draw, derive_seed(seed, Substream::kAnswers, 1000 + at % (S * L) * kRankedPairs + k));
        score.push_back(theory::ches_score(drawn.state, drawn.pairs.front()));
        fall.push_back(fall_of(drawn, drawn.pairs.front(), at / (S * L) == 1));
    }
    return bootstrap_rank_correlation(score, fall,
                                      stream_of(seed, Substream::kAnswerIntervals, at));
}

struct Outcomes {
    std::vector<AnswerSetting> settings;
    std::vector<AnswerFacts> facts;
    Ranking ranking;
};

template <class Get>
auto ranked(Get get) {
    return [get](const Outcomes& o) { return gather(o.ranking.correlation, get); };
}

std::vector<Filled<Outcomes>> fields() {
    const std::string at = "answers_setting", trained = "answers_trained",
                      length = "answers_length", shared = "answers_shared";
    const std::vector<std::string> grid = {trained, length, shared};
    return {
        {at, "", "answers with hidden states of their own, T17",
         [](const Outcomes& o) { return gather(o.settings, &AnswerSetting::name); }},
        {"answers_chosen_slope",
         {at},
         "1 / time",
         "d/dt ln pi(y+) of the first pair at the drawn state",
         [](const Outcomes& o) {
             return gather(o.facts, [](const AnswerFacts& f) { return f.chosen_slope.front(); });
         }},
        {trained, "", "what moves: contexts frozen, or parameters too",
         [](const Outcomes& o) { return o.ranking.trained; }},
        {length, "tokens", "length of both answers",
         [](const Outcomes& o) { return o.ranking.length; }},
        {shared, "", "share of the later tokens that both answers have at the same place",
         [](const Outcomes& o) { return o.ranking.shared; }},
        {"answers_ches", grid, "",
         "Spearman's rank correlation of the CHES score with -d/dt ln pi(y+) over 400 random "
         "pairs, "
         "V = 50, d = 10: 1 where it ranks rightly",
         ranked(&Interval::estimate)},
        {"answers_ches_low", grid, "", "95 % bootstrap interval, low", ranked(&Interval::low)},
        {"answers_ches_high", grid, "", "95 % bootstrap interval, high", ranked(&Interval::high)},
    };
}

theory::Verdict judged(const Claim& claim, const AnswerFacts& facts, bool presume = false) {
    return judge_case(claim, theory::AnswerCase(&facts), presume);
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    Outcomes all{settings_of(plan.profile), {}, {}};
    StudyOutcome out;
    for (std::size_t k = 0; k < all.settings.size(); ++k) {
        const std::uint64_t seed = derive_seed(plan.seed, Substream::kAnswers, k);
        all.facts.push_back(measure_answers(draw_answers(all.settings[k].draw, seed), kBeta, seed));
        theory::Evidence evidence;
        evidence.of = theory::AnswerCase(&all.facts.back());
        for (const Claim& claim : claims)
            out.judge("answers", claim, all.settings[k].name, evidence);
    }
    all.ranking.correlation.resize(all.ranking.trained.size() * all.ranking.length.size() *
                                   all.ranking.shared.size());
    parallel_for("answers, CHES", all.ranking.correlation.size(), [&](std::size_t at) {
        all.ranking.correlation[at] = correlation_at(all.ranking, at, plan.seed);
    });
    out.put(fields(), all);
    return out;
}

Control spoiled(const std::string& claim, const std::string& name, const std::string& fault,
                AnswerSetting made, void (*spoil)(AnswerFacts&), double strength = 1.0) {
    return {claim, name, fault, [=](const Claim& c, std::uint64_t seed) {
                AnswerFacts facts = measure_answers(draw_answers(made.draw, seed), kBeta, seed);
                spoil(facts);
                return judged(theory::strengthened(c, strength), facts, true);
            }};
}

void loss_for_slope(AnswerFacts& f) {
    for (std::size_t k = 0; k < f.loss.size(); ++k) f.loss_slope[k] = f.loss[k];
}
void doubled(AnswerFacts& f) {
    for (double& slope : f.loss_slope) slope *= 2.0;
}
void nothing(AnswerFacts&) {}

std::vector<Control> answer_controls() {
    const AnswerSetting one = setting(50, 10, 1, 1, 0.0), several = setting(8, 4, 3, 1, 0.5),
                        many = setting(6, 3, 1, 4, 0.0);
    std::vector<Control> out;
    const auto add = [&](const char* claim, const AnswerSetting& at) {
        out.push_back(spoiled(claim, "bound x 0.99", "the slope is claimed 1 % smaller than it is",
                              at, nothing, 0.99));
        out.push_back(spoiled(claim, "l' doubled", "the loss's slope is taken twice", at, doubled));
    };
    add("T17a", one);
    add("T17b", one);
    add("T17c", several);
    add("T17d", many);
    out.push_back(spoiled("T17b", "as printed",
                          "the loss stands for its slope, as the paper prints", one,
                          loss_for_slope));
    out.push_back(spoiled(
        "T17c", "frozen hidden states", "only the head is trained", several, [](AnswerFacts& f) {
            const AnswerPair& pair = f.pairs.front();
            const DrawnAnswers drawn{f.state, f.pairs};
            f.chosen_slope.front() = f.loss_slope.front() * fall_of(drawn, pair, false);
        }));
    return out;
}

}  // namespace

Study answers_study() {
    return {"answers",        {"T17a", "T17b", "T17c", "T17d"}, fields_of(fields()), run, {},
            answer_controls()};
}

}  // namespace prefdyn
