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

Json JsonLines::parse() const {
    if (number_ == 1 && line_.starts_with("\x1F\x8B"))
        throw InputError(place() + ": the file is compressed", "unpack it first: gunzip FILE");
    if (line_.ends_with('\r'))
        throw InputError(place() + ": ends with a carriage return (CRLF)",
                         "convert the file to plain newlines");
    if (line_.find_first_not_of(" \t") == line_.npos) throw InputError(place() + ": is blank");
    try {
        return parse_json(line_, place(), {line_.size(), 8, 1000}, TextPart::kLine);
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
    return parse();
}

}  // namespace prefdyn::text
