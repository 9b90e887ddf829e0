#include "sim/lm/text/json_input.hpp"

#include <vector>

#include "sim/base/failure.hpp"
#include "sim/lm/text/text_file.hpp"

namespace prefdyn::text {

namespace {

/// Builds the document while it is parsed, so that a limit stops the parser where it is passed.
class Builder {
  public:
    Builder(std::string_view text, const std::string& place, const JsonLimits& limits,
            TextPart part)
        : text_(text), place_(place), limits_(limits), part_(part) {}

    bool null() { return add(nullptr); }
    bool boolean(bool value) { return add(value); }
    bool number_integer(Json::number_integer_t value) { return add(value); }
    bool number_unsigned(Json::number_unsigned_t value) { return add(value); }
    bool number_float(Json::number_float_t value, const std::string&) { return add(value); }
    bool string(std::string& value) { return add(std::move(value)); }
    bool binary(Json::binary_t&) { return false; }
    bool start_object(std::size_t) { return open(Json::object()); }
    bool start_array(std::size_t) { return open(Json::array()); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }

    bool key(std::string& name) {
        if (open_.back()->contains(name))
            throw InputError(here() + ": key " + in_quotes(name) + " is given twice",
                             "keep one of them: programs disagree on which one counts");
        keys_.back() = std::move(name);
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const Json::exception& error) {
        std::string why = error.what();
        why.erase(0, why.find("] ") + 2);
        if (const auto at = why.find("; last read: "); at != why.npos) why.erase(at);
        if (const auto at = why.find(": syntax error"); at != why.npos) why.erase(0, at + 2);
        throw InputError(place_ + ", " + place_of(text_, position > 0 ? position - 1 : 0, part_) +
                             ": not valid JSON: " + in_quotes(why, 120),
                         position >= text_.size() ? "the file may be truncated" : "");
    }

    Json take() { return std::move(root_); }

  private:
    Json* insert(Json value) {
        if (++count_ > limits_.values)
            throw InputError(here() + ": more than " + std::to_string(limits_.values) +
                             " values in the document");
        if (open_.empty()) return &(root_ = std::move(value));
        Json& parent = *open_.back();
        if (parent.is_object()) return &(parent[keys_.back()] = std::move(value));
        parent.push_back(std::move(value));
        return &parent.back();
    }
    bool add(Json value) { return insert(std::move(value)), true; }

    bool open(Json value) {
        if (open_.size() == limits_.depth)
            throw InputError(here() + ": nested deeper than " + std::to_string(limits_.depth) +
                             " levels");
        open_.push_back(insert(std::move(value)));
        keys_.emplace_back();
        return true;
    }
    bool close() { return open_.pop_back(), keys_.pop_back(), true; }

    std::string here() const {
        std::string path;
        for (std::size_t k = 0; k < open_.size(); ++k) {
            std::string step = open_[k]->is_array() ? std::to_string(open_[k]->size()) : keys_[k];
            if (k + 1 < open_.size() && open_[k]->is_array())
                step = std::to_string(open_[k]->size() - 1);
            path += "/" + step;
        }
        return place_ + ", at " + in_quotes(path.empty() ? "/" : path, 200);
    }

    std::string_view text_;
    const std::string& place_;
    const JsonLimits& limits_;
    TextPart part_;
    Json root_;
    std::vector<Json*> open_;
    std::vector<std::string> keys_;
    std::size_t count_ = 0;
};

std::string kind(const Json& value) { return value.type_name(); }

[[noreturn]] void wrong_type(const std::string& place, const std::string& expected,
                             const Json& value) {
    std::string shown;
    if (value.is_primitive()) shown.append(" ").append(in_quotes(value.dump()));
    throw InputError(place + ": is " + kind(value) + shown + ", expected " + expected);
}

}  // namespace

Json parse_json(std::string_view text, const std::string& place, const JsonLimits& limits,
                TextPart part) {
    if (text.size() > limits.bytes)
        throw InputError(place + ": has " + std::to_string(text.size()) + " bytes, at most " +
                         std::to_string(limits.bytes) + " are read");
    require_plain_utf8(text, place, part);
    Builder builder(text, place, limits, part);
    Json::sax_parse(text.begin(), text.end(), &builder);
    return builder.take();
}

Json read_json(const std::string& path, const JsonLimits& limits) {
    return parse_json(read_file(path, limits.bytes), path, limits);
}

std::string shown(const Json& value) {
    std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
    if (text.size() > 80) text = text.substr(0, 77) + "...";
    return text;
}

void require_object(const Json& value, const std::string& place) {
    if (!value.is_object()) wrong_type(place, "an object", value);
}

void require_array(const Json& value, const std::string& place) {
    if (!value.is_array()) wrong_type(place, "an array", value);
}

const Json* find_member(const Json& object, const std::string& key, const std::string& place) {
    require_object(object, place);
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

const Json& member(const Json& object, const std::string& key, const std::string& place) {
    if (const Json* found = find_member(object, key, place)) return *found;
    throw InputError(place + ": '" + key + "' is missing");
}

const std::string& text_member(const Json& object, const std::string& key,
                               const std::string& place) {
    const Json& value = member(object, key, place);
    if (!value.is_string()) wrong_type(place + "/" + key, "a string", value);
    return value.get_ref<const std::string&>();
}

const std::string& plain_member(const Json& object, const std::string& key,
                                const std::string& place) {
    const std::string& text = text_member(object, key, place);
    if (text.find('\0') != text.npos)
        throw InputError(place + "/" + key + ": " + in_quotes(text) +
                         " holds the character U+0000");
    return text;
}

double number_member(const Json& object, const std::string& key, const std::string& place) {
    const Json& value = member(object, key, place);
    if (!value.is_number()) wrong_type(place + "/" + key, "a number", value);
    return value.get<double>();
}

std::int64_t integer_value(const Json& value, std::int64_t low, std::int64_t high,
                           const std::string& place) {
    const std::string range =
        "an integer in [" + std::to_string(low) + ", " + std::to_string(high) + "]";
    if (!value.is_number_integer()) wrong_type(place, range, value);
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX})
        wrong_type(place, range, value);
    const auto number = value.get<std::int64_t>();
    if (number < low || number > high) wrong_type(place, range, value);
    return number;
}

std::int64_t integer_member(const Json& object, const std::string& key, std::int64_t low,
                            std::int64_t high, const std::string& place) {
    return integer_value(member(object, key, place), low, high, place + "/" + key);
}

bool flag_member(const Json& object, const std::string& key, bool fallback,
                 const std::string& place) {
    const Json* value = find_member(object, key, place);
    if (!value) return fallback;
    if (!value->is_boolean()) wrong_type(place + "/" + key, "true or false", *value);
    return value->get<bool>();
}

}  // namespace prefdyn::text
