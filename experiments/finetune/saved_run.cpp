#include "experiments/finetune/saved_run.hpp"

#include <cstring>
#include <filesystem>

#include "experiments/results/publish.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/model/mapped_file.hpp"
#include "sim/lm/model/safetensors.hpp"
#include "sim/lm/model/safetensors_writer.hpp"

namespace prefdyn {

namespace {

using transformer::Array;
using transformer::array_of;
using transformer::Tensor;

/// The numbers of an update beside its step, in the order in which they are saved.
std::vector<double*> numbers_of(finetune::UpdateRecord& r) {
    finetune::MetricSums& m = r.batch;
    return {&r.epoch,       &r.learning_rate, &r.grad_norm, &r.num_tokens, &m.pairs,
            &m.loss,        &m.reward[0],     &m.reward[1], &m.logp[0],    &m.logp[1],
            &m.logit[0],    &m.logit[1],      &m.length[0], &m.length[1],  &m.reward_wins,
            &m.reward_ties, &m.policy_wins,   &m.entropy,   &m.correct};
}

std::vector<double> flat(finetune::UpdateRecord r) {
    std::vector<double> out = {static_cast<double>(r.step)};
    for (const double* number : numbers_of(r)) out.push_back(*number);
    return out;
}

finetune::UpdateRecord update_of(const std::vector<double>& row) {
    finetune::UpdateRecord r;
    r.step = static_cast<Index>(row[0]);
    const auto numbers = numbers_of(r);
    for (std::size_t k = 0; k < numbers.size(); ++k) *numbers[k] = row[k + 1];
    return r;
}

std::vector<double> stacked(const std::vector<std::vector<double>>& rows) {
    std::vector<double> out;
    for (const auto& row : rows) out.insert(out.end(), row.begin(), row.end());
    return out;
}

/// Reads arrays by name, of the type and number of values that is wanted.
class Saved {
  public:
    explicit Saved(const std::string& path)
        : path_(path), file_(path), tensors_(transformer::parse_safetensors(file_.bytes(), path)) {
        transformer::require_unchanged(file_.bytes(), path, true);
    }

    std::string text(const std::string& name) const {
        const Tensor& t = find(name, "U8");
        return {reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size()};
    }
    template <class Value>
    std::vector<Value> values(const std::string& name, const std::string& dtype) const {
        const Tensor& t = find(name, dtype);
        std::vector<Value> out(t.bytes.size() / sizeof(Value));
        if (!out.empty()) std::memcpy(out.data(), t.bytes.data(), out.size() * sizeof(Value));
        return out;
    }
    std::vector<std::vector<double>> table(const std::string& name, std::size_t columns) const {
        const auto flat = values<double>(name, "F64");
        if (flat.size() % columns != 0) fail(name);
        std::vector<std::vector<double>> out;
        for (std::size_t k = 0; k < flat.size(); k += columns)
            out.emplace_back(flat.begin() + static_cast<std::ptrdiff_t>(k),
                             flat.begin() + static_cast<std::ptrdiff_t>(k + columns));
        return out;
    }
    /// Names that begin with this.
    std::vector<std::string> names(const std::string& start) const {
        std::vector<std::string> out;
        for (const auto& [name, tensor] : tensors_)
            if (name.starts_with(start)) out.push_back(name);
        return out;
    }
    [[noreturn]] void fail(const std::string& name) const {
        throw InputError(path_ + ": '" + name + "' is not what a saved run has",
                         "remove the file to start anew");
    }

  private:
    const Tensor& find(const std::string& name, const std::string& dtype) const {
        const auto found = tensors_.find(name);
        if (found == tensors_.end() || found->second.dtype_name != dtype) fail(name);
        return found->second;
    }
    std::string path_;
    transformer::MappedFile file_;
    transformer::Tensors tensors_;
};

const std::string kVector = "vector.", kPairs = "pairs.";

/// Where a state has the pairs of row `k` of FinetuneRun::measures.
std::string pairs_name(const char* split, std::size_t k) {
    return kPairs + split + "." + std::to_string(k);
}

std::vector<double> flat(const PairRecord& pairs) {
    std::vector<double> out(pairs.value.data(), pairs.value.data() + pairs.value.size());
    out.insert(out.end(), pairs.error.data(), pairs.error.data() + pairs.error.size());
    return out;
}

/// From the numbers that flat() gave of so many pairs, or of any number for -1.
PairRecord pairs_of(const Saved& saved, const std::string& name, Index wanted) {
    const auto numbers = saved.values<double>(name, "F64");
    const auto both = static_cast<Index>(numbers.size()) / 2;
    const Index rows = both / kPairColumns;
    if (rows * 2 * kPairColumns != static_cast<Index>(numbers.size()) ||
        (wanted >= 0 && rows != wanted))
        saved.fail(name);
    const auto table = [&](Index from) {
        return RowMatrix(
            Eigen::Map<const RowMatrix>(numbers.data() + from, rows, Index{kPairColumns}));
    };
    return {table(0), table(both)};
}

/// The lines in which two identities differ.
std::string difference(const std::string& saved, const std::string& wanted) {
    const auto lines = [](const std::string& text) {
        std::vector<std::string> out;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            out.push_back(text.substr(at, end - at));
            at = end + 1;
        }
        return out;
    };
    const auto a = lines(saved), b = lines(wanted);
    std::string out;
    for (std::size_t k = 0; k < std::max(a.size(), b.size()); ++k) {
        const std::string left = k < a.size() ? a[k] : "", right = k < b.size() ? b[k] : "";
        if (left != right)
            out.append(out.empty() ? "" : "; ").append(left).append(" there, ").append(right);
    }
    return out;
}

}  // namespace

