#include "sim/lm/text/sequence_pairs.hpp"

#include <algorithm>

#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

std::size_t shared_start(const std::vector<Token>& a, const std::vector<Token>& b) {
    const auto split = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return static_cast<std::size_t>(split.first - a.begin());
}

Token eos_of(const Tokenizer& tokenizer) {
    if (const auto eos = tokenizer.special().eos) return *eos;
    throw InputError("eos is asked for, but the tokeniser (" + tokenizer.kind() + ") has none",
                     "leave it out, or name eos_token in tokenizer_config.json");
}

void append_eos(const Tokenizer& tokenizer, std::vector<Token>& ids) {
    const Token eos = eos_of(tokenizer);
    if (ids.back() == eos)
        throw InputError("an answer ends with " + in_quotes(tokenizer.piece(eos)) +
                             " already, eos would come twice",
                         "leave one of them out");
    ids.push_back(eos);
}

void require_options(const Tokenizer& tokenizer, const SequenceOptions& options) {
    if (options.context < 0)
        throw InputError("context = " + std::to_string(options.context) + ", allowed is 0 or more");
    if (!options.eos) return;
    eos_of(tokenizer);
    if (options.one_token)
        throw InputError("eos is asked for, but answers of one token have no end",
                         "leave one of them out");
}

void require_prompt(const Tokenizer& tokenizer, const std::vector<Token>& alone,
                    const SequencePair& pair) {
    if (alone.empty())
        throw InputError("the prompt has no token",
                         "put the beginning-of-sequence token in front with --bos");
    if (pair.prompt > 0) return;
    const auto first = [&](const std::vector<Token>& ids) {
        return ids.empty() ? "none"
                           : std::to_string(ids[0]) + " " + in_quotes(tokenizer.piece(ids[0]));
    };
    throw InputError(
        "no token of the prompt stays when an answer follows: alone " + first(alone) +
            " is its first, before the chosen answer " + first(pair.chosen) +
            ", before the rejected " + first(pair.rejected),
        "put the beginning-of-sequence token in front with --bos, or begin the answers "
        "with a space");
}

void require_answers(const Preference& line, const SequencePair& pair) {
    for (const bool chosen : {true, false})
        if ((chosen ? pair.chosen : pair.rejected).size() == pair.prompt)
            throw InputError((chosen ? "the chosen answer " : "the rejected answer ") +
                                 in_quotes(chosen ? line.chosen : line.rejected) +
                                 " adds no token to the prompt",
                             "leave the line out");
    if (pair.chosen == pair.rejected)
        throw InputError("the answers " + in_quotes(line.chosen) + " and " +
                             in_quotes(line.rejected) + " have the same tokens",
                         "leave the line out");
}

/// +1, -1, or 0 if the line compares other answers than `texts`.
std::int8_t label_of(const Preference& line, const std::array<std::string, 2>& texts) {
    if (line.chosen == texts[0] && line.rejected == texts[1]) return +1;
    return line.chosen == texts[1] && line.rejected == texts[0] ? -1 : 0;
}

void require_label(const Preference& line, const SequencePair& pair, const PromptFormat& format) {
    if (pair.label != 0 || format.responses[0].empty()) return;
    throw InputError("the answers are " + in_quotes(line.chosen) + " and " +
                         in_quotes(line.rejected) + ", the first and second were to be " +
                         in_quotes(format.responses[0]) + " and " + in_quotes(format.responses[1]),
                     "leave the two out where answers differ from line to line");
}

SequencePair whole_answers(const Tokenizer& tokenizer, const Preference& line,
                           const SequenceOptions& options,
                           const std::array<std::string, 2>& texts) {
    const std::string text = format_prompt(options.format, line.prompt);
    const auto alone = encode_whole(tokenizer, options.format, text);
    SequencePair pair;
    pair.chosen = encode_whole(tokenizer, options.format, text + line.chosen);
    pair.rejected = encode_whole(tokenizer, options.format, text + line.rejected);
    pair.prompt = std::min(shared_start(alone, pair.chosen), shared_start(alone, pair.rejected));
    pair.label = label_of(line, texts);
    pair.line = line.line;
    require_prompt(tokenizer, alone, pair);
    require_answers(line, pair);
    require_label(line, pair, options.format);
    if (options.eos)
        for (auto* ids : {&pair.chosen, &pair.rejected}) append_eos(tokenizer, *ids);
    return pair;
}

std::vector<SequencePair> pairs_of_answers(const Tokenizer& tokenizer, const PreferenceData& data,
                                           const SequenceOptions& options) {
    std::array<std::string, 2> texts;
    at_line(data, data.lines.front(), [&] { texts = answer_texts(data, options.format); });
    std::vector<SequencePair> out;
    for (const Preference& line : data.lines)
        at_line(data, line, [&] { out.push_back(whole_answers(tokenizer, line, options, texts)); });
    if (std::any_of(out.begin(), out.end(), [](const auto& pair) { return pair.label == 0; }))
        for (SequencePair& pair : out) pair.label = 0;
    return out;
}

