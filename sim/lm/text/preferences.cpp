#include "sim/lm/text/preferences.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <istream>

#include "sim/base/content_hash.hpp"
#include "sim/lm/text/text_file.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

const std::string& filled(const Json& object, const char* key, const std::string& place) {
    const std::string& text = plain_member(object, key, place);
    if (text.empty())
        throw InputError(place + "/" + key + ": is empty", "leave such lines out of the file");
    return text;
}

/// The answers that evaluations ask for, the first of label +1; a space may stand before both.
constexpr std::array<std::array<std::string_view, 2>, 2> kAnswers = {
    {{"Yes", "No"}, {"(A)", "(B)"}}};

/// The pair that `text` belongs to, as the data spells it.
std::array<std::string, 2> answers_with(const std::string& text, const std::string& place) {
    const std::string space = text.starts_with(' ') ? " " : "";
    for (const auto& pair : kAnswers)
        for (const std::string_view each : pair)
            if (text == space + std::string(each))
                return {space + std::string(pair[0]), space + std::string(pair[1])};
    throw InputError(place + ": is " + in_quotes(text) +
                         ", allowed are Yes and No, or (A) and (B), with or without a space before",
                     "other answers: use the fields prompt, chosen, rejected");
}

std::optional<double> confidence_of(const Json& object, const std::string& place) {
    if (!find_member(object, "label_confidence", place)) return {};
    const double value = number_member(object, "label_confidence", place);
    if (!(value >= 0.0 && value <= 1.0))
        throw InputError(place + "/label_confidence: is " +
                         member(object, "label_confidence", place).dump() + ", allowed is 0 to 1");
    return value;
}

Preference persona_line(const Json& object, std::array<std::string, 2>& answers,
                        const std::string& place) {
    Preference out;
    out.prompt = filled(object, "question", place);
    out.chosen = filled(object, "answer_matching_behavior", place);
    out.rejected = filled(object, "answer_not_matching_behavior", place);
    if (answers[0].empty()) answers = answers_with(out.chosen, place + "/answer_matching_behavior");
    for (const std::string* text : {&out.chosen, &out.rejected})
        if (*text != answers[0] && *text != answers[1])
            throw InputError(place +
                                 (text == &out.chosen ? "/answer_matching_behavior"
                                                      : "/answer_not_matching_behavior") +
                                 ": is " + in_quotes(*text) + ", allowed are " +
                                 in_quotes(answers[0]) + " and " + in_quotes(answers[1]),
                             "other answers: use the fields prompt, chosen, rejected");
    if (find_member(object, "statement", place)) text_member(object, "statement", place);
    out.confidence = confidence_of(object, place);
    return out;
}

Preference generic_line(const Json& object, const std::string& place) {
    Preference out;
    out.prompt = filled(object, "prompt", place);
    out.chosen = filled(object, "chosen", place);
    out.rejected = filled(object, "rejected", place);
    out.confidence = confidence_of(object, place);
    return out;
}

/// Forms in use that are not read, by their fields.
void require_no_other_form(const Json& object, const std::string& place) {
    const auto has = [&](const char* key) { return object.contains(key); };
    const auto refuse = [&](const char* form, const char* hint) {
        throw InputError(place + ": this is " + form, hint);
    };
    constexpr const char* kRender =
        "`python3 -m prefdyn.data FILE --out pairs.jsonl --model DIR` writes it with the model's "
        "chat template, `prefdyn dialogues FILE --out pairs.jsonl` as turns of Human and Assistant";
    for (const char* key : {"prompt", "chosen", "rejected"})
        if (has(key) && object[key].is_array())
            refuse("conversational data: lists of messages with role and content", kRender);
    if (has("instruction") && has("chosen"))
        refuse("the form of Alpaca: instruction, input, chosen, rejected", kRender);
    if (has("question") && has("chosen"))
        refuse("the form of Orca pairs: system, question, chosen, rejected", kRender);
    if (has("conversations"))
        refuse("the form of ShareGPT: conversations",
               "write it as lines with prompt, chosen, rejected");
    if (has("completion") && has("label"))
        refuse("unpaired preference data: prompt, completion, label",
               "preference losses need pairs: prompt, chosen, rejected");
}

