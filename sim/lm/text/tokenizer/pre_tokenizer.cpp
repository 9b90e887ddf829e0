#include "sim/lm/text/tokenizer/pre_tokenizer.hpp"

#include <unicode/uchar.h>

#include <algorithm>
#include <cctype>

#include "sim/base/failure.hpp"
#include "sim/lm/text/tokenizer/bpe.hpp"
#include "sim/lm/text/tokenizer/byte_alphabet.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

namespace {

/// What ByteLevel with use_regex splits by.
constexpr const char* kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// In PCRE2's own language, as the tokenizers library defines the classes.
constexpr const char* kWord = R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}])";
constexpr const char* kSpace =
    R"([\x09-\x0D\x20\x85\xA0\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}])";
constexpr const char* kMark = "\u2581";

SplitBehavior behavior_of(const Json& description, const std::string& place) {
    static const std::vector<std::string> names = {"Removed", "Isolated", "MergedWithPrevious",
                                                   "MergedWithNext", "Contiguous"};
    const std::string& name = text_member(description, "behavior", place);
    for (std::size_t k = 0; k < names.size(); ++k)
        if (names[k] == name) return static_cast<SplitBehavior>(k);
    throw InputError(place + ": behavior " + in_quotes(name) +
                         " is not known, known are Removed, Isolated, MergedWithPrevious, "
                         "MergedWithNext and Contiguous",
                     kElsewhere);
}

/// What the tokenizers library takes for punctuation: ASCII's, and the class as Unicode 8 had it.
bool is_punctuation(char32_t c) {
    if (c < 0x80) return std::ispunct(static_cast<int>(c)) != 0;
    if (c == 0x166D || c == 0x111C9) return true;  // moved to other classes since
    UVersionInfo age{};
    u_charAge(static_cast<UChar32>(c), age);
    return u_ispunct(static_cast<UChar32>(c)) != 0 && age[0] <= 8;
}

/// Every punctuation character by itself, and what lies between.
std::vector<Part> punctuation_parts(std::string_view text) {
    std::vector<Part> out;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t from = at;
        const bool mark = is_punctuation(next_code_point(text, at));
        const std::string_view character = text.substr(from, at - from);
        if (mark || out.empty() || out.back().matched)
            out.push_back({character, mark});
        else
            out.back().text = {out.back().text.data(), out.back().text.size() + character.size()};
    }
    return out;
}

void replace_spaces(std::string& text) {
    std::string out;
    for (const char c : text)
        if (c == ' ')
            out += kMark;
        else
            out += c;
    text = std::move(out);
}

}  // namespace

std::vector<std::string_view> split(const std::vector<Part>& parts, SplitBehavior behavior) {
    std::vector<std::string_view> out;
    const auto joined = [](std::string_view a, std::string_view b) {
        return std::string_view(a.data(), a.size() + b.size());
    };
    const bool next = behavior == SplitBehavior::kMergedWithNext;
    bool before = false;  // whether the part before matched; for kMergedWithNext the one behind
    for (std::size_t k = 0; k < parts.size(); ++k) {
        const Part& part = parts[next ? parts.size() - 1 - k : k];
        const bool merges =
            (behavior == SplitBehavior::kContiguous && part.matched == before) ||
            ((behavior == SplitBehavior::kMergedWithPrevious || next) && part.matched && !before);
        if (merges && !out.empty())
            out.back() = next ? joined(part.text, out.back()) : joined(out.back(), part.text);
        else if (behavior != SplitBehavior::kRemoved || !part.matched)
            out.push_back(part.text);
        before = part.matched;
    }
    if (next) std::reverse(out.begin(), out.end());
    return out;
}

PreTokenizer::PreTokenizer(const Json* description, const std::string& place) {
    if (description) read(*description, place);
}

void PreTokenizer::add_pattern(const char* pattern, SplitBehavior behavior,
                               const std::string& place) {
    Stage stage;
    stage.pattern = std::make_shared<SplitPattern>(SplitPattern::native(pattern, place));
    stage.behavior = behavior;
    stages_.push_back(std::move(stage));
}

