#include "sim/transformer/json_reader.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

#include "sim/error.hpp"

namespace prefdyn::transformer {

namespace {

using nlohmann::json;

/// Follows the events of the parser without keeping values; stops at the first fault.
class Guard : public nlohmann::json_sax<json> {
  public:
    Guard(const std::string& place, std::size_t depth) : place_(place), limit_(depth) {}
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return enter(); }
    bool start_array(std::size_t) override { return enter(); }
    bool end_object() override { return leave(); }
    bool end_array() override { return leave(); }
    bool key(string_t& name) override {
        if (keys_.back().insert(name).second) return true;
        throw InputError(place_ + ": key " + shown(json(name)) + " occurs twice in one object",
                         "which of the two is meant is not for a reader to guess");
    }
    bool parse_error(std::size_t at, const std::string&,
                     const nlohmann::detail::exception&) override {
        throw InputError(place_ + ": no valid JSON at byte " + std::to_string(at),
                         "the file may be truncated or of another kind");
    }

  private:
    bool enter() {
        keys_.emplace_back();
        if (keys_.size() <= limit_) return true;
        throw InputError(place_ + ": JSON nested more than " + std::to_string(limit_) + " deep");
    }
    bool leave() {
        keys_.pop_back();
        return true;
    }
    const std::string& place_;
    std::size_t limit_;
    std::vector<std::set<std::string>> keys_;
};

}  // namespace

json parse_json(std::string_view text, const std::string& place, const JsonLimits& limits) {
    if (text.size() > limits.bytes)
        throw InputError(place + ": " + std::to_string(text.size()) + " bytes of JSON, at most " +
                         std::to_string(limits.bytes) + " are read");
    Guard guard(place, limits.depth);
    json::sax_parse(text, &guard);
    return json::parse(text);
}

std::string read_text(const std::string& path, std::size_t limit) {
    std::error_code failed;
    if (!std::filesystem::is_regular_file(path, failed))
        throw InputError(path + ": is no regular file", "check the path");
    const auto bytes = std::filesystem::file_size(path, failed);
    if (failed || bytes > limit)
        throw InputError(path + ": " + std::to_string(bytes) + " bytes, at most " +
                         std::to_string(limit) + " are read");
    std::string text(bytes, '\0');
    std::ifstream in(path, std::ios::binary);
    in.read(text.data(), static_cast<std::streamsize>(bytes));
    if (!in) throw InputError(path + ": cannot be read");
    return text;
}

std::string shown(const json& value) {
    std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
    if (text.size() > 80) text = text.substr(0, 77) + "...";
    return text;
}

}  // namespace prefdyn::transformer
