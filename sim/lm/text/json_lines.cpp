#include "sim/lm/text/json_lines.hpp"

#include <istream>

#include "sim/base/failure.hpp"

namespace prefdyn::text {

JsonLines::JsonLines(std::istream& in, std::string path, const LineLimits& limits)
    : in_(in), path_(std::move(path)), limits_(limits) {}

/// One line without its newline; false at the end of the file.
bool JsonLines::read_line() {
    line_.clear();
    newline_ = false;
    for (int c = in_.get(); in_; c = in_.get()) {
        if (c == '\n') return newline_ = true;
        if (line_.size() == limits_.line_bytes)
            throw InputError(
                place() + ": longer than " + std::to_string(limits_.line_bytes) + " bytes",
                "expected one JSON object a line");
        line_ += static_cast<char>(c);
    }
    if (in_.bad()) throw InputError(place() + ": cannot be read");
    return !line_.empty();
}

/// Known by its first bytes: what the file is instead, and what makes lines of it.
void JsonLines::require_form() const {
    struct Form {
        std::string_view start;
        const char *name, *hint;
    };
    using namespace std::string_view_literals;
    constexpr const char* kTable =
        "convert it (pip install ./analysis): python3 -m prefdyn.data FILE --out pairs.jsonl";
    static constexpr Form forms[] = {
        {"\x1F\x8B"sv, "compressed by gzip", "unpack it first: gunzip FILE"},
        {"\x28\xB5\x2F\xFD"sv, "compressed by zstd", "unpack it first: zstd -d FILE"},
        {"BZh"sv, "compressed by bzip2", "unpack it first: bunzip2 FILE"},
        {"\xFD"
         "7zXZ"sv,
         "compressed by xz", "unpack it first: unxz FILE"},
        {"PK\x03\x04"sv, "a zip archive", "unpack it first: unzip FILE"},
        {"PAR1"sv, "parquet", kTable},
        {"ARROW1"sv, "arrow", kTable},
        {"\xFF\xFF\xFF\xFF"sv, "a stream of arrow", kTable},
        {"\x89HDF"sv, "HDF5", "token ids in HDF5 are given with --tokens"},
        {"\xFF\xFE"sv, "UTF-16", "convert it: iconv -f UTF-16 -t UTF-8 FILE"},
        {"\xFE\xFF"sv, "UTF-16", "convert it: iconv -f UTF-16 -t UTF-8 FILE"}};
    for (const Form& form : forms)
        if (line_.starts_with(form.start))
            throw InputError(
                path_ + ": this is " + form.name + ", expected is one JSON object a line",
                form.hint);
    const auto first = line_.find_first_not_of(" \t\r");
    const auto second = first == line_.npos ? first : line_.find_first_not_of(" \t\r", first + 1);
    const bool opens = first != line_.npos && (line_[first] == '[' || line_[first] == '{');
    const bool array =
        opens && line_[first] == '[' && (second == line_.npos || line_[second] == '{');
    if (array || (opens && second == line_.npos))
        throw InputError(path_ + ": this is " +
                             (array ? "one JSON array" : "JSON over several lines") +
                             ", expected is one JSON object a line",
                         array ? "convert it: jq -c '.[]' FILE" : "convert it: jq -c . FILE");
}

/// Nothing but blank lines may follow a blank one.
void JsonLines::require_end() {
    const std::string blank = place();
    while (read_line())
        if (!is_blank()) throw InputError(blank + ": is blank", "lines with data follow it");
}

Json JsonLines::parse() const {
    try {
        return parse_json(line_, place(), {line_.size(), 64, std::size_t{1} << 20},
                          TextPart::kLine);
    } catch (const InputError& error) {
        if (newline_) throw;
        throw InputError(error.what(), "the last line has no newline: the file may be truncated");
    }
}

std::optional<Json> JsonLines::next() {
    ++number_;
    if (!read_line()) return std::nullopt;
    if (number_ > limits_.lines)
        throw InputError(place() + ": more than " + std::to_string(limits_.lines) + " lines");
    if (number_ == 1 && line_.starts_with("\xEF\xBB\xBF")) line_.erase(0, 3);
    if (number_ == 1) require_form();
    if (is_blank()) return require_end(), std::nullopt;
    if (line_.ends_with('\r')) line_.pop_back();
    return parse();
}

}  // namespace prefdyn::text