std::vector<SequencePair> pairs_of_tokens(const Tokenizer& tokenizer, const PreferenceData& data,
                                          const PromptFormat& format) {
    const TokenizedPrompts tokens = tokenize(tokenizer, data, format);
    std::vector<SequencePair> out;
    for (std::size_t i = 0; i < tokens.prompts.size(); ++i) {
        const auto& prompt = tokens.prompts[i];
        SequencePair pair{prompt, prompt, prompt.size(), tokens.label[i], tokens.line[i]};
        at_line(data, data.lines[i], [&] { require_prompt(tokenizer, prompt, pair); });
        const bool first = pair.label > 0;
        pair.chosen.push_back(tokens.pair.token[first ? 0 : 1]);
        pair.rejected.push_back(tokens.pair.token[first ? 1 : 0]);
        out.push_back(std::move(pair));
    }
    return out;
}

void require_ids(const SequencePair& pair, Token vocabulary, Token image) {
    for (const auto* ids : {&pair.chosen, &pair.rejected})
        for (const Token id : *ids)
            if (image >= 0 && id == image)
                throw InputError("token id " + std::to_string(id) + " stands for an image",
                                 "images are not read; leave the line out");
            else if (id < 0 || id >= vocabulary)
                throw InputError("token id " + std::to_string(id) +
                                     " is outside the model's vocabulary, allowed are 0 to " +
                                     std::to_string(vocabulary - 1),
                                 "do tokeniser and model belong together?");
}

/// TRL's rule for max_length: the end is cut, a pair whose prompt leaves no room is dropped.
void cut_ends(std::size_t most, SequencePairs& data) {
    std::erase_if(data.pairs, [&](const SequencePair& pair) {
        data.filled += pair.prompt >= most;
        return pair.prompt >= most;
    });
    for (SequencePair& pair : data.pairs) {
        data.shortened += std::max(pair.chosen.size(), pair.rejected.size()) > most;
        for (auto* ids : {&pair.chosen, &pair.rejected}) ids->resize(std::min(ids->size(), most));
    }
}

/// Whether the prompt had to lose tokens.
bool fit(SequencePair& pair, const SequenceOptions& options) {
    const auto context = static_cast<std::size_t>(options.context);
    const std::size_t read = std::max(pair.chosen.size(), pair.rejected.size()) - 1;
    if (read <= context) return false;
    const std::size_t excess = read - context;
    const bool possible = excess < pair.prompt;
    if (!options.truncate || !possible)
        throw InputError("the model would read " + std::to_string(read) + " tokens (prompt " +
                             std::to_string(pair.prompt) + ", chosen answer " +
                             std::to_string(pair.chosen.size() - pair.prompt) + ", rejected " +
                             std::to_string(pair.rejected.size() - pair.prompt) +
                             ", the last one not read), its context is " + std::to_string(context),
                         possible ? "--truncate drops the first tokens of such prompts"
                                  : "the answer alone is too long: leave the line out");
    for (auto* ids : {&pair.chosen, &pair.rejected}) drop_front(*ids, excess, options.format.bos);
    pair.prompt -= excess;
    return true;
}

}  // namespace

SequencePairs sequence_pairs(const Tokenizer& tokenizer, const PreferenceData& data,
                             const SequenceOptions& options) {
    require_options(tokenizer, options);
    SequencePairs out;
    out.name = data.name;
    out.path = data.path;
    out.format = options.format;
    out.tokenizer_hash = tokenizer.hash();
    out.note = tokenizer.note();
    out.data_hash = data.hash;
    out.filtered = data.filtered;
    out.pairs = options.one_token ? pairs_of_tokens(tokenizer, data, options.format)
                                  : pairs_of_answers(tokenizer, data, options);
    if (options.max_length > 0) cut_ends(static_cast<std::size_t>(options.max_length), out);
    Preference place;
    for (SequencePair& pair : out.pairs) {
        place.line = pair.line;
        at_line(data, place, [&] {
            if (options.vocabulary > 0) require_ids(pair, options.vocabulary, options.image);
            if (options.context > 0 && fit(pair, options)) ++out.truncated;
        });
    }
    return out;
}

std::size_t SequencePairs::longest() const {
    std::size_t most = 0;
    for (const auto& pair : pairs)
        most = std::max({most, pair.chosen.size(), pair.rejected.size()});
    return most;
}

std::string SequencePairs::hash() const {
    std::string all;
    for (const SequencePair& pair : pairs) {
        all += std::to_string(pair.prompt) + " " + std::to_string(int{pair.label});
        for (const auto* ids : {&pair.chosen, &pair.rejected}) {
            all += "\n";
            for (const Token id : *ids) all += std::to_string(id) + " ";
        }
        all += "\n";
    }
    return content_hash(all);
}

}  // namespace prefdyn::text
