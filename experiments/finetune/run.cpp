#include "experiments/finetune/run.hpp"

#include <algorithm>
#include <limits>

#include "experiments/finetune/saved_run.hpp"
#include "experiments/results/provenance.hpp"
#include "sim/base/arithmetic.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/model/layer_backend.hpp"

namespace prefdyn {

namespace {

using finetune::Evaluation;
using finetune::MetricSums;
using finetune::PairTokens;
using finetune::ReferenceLogps;

/// The pairs of a run: training pairs of every behaviour, then held-out pairs.
class Material {
  public:
    Material(const std::vector<FinetuneBehaviour>& all, const FinetunePlan& plan) {
        for (const bool train : {true, false})
            for (const std::size_t k : plan.behaviours) {
                const FinetuneBehaviour& b = all[k];
                const auto& rows = train ? b.rows.train : b.rows.held_out;
                (train ? train_ : held_out_).push_back({pairs_.size(), rows.size()});
                for (const Index row : rows) add(b.data.pairs[static_cast<std::size_t>(row)], plan);
                if (train) trained_ = pairs_.size();
            }
    }

    std::span<const PairTokens> all() const { return pairs_; }
    std::span<const PairTokens> trained() const { return all().first(trained_); }
    struct Range {
        std::size_t begin, count;
    };
    Range train(std::size_t p) const { return train_[p]; }
    Range held_out(std::size_t p) const { return held_out_[p]; }
    std::vector<std::int8_t> labels(std::size_t p) const {
        const auto first = label_.begin() + static_cast<std::ptrdiff_t>(train_[p].begin);
        return {first, first + static_cast<std::ptrdiff_t>(train_[p].count)};
    }

  private:
    void add(const text::SequencePair& pair, const FinetunePlan& plan) {
        PairTokens tokens{pair.chosen, pair.rejected, static_cast<Index>(pair.prompt)};
        if (plan.flipped) std::swap(tokens.chosen, tokens.rejected);
        pairs_.push_back(tokens);
        label_.push_back(static_cast<std::int8_t>(plan.flipped ? -pair.label : pair.label));
    }
    std::vector<PairTokens> pairs_;
    std::vector<std::int8_t> label_;
    std::vector<Range> train_, held_out_;
    std::size_t trained_ = 0;
};

class Run {
  public:
    Run(const StartModel& start, const std::vector<FinetuneBehaviour>& behaviours,
        const FinetunePlan& plan, const RunProgress& progress)
        : start_(start),
          plan_(plan),
          progress_(progress),
          material_(behaviours, plan),
          longest_(finetune::longest_read(material_.all())),
          trainable_(start.weights->layout(), plan.training.trained, plan.training.seed),
          stops_(record_steps(plan.training.steps, plan.records)) {
        out_.name = plan.name;
        out_.start = start.name;
        for (const std::size_t k : plan.behaviours) out_.behaviour.push_back(behaviours[k].name());
        for (std::size_t p = 0; p < out_.behaviour.size(); ++p)
            out_.label.push_back(material_.labels(p));
    }

    FinetuneRun go();

  private:
    void say(const std::string& what, double done) const {
        if (progress_) progress_(out_.name + ": " + what, done);
    }
    double share() const {
        return static_cast<double>(training_->done()) /
               static_cast<double>(plan_.training.steps + 1);
    }
    void begin();
    bool record_is_due() const;
    void take_record();
    Evaluation first_evaluation(finetune::Engine& engine) const;
    void measure_start(const Evaluation& first);
    void record(const Evaluation& evaluation);
    void record_pairs(const Evaluation& evaluation);
    void train();
    void save() const {
        if (!plan_.state.empty()) save_run(plan_, *training_, out_);
    }
    Evaluation evaluate(finetune::Pass& pass) const {
        return finetune::evaluate(pass, material_.all(), plan_.training.plan.tokens, {},
                                  plan_.training.plan.tail);
    }
    Evaluation evaluate() const { return evaluate(training_->engine().pass()); }
    std::vector<transformer::RowsF> embeddings(const Evaluation& evaluation) const;
    MetricSums sums(const Evaluation& evaluation, Material::Range range) const;

