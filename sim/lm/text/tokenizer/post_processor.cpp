#include "sim/lm/text/tokenizer/post_processor.hpp"

#include "sim/base/failure.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

/// The id of the special token in one step of a template.
Token template_token(const Json& processor, const std::string& name, const Tokenizer& tokenizer,
                     const std::string& place) {
    const std::string table = place + "/special_tokens";
    const Json& ids = member(member(member(processor, "special_tokens", place), name, table), "ids",
                             table + "/" + name);
    require_array(ids, table + "/" + name + "/ids");
    if (ids.size() != 1)
        throw InputError(table + "/" + name + ": has " + std::to_string(ids.size()) +
                         " ids, expected 1");
    const auto id = static_cast<Token>(
        integer_value(ids[0], 0, tokenizer.size() - 1, table + "/" + name + "/ids/0"));
    if (tokenizer.find(name) != id)
        throw InputError(table + "/" + name + ": id " + std::to_string(id) + " is " +
                         in_quotes(tokenizer.piece(id)) + " in the vocabulary");
    return id;
}

std::optional<Token> read_template(const Json& processor, const Tokenizer& tokenizer,
                                   const std::string& place) {
    const Json& steps = member(processor, "single", place);
    require_array(steps, place + "/single");
    std::optional<Token> first;
    for (std::size_t k = 0; k < steps.size(); ++k) {
        const std::string here = place + "/single/" + std::to_string(k);
        if (find_member(steps[k], "Sequence", here)) return first;
        if (first) throw InputError(here + ": more than one token in front of the text");
        const Json& special = member(steps[k], "SpecialToken", here);
        first = template_token(processor, text_member(special, "id", here + "/SpecialToken"),
                               tokenizer, place);
    }
    throw InputError(place + "/single: has no text (Sequence A)");
}

/// The "cls" of a processor that puts it first and "sep" last: [name, id].
Token first_of_two(const Json& processor, const Tokenizer& tokenizer, const std::string& place) {
    const Json& pair = member(processor, "cls", place);
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string())
        throw InputError(place + "/cls: is " + shown(pair) + ", expected a name and its id");
    const auto id =
        static_cast<Token>(integer_value(pair[1], 0, tokenizer.size() - 1, place + "/cls/1"));
    if (tokenizer.find(pair[0].get<std::string>()) != id)
        throw InputError(place + "/cls: id " + std::to_string(id) + " is " +
                         in_quotes(tokenizer.piece(id)) + " in the vocabulary");
    return id;
}

}  // namespace

std::optional<Token> read_post_processor(const Json* description, const Tokenizer& tokenizer,
                                         const std::string& place) {
    if (!description) return std::nullopt;
    const std::string& type = text_member(*description, "type", place);
    if (type == "ByteLevel") return std::nullopt;
    if (type == "TemplateProcessing") return read_template(*description, tokenizer, place);
    if (type == "RobertaProcessing" || type == "BertProcessing")
        return first_of_two(*description, tokenizer, place);
    if (type != "Sequence")
        throw InputError(place + ": post-processor " + in_quotes(type) +
                             " is not known, known are ByteLevel, TemplateProcessing, "
                             "RobertaProcessing, BertProcessing and Sequence",
                         kElsewhere);
    const Json& steps = member(*description, "processors", place);
    require_array(steps, place + "/processors");
    std::optional<Token> first;
    for (const Json& step : steps)
        if (const auto token = read_post_processor(&step, tokenizer, place + "/processors")) {
            if (first) throw InputError(place + ": two templates put a token in front of the text");
            first = token;
        }
    return first;
}

}  // namespace prefdyn::text
