#include "experiments/finetune/job.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iomanip>
#include <ostream>

#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/stopwatch.hpp"
#include "sim/lm/text/tokenizer.hpp"
#include "sim/lm/train/cuda_engine.hpp"

namespace prefdyn {

namespace {

using finetune::Keep;
using finetune::TrainedPart;

SplitRows rows_of(const text::SequencePairs& data, const TrainingOptions& o, std::uint64_t index) {
    Dataset labels;
    labels.name = data.path;
    labels.features.resize(static_cast<Index>(data.pairs.size()), 0);
    // Only a stratified split looks at classes; data of one class are as good as any.
    const bool stratified = o.split == SplitKind::kStratified;
    for (const auto& pair : data.pairs)
        labels.label.push_back(stratified ? pair.label : std::int8_t{0});
    return split_rows(labels, o.held_out, o.split, o.seed, index);
}

std::vector<FinetuneBehaviour> read_behaviours(const transformer::Checkpoint& model,
                                               const TrainingOptions& o) {
    const transformer::ModelConfig& config = model.config();
    const std::string& folder = model.tokenizer_folder();
    const auto tokenizer = text::load_tokenizer(folder);
    text::require_vocabulary(*tokenizer, static_cast<text::Token>(config.vocabulary), folder);
    text::SequenceOptions options;
    options.format = format_of(o.prompts, *tokenizer);
    options.eos = o.eos;
    options.one_token = o.one_token;
    options.context = config.context;
    options.truncate = o.truncate;
    options.max_length = o.max_length;
    options.vocabulary = static_cast<text::Token>(config.vocabulary);
    options.image = static_cast<text::Token>(config.image_token);
    std::vector<FinetuneBehaviour> out;
    for (const text::PreferenceData& data : read_data(o.prompts)) {
        FinetuneBehaviour b{text::sequence_pairs(*tokenizer, data, options), {}};
        b.rows = rows_of(b.data, o, out.size());
        if (b.rows.train.empty())
            throw InputError(data.path + ": no pair is left to train on", "lower --held-out");
        out.push_back(std::move(b));
    }
    return out;
}

double mib(std::size_t bytes) { return static_cast<double>(bytes) / 1048576.0; }

}  // namespace

FinetuneJob::FinetuneJob(const ModelSource& model, const TrainingOptions& options, bool own_head)
    : options_(options),
      checkpoint_(model.folder, model.base),
      layout_(checkpoint_.config(), own_head),
      hash_(transformer::hash_model(checkpoint_)),
      behaviours_(read_behaviours(checkpoint_, options)),
      bos_(behaviours_.front().data.format.bos) {
    if (checkpoint_.adapter() && options.method == TrainedPart::kLora)
        throw InputError(model.folder +
                             ": is an adapter, and --method lora would train one beside "
                             "it, which no file can say",
                         "merge it into its base model with PEFT first, or train with --method "
                         "full");
}

const finetune::Parameters<float>& FinetuneJob::weights() {
    if (!weights_)
        weights_ = std::make_unique<finetune::Parameters<float>>(
            finetune::read_parameters<float>(checkpoint_, layout_));
    return *weights_;
}

std::size_t FinetuneJob::trained(const std::vector<std::size_t>& which) const {
    std::size_t out = 0;
    for (const std::size_t k : which) out += behaviours_[k].rows.train.size();
    return out;
}

FinetunePlan FinetuneJob::plan(const std::vector<std::size_t>& which) const {
    FinetunePlan out;
    out.behaviours = which;
    for (const std::size_t k : which)
        out.name.append(out.name.empty() ? "" : " and ").append(behaviours_[k].name());
    if (which.size() > 3) out.name = std::to_string(which.size()) + " behaviours";
    out.training = training_spec(options_, trained(which));
    out.records = options_.records;
    return out;
}

std::string FinetuneJob::task(const FinetunePlan& plan, const ParameterTable& table) const {
    std::string out = table.canonical();
    out.append("model=").append(hash_.hash).append("\n");
    for (const std::size_t k : plan.behaviours)
        out.append("pairs=").append(behaviours_[k].data.hash()).append("\n");
    return out;
}

std::vector<std::pair<std::string, std::string>> FinetuneJob::attributes() const {
    std::string data, tokens;
    for (const FinetuneBehaviour& b : behaviours_) {
        data.append(data.empty() ? "" : " ").append(b.data.data_hash);
        tokens.append(tokens.empty() ? "" : " ").append(b.data.hash());
    }
    return {{"model", checkpoint_.folder()},
            {"model_hash", hash_.hash},
            {"model_hash_method", hash_.method},
            {"data_hash", data},
            {"tokens_hash", tokens},
            {"tokenizer_hash", behaviours_.front().data.tokenizer_hash},
            {"bos", bos_ ? "true" : "false"}};
}

FinetuneJob::Extent FinetuneJob::extent(const FinetunePlan& plan) const {
    const finetune::Trainable<float> trainable(layout_, plan.training.trained, 0);
    Extent out;
    out.all = layout_.size(layout_.every_block());
    out.held = layout_.size(trainable.blocks());
    out.adapted = layout_.size(trainable.adapted());
    const finetune::Layout own(checkpoint_.config(), true);
    out.loose = own.size(own.every_block());
    const auto moments = finetune::UpdateRule(plan.training.update, 0).state().size();
    out.theta = trainable.size();
    out.state = static_cast<Index>(1 + moments) * out.theta;
    Index all = 0, longest = 0;
    double most = 0.0;  // rows of logits that a token asks for
    for (const std::size_t k : plan.behaviours)
        for (const text::SequencePair& pair : behaviours_[k].data.pairs) {
            const finetune::PairTokens one{pair.chosen, pair.rejected,
                                           static_cast<Index>(pair.prompt)};
            const Index tokens = finetune::tokens_read(one), rows = finetune::rows_read(one);
            all += tokens;
            longest = std::max(longest, tokens);
            most = std::max(most, static_cast<double>(rows) / static_cast<double>(tokens));
        }
    out.tokens = std::max(longest, std::min(all, plan.training.plan.tokens));
    out.rows = static_cast<Index>(std::ceil(most * static_cast<double>(out.tokens)));
    return out;
}

/// Start weights; those in training, their gradient, theta unless it is the weights, its moments; a
/// group of pairs in the model; and beside them, before training, the gradient of every weight with
/// a copy of all, or the state that is saved, or the gradient in theta. Where claims are judged the
/// model in double precision.
std::size_t FinetuneJob::bytes(const FinetunePlan& plan) const {
    const Extent e = extent(plan);
    const bool whole = plan.training.trained.part == TrainedPart::kFull;
    const Index engine = e.all + e.held + e.adapted + e.state - (whole ? e.theta : 0);
    const Index numbers = e.all + engine + std::max(2 * e.loose, e.state);
    const std::size_t judged = plan.judged
                                   ? DoubleModel::bytes(e.all) +
                                         finetune::SequenceModel<double>::bytes(
                                             checkpoint_.config(), e.tokens, e.rows, Keep::kNothing)
                                   : 0;
    return judged + static_cast<std::size_t>(numbers) * sizeof(float) +
           finetune::SequenceModel<float>::bytes(checkpoint_.config(), e.tokens, e.rows,
                                                 plan.training.plan.keep);
}

/// Before training the model evaluates and one with the gradient of every weight is beside it;
/// then it is alone, with what it keeps for the backward pass.
std::size_t FinetuneJob::card_bytes(const FinetunePlan& plan) const {
    const Extent e = extent(plan);
    const auto model = [&](Index weights, Index held, finetune::Keep keep) {
        return finetune::device_bytes(checkpoint_.config(), plan.training.arithmetic.precision,
                                      weights, held, e.tokens, e.rows, keep);
    };
    const finetune::Keep keep = plan.training.plan.keep;
    const std::size_t before = model(e.all, e.held, Keep::kNothing) + model(e.loose, e.loose, keep);
    const Index trained = e.state + e.adapted + (e.adapted > 0 ? e.theta : 0);
    return std::max(before, model(e.all, e.held, keep)) +
           static_cast<std::size_t>(trained) * sizeof(float);
}

void FinetuneJob::describe(std::ostream& out, const std::vector<FinetunePlan>& plans) const {
    std::size_t most = 0, on_card = 0;
    Index updates = 0;
    for (const FinetunePlan& plan : plans) {
        most = std::max(most, bytes(plan));
        on_card = std::max(on_card, card_bytes(plan));
        updates += plan.training.steps;
        const finetune::Trainable<float> trainable(layout_, plan.training.trained, 0);
        if (&plan == &plans.front())
            out << trainable.size() << " of " << checkpoint_.config().parameters()
                << " parameters are trained\n";
    }
    const auto schedule = static_cast<std::size_t>(options_.schedule);
    out << "beta = " << options_.beta << ", lr = " << options_.learning_rate << ", "
        << finetune::schedule_names().at(schedule) << "\n"
        << bos_text(options_.prompts.bos, bos_) << "\n";
    if (const std::string& note = behaviours_.front().data.note; !note.empty()) out << note << "\n";
    if (const std::string note = left_out_text(checkpoint_); !note.empty()) out << note << "\n";
    for (const std::string& dropout : checkpoint_.config().dropout)
        out << dropout << " in the config is for training and is not applied here\n";
    for (const FinetuneBehaviour& b : behaviours_) {
        out << "  " << b.name() << ": " << b.rows.train.size() << " pairs to train on, "
            << b.rows.held_out.size() << " held out, sequences of up to " << b.data.longest()
            << " tokens";
        if (options_.max_length > 0)
            out << "; --max-length cut answers of " << b.data.shortened << " pairs and dropped "
                << b.data.filled;
        out << "\n";
    }
    out << plans.size() << (plans.size() == 1 ? " run, " : " runs, ") << updates
        << " updates; memory beside the mapped file: " << std::fixed << std::setprecision(0)
        << mib(most) << " MiB";
    if (options_.arithmetic.device == Device::kCuda)
        out << ", on the card: " << mib(on_card) << " MiB";
    out << "\n" << std::defaultfloat << std::setprecision(6);
}

namespace {

void say_interrupted(std::ostream& out, const std::string& state) {
    std::error_code failed;
    if (std::filesystem::exists(state, failed))
        out << "interrupted; the same command, without --force, goes on from " << state << "\n";
    else
        out << "interrupted before the first update of a run; what was finished before it stays\n";
}

}  // namespace

std::string task_of(const std::vector<FinetunePlan>& plans) {
    std::string all;
    for (const FinetunePlan& plan : plans) all += plan.task + "\n";
    return content_hash(all);
}

TrainedRun train_plan(const StartModel& start, const std::vector<FinetuneBehaviour>& behaviours,
                      const FinetunePlan& plan, const RunProgress& progress, std::ostream& out) {
    try {
        return {run_finetune(start, behaviours, plan, progress),
                finetune::trained_names()[static_cast<std::size_t>(plan.training.trained.part)],
                plan.flipped, plan.training.seed};
    } catch (const Interrupted&) {
        say_interrupted(out, plan.state);
        throw;
    }
}

RunBar::RunBar(std::size_t runs) : runs_(runs), visible_(::isatty(STDERR_FILENO) == 1) {}

RunBar::~RunBar() {
    if (visible_) std::fprintf(stderr, "\r\033[K");
}

RunProgress RunBar::next() {
    const std::size_t run = run_++;
    return [this, run, watch = Stopwatch()](const std::string& what, double done) {
        constexpr double kBetween = 0.2;  // seconds
        if (!visible_ || (done > 0.0 && done < 1.0 && since_drawn_.seconds() < kBetween)) return;
        since_drawn_ = Stopwatch();
        const double seconds = watch.seconds();
        const double left = done > 0.0 ? seconds / done * (1.0 - done) +
                                             seconds / done * static_cast<double>(runs_ - run - 1)
                                       : 0.0;
        std::fprintf(stderr, "\r\033[K%zu/%zu %s, %.0f %%", run + 1, runs_, what.c_str(),
                     100.0 * done);
        if (left > 0.0) std::fprintf(stderr, ", %.0f s left", left);
    };
}

}  // namespace prefdyn