    const StartModel& start_;
    const FinetunePlan& plan_;
    const RunProgress& progress_;
    Material material_;
    Index longest_;
    finetune::Trainable<float> trainable_;
    std::vector<Index> stops_;  ///< updates behind which there is a record
    FinetuneRun out_;
    std::vector<ReferenceLogps> reference_;
    std::unique_ptr<finetune::Training> training_;
    /// Where claims are judged: the same in double precision.
    std::unique_ptr<DoubleModel> double_;
    std::vector<ReferenceLogps> double_reference_;
};

std::vector<transformer::RowsF> Run::embeddings(const Evaluation& evaluation) const {
    std::vector<transformer::RowsF> out;
    for (std::size_t p = 0; p < out_.behaviour.size(); ++p)
        out.push_back(
            evaluation.embeddings.middleRows(static_cast<Index>(material_.train(p).begin),
                                             static_cast<Index>(material_.train(p).count)));
    return out;
}

MetricSums Run::sums(const Evaluation& evaluation, Material::Range range) const {
    MetricSums out;
    const auto scores = std::span(evaluation.scores).subspan(range.begin, range.count);
    const std::span<const ReferenceLogps> kept(reference_.data() + range.begin, range.count);
    const finetune::Objective& objective = training_->objective();
    const auto values = objective.at(scores, kept);
    for (std::size_t i = 0; i < values.size(); ++i)
        out.add(objective.metrics(scores[i], kept[i], values[i].loss));
    return out;
}

void Run::record(const Evaluation& evaluation) {
    out_.step.push_back(training_->done());
    out_.weight_change.push_back(trainable_.change(training_->engine().theta(), *start_.weights));
    const auto embedded = embeddings(evaluation);
    for (std::size_t p = 0; p < out_.behaviour.size(); ++p) {
        BehaviourMeasure m;
        m.train = sums(evaluation, material_.train(p));
        m.held_out = sums(evaluation, material_.held_out(p));
        m.classes = has_two_classes(out_.label[p]);
        if (m.classes) m.geometry = geometry_of(embedded[p], out_.label[p]);
        out_.measures.push_back(measure_row(m));
    }
    if (double_) record_pairs(evaluation);
}

/// Every pair of every behaviour, in single and in double precision.
void Run::record_pairs(const Evaluation& evaluation) {
    double_->set(training_->engine().theta());
    const Evaluation exact = evaluate(double_->pass());
    const finetune::Objective& objective = training_->objective();
    const auto record = [&](Material::Range range) {
        const auto numbers = [&](const Evaluation& e,
                                 const std::vector<ReferenceLogps>& reference) {
            return pair_numbers(objective, std::span(e.scores).subspan(range.begin, range.count),
                                std::span(reference).subspan(range.begin, range.count));
        };
        return pair_record(numbers(evaluation, reference_), numbers(exact, double_reference_));
    };
    for (std::size_t p = 0; p < out_.behaviour.size(); ++p) {
        out_.train_pairs.push_back(record(material_.train(p)));
        out_.held_out_pairs.push_back(record(material_.held_out(p)));
    }
}

/// T1 on the embeddings: ||grad_W L||^2 = 2 beta^2 phi'(0)^2 ||zbar||^2, for answers of one token,
/// where beta counts times the slope of the divergence's score at a log-ratio of 0.
double head_slope(const transformer::ModelConfig& config, const finetune::Objective& objective,
                  std::span<const PairTokens> pairs, const transformer::RowsF& embeddings,
                  const std::vector<std::int8_t>& label) {
    const bool plain = config.logit_scale == 1.0 && !(config.logit_cap > 0.0);
    const bool one_token = std::ranges::all_of(pairs, [](const PairTokens& pair) {
        return static_cast<Index>(pair.chosen.size()) == pair.prompt + 1 &&
               pair.rejected.size() == pair.chosen.size();
    });
    const PreferenceLoss* const loss = objective.only();
    if (!plain || !one_token || !loss || !loss->margin() || !has_two_classes(label))
        return std::numeric_limits<double>::quiet_NaN();
    const double slope =
        objective.beta() * objective.divergence().at(0.0).slope * loss->facts().slope_at_zero;
    const double zbar = geometry_of(embeddings, label).zbar_norm;
    return 2.0 * slope * slope * zbar * zbar;
}

void Run::measure_start(const Evaluation& first) {
    out_.before = embeddings(first);
    const finetune::Layout layout(*start_.config, true);
    const auto weights = finetune::cut_loose(*start_.weights, layout);
    const auto pass = finetune::make_pass(*start_.config, weights, layout.every_block(), longest_,
                                          plan_.training.arithmetic);
    for (std::size_t p = 0; p < out_.behaviour.size(); ++p) {
        say("initial gradient", 0.0);
        const Material::Range range = material_.train(p);
        const auto pairs = material_.all().subspan(range.begin, range.count);
        const auto reference = std::span(reference_).subspan(range.begin, range.count);
        out_.slope.push_back(
            finetune::gradient_split(*pass, layout, start_.weights->layout().tied(), pairs,
                                     reference, training_->objective(), plan_.training.plan));
        out_.head_slope_t1.push_back(head_slope(*start_.config, training_->objective(), pairs,
                                                out_.before[p], out_.label[p]));
    }
}

Evaluation Run::first_evaluation(finetune::Engine& engine) const {
    try {
        return evaluate(engine.pass());
    } catch (const finetune::NonFinite& error) {
        throw InputError(out_.name + ": of the " + start_.name + " model " + error.what(),
                         "its weights are damaged, or too large for single precision");
    }
}

/// Reference log-probabilities come from a first pass over everything; a saved state takes the
/// place of what was done already.
void Run::begin() {
    say("reference", 0.0);
    auto engine =
        finetune::make_engine(*start_.config, *start_.weights, plan_.training.engine(), longest_);
    const Evaluation first = first_evaluation(*engine);
    reference_ = finetune::logps_of(first);
    training_ = std::make_unique<finetune::Training>(
        std::move(engine), start_.weights->layout(), plan_.training, material_.trained(),
        std::vector(reference_.begin(),
                    reference_.begin() + static_cast<std::ptrdiff_t>(material_.trained().size())));
    measure_start(first);
    if (plan_.judged) {
        double_ = std::make_unique<DoubleModel>(
            *start_.config, *start_.weights, plan_.training.trained, plan_.training.seed, longest_);
        double_reference_ = finetune::logps_of(evaluate(double_->pass()));
    }
    if (!plan_.state.empty() && load_run(plan_, *training_, out_)) return;
    record(first);
}

/// Also of a state that was saved because the evaluation itself was interrupted.
bool Run::record_is_due() const {
    return std::ranges::binary_search(stops_, training_->done()) &&
           out_.step.back() < training_->done();
}

void Run::take_record() {
    const Evaluation now = evaluate();
    record(now);
    if (training_->done() == plan_.training.steps) out_.after = embeddings(now);
    save();
}

void Run::train() {
    if (record_is_due()) take_record();
    while (training_->done() < plan_.training.steps) {
        say("training", share());
        out_.updates.push_back(training_->step());
        if (record_is_due())
            take_record();
        else if (plan_.save_every > 0 && training_->done() % plan_.save_every == 0)
            save();
    }
    if (out_.after.empty()) out_.after = embeddings(evaluate());  // all was done before
}

FinetuneRun Run::go() {
    begin();
    try {
        train();
    } catch (const finetune::NonFinite& error) {
        out_.stopped = error.what();
        return std::move(out_);
    } catch (const Interrupted&) {
        save();
        throw;
    }
    out_.theta = training_->engine().theta();
    say("done", 1.0);
    return std::move(out_);
}

}  // namespace

std::string FinetunePlan::identity() const {
    return task + "program=" + program_name() +
           "\narithmetic=" + transformer::arithmetic_name(training.arithmetic) + " " +
           arithmetic_mark() + "\n";
}

bool has_two_classes(const std::vector<std::int8_t>& label) {
    return std::ranges::find(label, 1) != label.end() &&
           std::ranges::find(label, -1) != label.end();
}

std::vector<Index> record_steps(Index steps, Index records) {
    std::vector<Index> out;
    for (Index k = 0; k < records; ++k) {
        const Index step = records > 1 ? (k * steps + (records - 1) / 2) / (records - 1) : steps;
        if (out.empty() || step > out.back()) out.push_back(step);
    }
    return out;
}

double FinetuneRun::measure(std::size_t record, std::size_t which, const std::string& name) const {
    const auto& all = behaviour_measures();
    const auto found = std::ranges::find(
        all, name, [](const auto& each) -> const std::string& { return each.measure.name; });
    return measures[record * behaviour.size() + which]
                   [static_cast<std::size_t>(found - all.begin())];
}

FinetuneRun run_finetune(const StartModel& start, const std::vector<FinetuneBehaviour>& behaviours,
                         const FinetunePlan& plan, const RunProgress& progress) {
    return Run(start, behaviours, plan, progress).go();
}

}  // namespace prefdyn