void save_run(const FinetunePlan& plan, const finetune::Training& training,
              const FinetuneRun& run) {
    const finetune::Training::State state = training.state();
    const std::string identity = plan.identity();
    const std::vector<std::int64_t> counters = {state.done, state.tokens};
    const std::vector<std::int64_t> steps(run.step.begin(), run.step.end());
    const std::vector<double> measures = stacked(run.measures);
    std::vector<double> updates;
    for (const auto& record : run.updates) {
        const auto row = flat(record);
        updates.insert(updates.end(), row.begin(), row.end());
    }
    std::vector<Array> arrays = {
        array_of("identity", identity),
        array_of("counters", counters),
        array_of("record_step", steps),
        array_of("weight_change", {static_cast<Index>(run.weight_change.size())},
                 std::span<const double>(run.weight_change)),
        array_of("measures", {static_cast<Index>(measures.size())},
                 std::span<const double>(measures)),
        array_of("updates", {static_cast<Index>(updates.size())},
                 std::span<const double>(updates))};
    std::vector<std::pair<std::string, std::vector<double>>> pairs;
    for (std::size_t k = 0; k < run.train_pairs.size(); ++k) {
        pairs.emplace_back(pairs_name("train", k), flat(run.train_pairs[k]));
        pairs.emplace_back(pairs_name("held_out", k), flat(run.held_out_pairs[k]));
    }
    for (const auto& [name, numbers] : pairs)
        arrays.push_back(
            array_of(name, {static_cast<Index>(numbers.size())}, std::span<const double>(numbers)));
    for (const auto& [name, vector] : state.vectors)
        arrays.push_back(array_of(
            kVector + name, {vector.size()},
            std::span<const float>(vector.data(), static_cast<std::size_t>(vector.size()))));
    make_folder_of(plan.state);
    publish_file(plan.state, [&](const std::string& partial) {
        transformer::write_safetensors(partial, arrays);
    });
}

bool load_run(const FinetunePlan& plan, finetune::Training& training, FinetuneRun& run) {
    if (!std::filesystem::exists(plan.state)) return false;
    const Saved saved(plan.state);
    const std::string identity = saved.text("identity"), wanted = plan.identity();
    if (identity != wanted)
        throw InputError(
            plan.state + ": belongs to another run: " + difference(identity, wanted),
            "take the same options, data, model, version and kind of machine, another --out, or "
            "--force to start anew");
    const auto counters = saved.values<std::int64_t>("counters", "I64");
    if (counters.size() != 2 || counters[0] < 0 || counters[0] > plan.training.steps)
        saved.fail("counters");
    finetune::Training::State state;
    state.done = counters[0];
    state.tokens = counters[1];
    for (const std::string& name : saved.names(kVector)) {
        const auto values = saved.values<float>(name, "F32");
        state.vectors.emplace_back(name.substr(kVector.size()),
                                   Eigen::Map<const finetune::Column<float>>(
                                       values.data(), static_cast<Index>(values.size())));
    }
    training.restore(state);
    const auto steps = saved.values<std::int64_t>("record_step", "I64");
    run.step.assign(steps.begin(), steps.end());
    run.weight_change = saved.values<double>("weight_change", "F64");
    run.measures = saved.table("measures", behaviour_measures().size());
    run.updates.clear();
    for (const auto& row : saved.table("updates", flat(finetune::UpdateRecord{}).size()))
        run.updates.push_back(update_of(row));
    if (run.step.empty() || run.measures.size() != run.step.size() * run.behaviour.size() ||
        run.weight_change.size() != run.step.size() ||
        static_cast<std::int64_t>(run.updates.size()) != state.done)
        saved.fail("measures");
    run.train_pairs.clear();
    run.held_out_pairs.clear();
    for (std::size_t k = 0; plan.judged && k < run.measures.size(); ++k) {
        const auto trained = run.label[k % run.behaviour.size()].size();
        run.train_pairs.push_back(
            pairs_of(saved, pairs_name("train", k), static_cast<Index>(trained)));
        run.held_out_pairs.push_back(pairs_of(saved, pairs_name("held_out", k), -1));
    }
    return true;
}

}  // namespace prefdyn
