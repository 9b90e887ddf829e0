#include "sim/lm/text/tokenizer/unigram_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/base/failure.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn::text {

UnigramModel::UnigramModel(const Json& description, const std::string& place) {
    constexpr double kPenalty = 10.0;  // of an unknown character, below the lowest score
    const Json& vocab = member(description, "vocab", place);
    const std::string here = place + "/vocab";
    require_array(vocab, here);
    if (vocab.empty()) throw InputError(here + ": is empty");
    double lowest = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < vocab.size(); ++k) {
        const Json& entry = vocab[k];
        const std::string line = here + "/" + std::to_string(k);
        if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() ||
            !entry[1].is_number() || !std::isfinite(entry[1].get<double>()))
            throw InputError(line + ": is " + shown(entry) + ", expected a piece and its score");
        const std::string piece = entry[0].get<std::string>();
        if (!vocabulary_.emplace(piece, static_cast<Token>(k)).second)
            throw InputError(line + ": the piece " + in_quotes(piece) + " is given twice");
        score_.push_back(entry[1].get<double>());
        lowest = std::min(lowest, score_.back());
        longest_ = std::max(longest_, piece.size());
    }
    unknown_score_ = lowest - kPenalty;
    if (find_member(description, "unk_id", place))
        unknown_ = static_cast<Token>(integer_member(
            description, "unk_id", 0, static_cast<std::int64_t>(score_.size()) - 1, place));
    byte_fallback_ = flag_member(description, "byte_fallback", false, place);
}

/// Unknown characters in a row are one piece.
std::vector<std::string> UnigramModel::best_pieces(const std::string& text) const {
    struct Best {
        Token id = -1;
        double score = 0.0;
        std::size_t from = std::string::npos;  ///< npos: not reached yet
        bool shared = false;  ///< another way here has the same score but for rounding
    };
    constexpr double kTie = 1e-12;
    const std::size_t n = text.size();
    std::vector<Best> best(n + 1);  // of what ends at a byte
    const auto offer = [&](std::size_t from, std::size_t to, Token id, double score) {
        const double sum = score + best[from].score;
        Best& there = best[to];
        const bool first = there.from == std::string::npos;
        const bool same = !first && std::fabs(sum - there.score) <= kTie * (1.0 + std::fabs(sum));
        if (first || sum > there.score) there = {id, sum, from, false};
        there.shared = there.shared || same;
    };
    for (std::size_t from = 0; from < n;) {
        std::size_t next = from;
        next_code_point(text, next);
        bool single = false;
        for (std::size_t to = from + 1; to <= std::min(n, from + longest_); ++to) {
            if (to < n && (static_cast<unsigned char>(text[to]) & 0xC0u) == 0x80u) continue;
            const auto found = vocabulary_.find(text.substr(from, to - from));
            if (found == vocabulary_.end()) continue;
            offer(from, to, found->second, score_[static_cast<std::size_t>(found->second)]);
            single = single || to == next;
        }
        if (!single) offer(from, next, unknown_.value_or(-1), unknown_score_);
        from = next;
    }
    std::vector<std::string> out;
    bool open = false;  // the piece behind is unknown
    for (std::size_t end = n; end > 0; end = best[end].from) {
        if (best[end].shared)
            throw InputError("the text " + in_quotes(text) +
                                 " can be cut into pieces in two ways with the same score, and "
                                 "rounding decides between them",
                             kElsewhere);
        const std::string piece = text.substr(best[end].from, end - best[end].from);
        const bool unknown = unknown_ && best[end].id == *unknown_;
        if (unknown && open)
            out.back().insert(0, piece);
        else
            out.push_back(piece);
        open = unknown;
    }
    std::reverse(out.begin(), out.end());
    return out;
}

std::vector<Token> UnigramModel::encode(const std::string& text) const {
    std::vector<Token> out;
    for (const std::string& piece : best_pieces(text)) {
        if (const auto found = vocabulary_.find(piece); found != vocabulary_.end()) {
            out.push_back(found->second);
            continue;
        }
        std::vector<Token> ids = byte_fallback_ ? bytes_of(piece) : std::vector<Token>();
        if (ids.empty() && unknown_) ids = {*unknown_};
        if (ids.empty())
            throw InputError("in the text " + in_quotes(text) +
                             ": the vocabulary has no piece for " + in_quotes(piece) +
                             ", and none for what is unknown");
        out.insert(out.end(), ids.begin(), ids.end());
    }
    return out;
}

}  // namespace prefdyn::text
