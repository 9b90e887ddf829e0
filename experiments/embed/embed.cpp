#include "experiments/embed/embed.hpp"

#include <set>
#include <stdexcept>

#include "experiments/program/progress.hpp"
#include "experiments/results/provenance.hpp"
#include "sim/base/arithmetic.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/content_hash.hpp"

namespace prefdyn {

namespace {

struct Missing {
    std::vector<std::string> keys;
    std::vector<transformer::TokenIds> prompts;
    std::vector<std::pair<const EmbedBehaviour*, std::size_t>> places;  // first of equal prompts
    Index tokens = 0;
};

Missing find_missing(const EmbedInput& input, const EmbedPlan& plan, const RowStore& rows,
                     EmbedCount& count) {
    Missing out;
    std::set<std::string> seen;
    for (const EmbedBehaviour& behaviour : input.behaviours)
        for (std::size_t i = 0; i < behaviour.prompts.size(); ++i) {
            const auto& ids = behaviour.prompts[i];
            ++count.prompts;
            const std::string key = row_key(plan, ids);
            if (!seen.insert(key).second) continue;
            if (rows.find(key)) {
                ++count.found;
                continue;
            }
            out.keys.push_back(key);
            out.prompts.push_back(ids);
            out.places.emplace_back(&behaviour, i);
            out.tokens += static_cast<Index>(ids.size());
        }
    count.distinct = seen.size();
    return out;
}

/// One past the last prompt of the chunk that starts with prompt `first`.
std::size_t chunk_end(const Missing& missing, std::size_t first, Index chunk_tokens) {
    Index tokens = 0;
    while (first < missing.prompts.size() && tokens < chunk_tokens)
        tokens += static_cast<Index>(missing.prompts[first++].size());
    return first;
}

Index tokens_of(std::span<const transformer::TokenIds> prompts) {
    Index tokens = 0;
    for (const auto& ids : prompts) tokens += static_cast<Index>(ids.size());
    return tokens;
}

}  // namespace

std::string row_key(const EmbedPlan& plan, const transformer::TokenIds& ids) {
    std::string all = plan.model_hash + " " + std::to_string(static_cast<int>(plan.norm)) + " " +
                      transformer::arithmetic_name(plan.arithmetic) + " " + arithmetic_mark() +
                      " " + program_name();
    for (const std::int32_t id : ids) all.append(" ").append(std::to_string(id));
    return content_hash(all);
}

EmbedCount embed_missing(const transformer::Transformer& model, const EmbedInput& input,
                         const EmbedPlan& plan, RowStore& rows) {
    EmbedCount count;
    const Missing missing = find_missing(input, plan, rows, count);
    Progress progress("embedding tokens", static_cast<std::size_t>(missing.tokens));
    Index shown = 0;
    for (std::size_t first = 0; first < missing.prompts.size();) {
        stop_if_requested();
        const std::size_t end = chunk_end(missing, first, plan.chunk_tokens);
        const auto chunk = std::span(missing.prompts).subspan(first, end - first);
        const auto tokens = static_cast<double>(tokens_of(chunk));
        const auto show = [&](double share) {
            for (const auto now = static_cast<double>(count.tokens) + share * tokens;
                 static_cast<double>(shown) < now; ++shown)
                progress.advance();
        };
        const auto name = [&](std::size_t i) {
            const auto& [behaviour, prompt] = missing.places[first + i];
            return place_of(*behaviour, prompt);
        };
        const transformer::RowsF got = model.embed(chunk, {plan.norm, show, plan.arithmetic, name});
        for (Index i = 0; i < got.rows(); ++i)
            rows.add(missing.keys[first + static_cast<std::size_t>(i)],
                     {got.row(i).data(), static_cast<std::size_t>(got.cols())});
        rows.sync();
        count.done += chunk.size();
        count.tokens += tokens_of(chunk);
        first = end;
        if (plan.after_chunk) plan.after_chunk();
    }
    return count;
}

transformer::RowsF features_of(const EmbedBehaviour& behaviour, const EmbedPlan& plan,
                               const RowStore& rows, Index dimension) {
    transformer::RowsF out(static_cast<Index>(behaviour.prompts.size()), dimension);
    for (Index i = 0; i < out.rows(); ++i) {
        const auto* row = rows.find(row_key(plan, behaviour.prompts[static_cast<std::size_t>(i)]));
        if (!row || static_cast<Index>(row->size()) != dimension)
            throw std::logic_error("an embedded row is missing");
        out.row(i) = Eigen::Map<const Eigen::RowVectorXf>(row->data(), dimension);
    }
    return out;
}

}  // namespace prefdyn