bool is_persona(const Json& object, const std::string& place) {
    require_object(object, place);
    require_no_other_form(object, place);
    if (object.contains("question") != object.contains("prompt"))
        return object.contains("question");
    if (!object.contains("prompt") && object.contains("chosen") && object.contains("rejected"))
        throw InputError(place + ": has 'chosen' and 'rejected', but no 'prompt'",
                         "`prefdyn dialogues` makes prompt, chosen, rejected of whole dialogues, "
                         "`python3 -m prefdyn.data` also of texts that share a beginning");
    throw InputError(place + ": has " +
                         (object.contains("prompt") ? "both 'question' and 'prompt'"
                                                    : "neither 'question' nor 'prompt'"),
                     "expected the fields question, answer_matching_behavior, "
                     "answer_not_matching_behavior, or prompt, chosen, rejected");
}

std::string hash_of(const std::vector<Preference>& lines) {
    std::string all;
    for (const Preference& line : lines)
        for (const std::string* text : {&line.prompt, &line.chosen, &line.rejected})
            all += content_hash(*text);
    return content_hash(all);
}

Preference read_preference(const Json& object, PreferenceData& data, const std::string& place) {
    Preference out =
        data.persona ? persona_line(object, data.answers, place) : generic_line(object, place);
    if (out.chosen == out.rejected)
        throw InputError(place + ": both answers are " + in_quotes(out.chosen),
                         "they say nothing; leave such lines out of the file");
    return out;
}

bool passes(const Preference& line, double min_confidence, const std::string& place) {
    if (!(min_confidence > 0.0)) return true;
    if (!line.confidence)
        throw InputError(place + ": has no label_confidence to filter by", "leave the filter out");
    return *line.confidence >= min_confidence;
}

/// A folder without .jsonl files.
[[noreturn]] void refuse_folder(const std::string& path) {
    namespace fs = std::filesystem;
    constexpr const char* kTable =
        "`python3 -m prefdyn.data FOLDER --out pairs.jsonl` writes it as JSON lines";
    const auto has = [&](const char* name) { return fs::exists(fs::path(path) / name); };
    if (has("dataset_info.json") || has("dataset_dict.json"))
        throw InputError(path + ": this is a dataset that save_to_disk wrote", kTable);
    for (const auto& entry : fs::directory_iterator(path))
        if (const auto kind = entry.path().extension(); kind == ".parquet" || kind == ".arrow")
            throw InputError(path + ": this is a folder of " + kind.string().substr(1) + " files",
                             kTable);
    throw InputError(path + ": holds no .jsonl file");
}

}  // namespace

PreferenceData parse_preferences(std::istream& in, const std::string& path,
                                 const PreferenceOptions& options) {
    PreferenceData data;
    data.path = path;
    data.name = std::filesystem::path(path).stem().string();
    JsonLines lines(in, path, options.limits);
    while (const auto object = lines.next()) {
        const std::string place = lines.place();
        const bool persona = is_persona(*object, place);
        if (lines.number() == 1) data.persona = persona;
        if (persona != data.persona)
            throw InputError(place + ": has other fields than line 1",
                             "keep one form of data in a file");
        Preference read = read_preference(*object, data, place);
        read.line = lines.number();
        if (passes(read, options.min_confidence, place))
            data.lines.push_back(std::move(read));
        else
            ++data.filtered;
    }
    if (data.lines.empty())
        throw InputError(
            path + ": no preference is left" +
            (data.filtered ? " of " + std::to_string(data.filtered) + ", the filter drops every one"
                           : ", the file is empty"));
    data.hash = hash_of(data.lines);
    return data;
}

std::vector<PreferenceData> read_preferences(const std::string& path,
                                             const PreferenceOptions& options) {
    namespace fs = std::filesystem;
    std::vector<std::string> files;
    if (fs::is_directory(path)) {
        for (const auto& entry : fs::directory_iterator(path))
            if (entry.path().extension() == ".jsonl") files.push_back(entry.path().string());
        if (files.empty()) refuse_folder(path);
        std::sort(files.begin(), files.end());
    } else {
        files.push_back(path);
    }
    std::vector<PreferenceData> out;
    for (const std::string& file : files) {
        require_regular_file(file);
        std::ifstream in(file, std::ios::binary);
        if (!in) throw InputError(file + ": cannot be read");
        out.push_back(parse_preferences(in, file, options));
    }
    return out;
}

}  // namespace prefdyn::text
