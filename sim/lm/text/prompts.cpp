#include "sim/lm/text/prompts.hpp"

#include <algorithm>

#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

constexpr std::string_view kPlaceholder = "{prompt}";

std::string spell(const Tokenizer& tokenizer, const std::vector<Token>& ids) {
    std::string out;
    for (const Token id : ids)
        out += (out.empty() ? "" : " ") + std::to_string(id) + " " + in_quotes(tokenizer.piece(id));
    return "[" + out + "]";
}

bool begins_with(const std::vector<Token>& ids, const std::vector<Token>& start) {
    return ids.size() >= start.size() && std::equal(start.begin(), start.end(), ids.begin());
}

ResponsePair find_pair(const Tokenizer& tokenizer, const PreferenceData& data,
                       const PromptFormat& format) {
    ResponsePair pair;
    pair.text = answer_texts(data, format);
    const Parting parting =
        part(tokenizer, format, data.lines.front().prompt, pair.text[0], pair.text[1]);
    pair.token = parting.token;
    pair.shared = parting.shared;
    for (const auto k : {0u, 1u}) pair.piece[k] = tokenizer.piece(pair.token[k]);
    return pair;
}

/// +1 or -1 by which answer is chosen; InputError if the line parts in another way than `pair`.
std::int8_t label_of(const Tokenizer& tokenizer, const ResponsePair& pair, const Parting& parting) {
    const bool straight = parting.token == pair.token;
    const bool swapped = parting.token[0] == pair.token[1] && parting.token[1] == pair.token[0];
    if ((straight || swapped) && parting.shared == pair.shared) return straight ? +1 : -1;
    const auto shown = [&](const std::vector<Token>& shared, const std::array<Token, 2>& token) {
        return spell(tokenizer, {token[0], token[1]}) + " after the shared " +
               spell(tokenizer, shared);
    };
    throw InputError("the answers come down to the tokens " + shown(parting.shared, parting.token) +
                         ", expected " + shown(pair.shared, pair.token),
                     "every line must compare the same two answers; keep the others in a file of "
                     "their own");
}

void add_line(const Tokenizer& tokenizer, const Preference& line, const PromptFormat& format,
              TokenizedPrompts& out) {
    Parting parting = part(tokenizer, format, line.prompt, line.chosen, line.rejected);
    out.label.push_back(label_of(tokenizer, out.pair, parting));
    out.line.push_back(line.line);
    parting.prompt.insert(parting.prompt.end(), parting.shared.begin(), parting.shared.end());
    out.prompts.push_back(std::move(parting.prompt));
}

}  // namespace

std::string format_prompt(const PromptFormat& format, const std::string& prompt) {
    const std::string& frame = format.prompt_template;
    const auto at = frame.find(kPlaceholder);
    if (at == frame.npos || frame.find(kPlaceholder, at + 1) != frame.npos)
        throw InputError("template " + in_quotes(frame) + ": expected {prompt} exactly once");
    return frame.substr(0, at) + prompt + frame.substr(at + kPlaceholder.size()) + format.suffix;
}

std::vector<Token> encode_whole(const Tokenizer& tokenizer, const PromptFormat& format,
                                const std::string& text) {
    std::vector<Token> ids = tokenizer.encode(text);
    if (!format.bos) return ids;
    const auto bos = tokenizer.special().bos;
    if (!bos)
        throw InputError("bos is asked for, but the tokeniser (" + tokenizer.kind() + ") has none",
                         "leave it out, or name bos_token in tokenizer_config.json");
    if (!ids.empty() && ids.front() == *bos)
        throw InputError("the text starts with " + in_quotes(tokenizer.piece(*bos)) +
                             " already, bos would come twice",
                         "leave one of them out");
    ids.insert(ids.begin(), *bos);
    return ids;
}

std::array<std::string, 2> answer_texts(const PreferenceData& data, const PromptFormat& format) {
    if (format.responses[0].empty() != format.responses[1].empty())
        throw InputError("only one of the two responses is given", "give both or none");
    if (!format.responses[0].empty()) return format.responses;
    if (data.persona) return data.answers;
    return {data.lines.front().chosen, data.lines.front().rejected};
}

void drop_front(std::vector<Token>& ids, std::size_t count, bool keep_first) {
    const auto from = ids.begin() + (keep_first ? 1 : 0);
    ids.erase(from, from + static_cast<std::ptrdiff_t>(count));
}

Parting part(const Tokenizer& tokenizer, const PromptFormat& format, const std::string& prompt,
             const std::string& first, const std::string& second) {
    const std::string text = format_prompt(format, prompt);
    Parting out;
    out.prompt = encode_whole(tokenizer, format, text);
    const auto a = encode_whole(tokenizer, format, text + first);
    const auto b = encode_whole(tokenizer, format, text + second);
    const auto split = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    const std::vector<Token> common(a.begin(), split.first);
    if (split.first == a.end() || split.second == b.end())
        throw InputError("the tokens of " + in_quotes(split.first == a.end() ? first : second) +
                             " are the beginning of those of " +
                             in_quotes(split.first == a.end() ? second : first) +
                             ", so no pair of tokens tells the answers apart",
                         "choose answers that differ before one of them ends");
    if (!begins_with(common, out.prompt))
        throw InputError(
            "the prompt's tokens change when an answer follows: alone " +
                spell(tokenizer, {out.prompt.end() - 1, out.prompt.end()}) +
                " is its last, before the answers " +
                spell(tokenizer, {split.first - (common.empty() ? 0 : 1), split.first}),
            "add a suffix that keeps them apart, or begin the answers with a space");
    out.shared.assign(common.begin() + std::ssize(out.prompt), common.end());
    out.token = {*split.first, *split.second};
    return out;
}

TokenizedPrompts tokenize(const Tokenizer& tokenizer, const PreferenceData& data,
                          const PromptFormat& format) {
    TokenizedPrompts out;
    out.name = data.name;
    out.format = format;
    out.tokenizer_hash = tokenizer.hash();
    out.data_hash = data.hash;
    at_line(data, data.lines.front(), [&] { out.pair = find_pair(tokenizer, data, format); });
    for (const Preference& line : data.lines)
        at_line(data, line, [&] { add_line(tokenizer, line, format, out); });
    return out;
}

std::size_t TokenizedPrompts::longest() const {
    std::size_t most = 0;
    for (const auto& prompt : prompts) most = std::max(most, prompt.size());
    return most;
}

std::string TokenizedPrompts::hash() const {
    std::string all = std::to_string(pair.token[0]) + " " + std::to_string(pair.token[1]) + "\n";
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        for (const Token id : prompts[i]) all += std::to_string(id) + " ";
        all += std::to_string(int{label[i]}) + "\n";
    }
    return content_hash(all);
}

}  // namespace prefdyn::text
