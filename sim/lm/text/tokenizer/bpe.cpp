#include "sim/lm/text/tokenizer/bpe.hpp"

#include <queue>
#include <tuple>

namespace prefdyn::text {

namespace {

std::uint64_t pair_key(Token left, Token right) {
    return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32) |
           static_cast<std::uint32_t>(right);
}

}  // namespace

bool Merges::add(Token left, Token right, Token result) {
    const auto rank = static_cast<std::uint32_t>(rules_.size());
    return rules_.try_emplace(pair_key(left, right), Rule{rank, result}).second;
}

const Merges::Rule* Merges::find(Token left, Token right) const {
    const auto found = rules_.find(pair_key(left, right));
    return found == rules_.end() ? nullptr : &found->second;
}

/// The symbols as a doubly linked list, and the merges that are possible, best first. A candidate
/// whose neighbours have changed since is skipped when its turn comes.
class MergeQueue {
  public:
    MergeQueue(const Merges& merges, const std::vector<Token>& symbols) : merges_(merges) {
        const auto n = static_cast<int>(symbols.size());
        for (int k = 0; k < n; ++k)
            nodes_.push_back({symbols[static_cast<std::size_t>(k)], k - 1, k + 1 < n ? k + 1 : -1});
        for (int k = 0; k < n; ++k) propose(k);
    }

    std::vector<Token> run() {
        while (!queue_.empty()) {
            const Candidate best = queue_.top();
            queue_.pop();
            if (still_there(best)) merge(best.left);
        }
        std::vector<Token> out;
        for (int k = nodes_.empty() ? -1 : 0; k >= 0; k = at(k).next) out.push_back(at(k).symbol);
        return out;
    }

  private:
    struct Node {
        Token symbol;
        int previous, next;
    };
    struct Candidate {
        std::uint32_t rank;
        int left;
        std::pair<Token, Token> symbols;
        bool operator<(const Candidate& other) const {
            return std::tie(rank, left) > std::tie(other.rank, other.left);
        }
    };
    Node& at(int k) { return nodes_[static_cast<std::size_t>(k)]; }

    bool still_there(const Candidate& candidate) {
        const Node& node = at(candidate.left);
        return node.symbol == candidate.symbols.first && node.next >= 0 &&
               at(node.next).symbol == candidate.symbols.second;
    }

    void propose(int left) {
        if (left < 0 || at(left).next < 0) return;
        const Token a = at(left).symbol, b = at(at(left).next).symbol;
        if (const auto* rule = merges_.find(a, b)) queue_.push({rule->rank, left, {a, b}});
    }

    void merge(int left) {
        Node& node = at(left);
        Node& gone = at(node.next);
        node.symbol = merges_.find(node.symbol, gone.symbol)->result;
        node.next = gone.next;
        gone = {-1, -1, -1};
        if (node.next >= 0) at(node.next).previous = left;
        propose(node.previous);
        propose(left);
    }

    const Merges& merges_;
    std::vector<Node> nodes_;
    std::priority_queue<Candidate> queue_;
};

std::vector<Token> Merges::apply(const std::vector<Token>& symbols) const {
    return MergeQueue(*this, symbols).run();
}

}  // namespace prefdyn::text
