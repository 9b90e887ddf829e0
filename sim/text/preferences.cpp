#include "sim/text/preferences.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <istream>

#include "sim/content_hash.hpp"
#include "sim/error.hpp"
#include "sim/text/json_input.hpp"
#include "sim/text/text_file.hpp"
#include "sim/text/utf8.hpp"

namespace prefdyn::text {

namespace {

enum class LineEnd { kNewline, kEndOfFile };

/// One line without its newline; nothing at the end of the file.
std::optional<LineEnd> next_line(std::istream& in, std::string& line, std::size_t limit,
                                 const std::string& place) {
    line.clear();
    for (int c = in.get(); in; c = in.get()) {
        if (c == '\n') return LineEnd::kNewline;
        if (line.size() == limit)
            throw InputError(place + ": longer than " + std::to_string(limit) + " bytes",
                             "expected one JSON object a line");
        line += static_cast<char>(c);
    }
    if (in.bad()) throw InputError(place + ": cannot be read");
    if (line.empty()) return std::nullopt;
    return LineEnd::kEndOfFile;
}

const std::string& filled(const Json& object, const char* key, const std::string& place) {
    const std::string& text = text_member(object, key, place);
    if (text.empty()) throw InputError(place + "/" + key + ": is empty");
    if (text.find('\0') != text.npos)
        throw InputError(place + "/" + key + ": " + in_quotes(text) +
                         " holds the character U+0000");
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

Preference persona_line(const Json& object, const std::string& place) {
    Preference out;
    out.prompt = filled(object, "question", place);
    out.chosen = yes_or_no(object, "answer_matching_behavior", place);
    out.rejected = yes_or_no(object, "answer_not_matching_behavior", place);
    if (find_member(object, "statement", place)) text_member(object, "statement", place);
    if (!find_member(object, "label_confidence", place)) return out;
    out.confidence = number_member(object, "label_confidence", place);
    if (!(*out.confidence >= 0.0 && *out.confidence <= 1.0))
        throw InputError(place + "/label_confidence: is " +
                         member(object, "label_confidence", place).dump() + ", allowed is 0 to 1");
    return out;
}

Preference generic_line(const Json& object, const std::string& place) {
    Preference out;
    out.prompt = filled(object, "prompt", place);
    out.chosen = filled(object, "chosen", place);
    out.rejected = filled(object, "rejected", place);
    return out;
}

bool is_persona(const Json& object, const std::string& place) {
    require_object(object, place);
    if (object.contains("question") != object.contains("prompt"))
        return object.contains("question");
    throw InputError(place + ": has " +
                         (object.contains("prompt") ? "both 'question' and 'prompt'"
                                                    : "neither 'question' nor 'prompt'"),
                     "expected the fields question, answer_matching_behavior, "
                     "answer_not_matching_behavior, or prompt, chosen, rejected");
}

Json parse_line(const std::string& line, LineEnd end, const std::string& place) {
    if (line.ends_with('\r'))
        throw InputError(place + ": ends with a carriage return (CRLF)",
                         "convert the file to plain newlines");
    if (line.find_first_not_of(" \t") == line.npos) throw InputError(place + ": is blank");
    try {
        return parse_json(line, place, {line.size(), 8, 1000});
    } catch (const InputError& error) {
        if (end == LineEnd::kNewline) throw;
        throw InputError(error.what(), "the last line has no newline: the file may be truncated");
    }
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
        throw InputError(place + ": both answers are " + in_quotes(out.chosen));
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
    std::string line;
    for (std::size_t number = 1;; ++number) {
        const std::string place = path + ", line " + std::to_string(number);
        const auto end = next_line(in, line, options.limits.line_bytes, place);
        if (!end) break;
        if (number > options.limits.lines)
            throw InputError(place + ": more than " + std::to_string(options.limits.lines) +
                             " lines");
        const Json object = parse_line(line, *end, place);
        const bool persona = is_persona(object, place);
        if (number == 1) data.persona = persona;
        if (persona != data.persona)
            throw InputError(place + ": has other fields than line 1",
                             "keep one form of data in a file");
        Preference read = read_preference(object, persona, place);
        read.line = number;
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
