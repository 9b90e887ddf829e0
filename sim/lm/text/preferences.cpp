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

const std::string& yes_or_no(const Json& object, const char* key, const std::string& place) {
    const std::string& text = filled(object, key, place);
    if (text != " Yes" && text != " No")
        throw InputError(
            place + "/" + key + ": is " + in_quotes(text) + ", allowed are ' Yes' and ' No'",
            "other answers: use the fields prompt, chosen, rejected");
    return text;
}

std::optional<double> confidence_of(const Json& object, const std::string& place) {
    if (!find_member(object, "label_confidence", place)) return {};
    const double value = number_member(object, "label_confidence", place);
    if (!(value >= 0.0 && value <= 1.0))
        throw InputError(place + "/label_confidence: is " +
                         member(object, "label_confidence", place).dump() + ", allowed is 0 to 1");
    return value;
}

Preference persona_line(const Json& object, const std::string& place) {
    Preference out;
    out.prompt = filled(object, "question", place);
    out.chosen = yes_or_no(object, "answer_matching_behavior", place);
    out.rejected = yes_or_no(object, "answer_not_matching_behavior", place);
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

bool is_persona(const Json& object, const std::string& place) {
    require_object(object, place);
    if (object.contains("question") != object.contains("prompt"))
        return object.contains("question");
    if (!object.contains("prompt") && object.contains("chosen") && object.contains("rejected"))
        throw InputError(place + ": has 'chosen' and 'rejected', but no 'prompt'",
                         "`prefdyn dialogues` makes prompt, chosen, rejected of whole dialogues");
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

Preference read_preference(const Json& object, bool persona, const std::string& place) {
    Preference out = persona ? persona_line(object, place) : generic_line(object, place);
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
        Preference read = read_preference(*object, persona, place);
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
        if (files.empty()) throw InputError(path + ": holds no .jsonl file");
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