void PreTokenizer::read(const Json& description, const std::string& place) {
    const std::string& type = text_member(description, "type", place);
    if (type == "Sequence") {
        const Json& steps = member(description, "pretokenizers", place);
        require_array(steps, place + "/pretokenizers");
        for (const Json& step : steps) read(step, place + "/pretokenizers");
    } else if (type == "Split") {
        read_split(description, place);
    } else if (type == "Digits") {
        const bool each = flag_member(description, "individual_digits", false, place);
        add_pattern("\\p{N}", each ? SplitBehavior::kIsolated : SplitBehavior::kContiguous, place);
    } else if (type == "Punctuation") {
        Stage stage;
        stage.kind = Stage::Kind::kPunctuation;
        if (find_member(description, "behavior", place))
            stage.behavior = behavior_of(description, place);
        stages_.push_back(std::move(stage));
    } else if (type == "Whitespace") {
        const std::string word = kWord, space = kSpace;
        const std::string other = "[^" + word.substr(1, word.size() - 2) + space.substr(1);
        add_pattern((word + "+|" + other + "+").c_str(), SplitBehavior::kRemoved, place);
        stages_.back().invert = true;
    } else if (type == "WhitespaceSplit") {
        add_pattern(kSpace, SplitBehavior::kRemoved, place);
    } else if (type == "BertPreTokenizer") {
        add_pattern(kSpace, SplitBehavior::kRemoved, place);
        stages_.emplace_back().kind = Stage::Kind::kPunctuation;
    } else if (type == "ByteLevel") {
        read_byte_level(description, place);
    } else if (type == "Metaspace") {
        read_metaspace(description, place);
    } else {
        throw InputError(place + ": pre-tokeniser " + in_quotes(type) +
                             " is not known, known are BertPreTokenizer, ByteLevel, Digits, "
                             "Metaspace, Punctuation, Sequence, Split, Whitespace and "
                             "WhitespaceSplit",
                         kElsewhere);
    }
}

void PreTokenizer::read_split(const Json& description, const std::string& place) {
    Stage stage;
    stage.pattern = read_pattern(description, place);
    stage.behavior = behavior_of(description, place);
    stage.invert = flag_member(description, "invert", false, place);
    stages_.push_back(std::move(stage));
}

void PreTokenizer::read_byte_level(const Json& description, const std::string& place) {
    if (byte_level_) throw InputError(place + ": ByteLevel comes twice", kElsewhere);
    byte_level_ = true;
    Stage stage;
    stage.kind = Stage::Kind::kByteLevel;
    stage.prefix = flag_member(description, "add_prefix_space", true, place);
    if (flag_member(description, "use_regex", true, place))
        stage.pattern = std::make_shared<SplitPattern>(kByteLevelPattern, place);
    stages_.push_back(std::move(stage));
}

void PreTokenizer::read_metaspace(const Json& description, const std::string& place) {
    if (text_member(description, "replacement", place) != kMark)
        throw InputError(place + "/replacement: is " +
                             in_quotes(text_member(description, "replacement", place)) +
                             ", known is " + in_quotes(kMark),
                         kElsewhere);
    metaspace_ = true;
    Stage stage;
    stage.kind = Stage::Kind::kMetaspace;
    std::string scheme =
        flag_member(description, "add_prefix_space", true, place) ? "always" : "never";
    if (find_member(description, "prepend_scheme", place))
        scheme = text_member(description, "prepend_scheme", place);
    if (scheme != "always" && scheme != "first" && scheme != "never")
        throw InputError(place + "/prepend_scheme: is " + in_quotes(scheme) +
                             ", known are always, first and never",
                         kElsewhere);
    stage.prefix = scheme == "always";
    stage.prefix_first = scheme == "first";
    stage.behavior = SplitBehavior::kMergedWithNext;
    if (flag_member(description, "split", true, place))
        stage.pattern = std::make_shared<SplitPattern>(SplitPattern::native(kMark, place));
    stages_.push_back(std::move(stage));
}

void PreTokenizer::apply(const Stage& stage, const Piece& piece, std::vector<Piece>& out) {
    std::string text = piece.text;
    const bool bytes = stage.kind == Stage::Kind::kByteLevel;
    if (stage.kind == Stage::Kind::kMetaspace) replace_spaces(text);
    const std::string space = bytes ? " " : kMark;
    if ((stage.prefix || (stage.prefix_first && piece.begins)) && !text.starts_with(space))
        text.insert(0, space);
    std::vector<Part> parts = {{text, false}};
    if (stage.pattern) parts = stage.pattern->parts(text);
    if (stage.kind == Stage::Kind::kPunctuation) parts = punctuation_parts(text);
    if (stage.invert)
        for (Part& part : parts) part.matched = !part.matched;
    for (const auto part : text::split(parts, stage.behavior))
        out.push_back({bytes ? spell_bytes(part) : std::string(part),
                       piece.begins && part.data() == text.data()});
}

std::vector<std::string> PreTokenizer::split(std::string_view text, bool begins) const {
    std::vector<Piece> pieces;
    if (!text.empty()) pieces.push_back({std::string(text), begins});
    for (const Stage& stage : stages_) {
        std::vector<Piece> next;
        for (const Piece& piece : pieces) apply(stage, piece, next);
        pieces = std::move(next);
    }
    std::vector<std::string> out;
    for (Piece& piece : pieces) out.push_back(std::move(piece.text));
    return out;
}

}  // namespace prefdyn::text
