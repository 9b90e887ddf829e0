#pragma once
// A file of one JSON object a line, read line by line; every error names file and line. A byte
// order mark in front, carriage returns before newlines and blank lines at the end are skipped.

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>

#include "sim/lm/text/json_input.hpp"

namespace prefdyn::text {

struct LineLimits {
    std::size_t line_bytes = std::size_t{1} << 26;
    std::size_t lines = 10'000'000;
};

class JsonLines {
  public:
    /// `path` is used in messages. The stream must outlive this.
    JsonLines(std::istream& in, std::string path, const LineLimits& limits = {});

    /// The value of the next line; nothing at the end of the file. Throws InputError for a line
    /// that is blank with others behind it, too long or no JSON, and for files of another form,
    /// which it names.
    std::optional<Json> next();

    /// Of the line that next() gave last, from 1.
    std::size_t number() const { return number_; }
    /// "PATH, line N".
    std::string place() const { return path_ + ", line " + std::to_string(number_); }

  private:
    bool read_line();
    void require_form() const;
    bool is_blank() const { return line_.find_first_not_of(" \t\r") == line_.npos; }
    void require_end();
    Json parse() const;

    std::istream& in_;
    std::string path_;
    LineLimits limits_;
    std::string line_;
    std::size_t number_ = 0;
    bool newline_ = false;  ///< the line ended with one
};

}  // namespace prefdyn::text
