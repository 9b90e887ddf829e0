#pragma once
// Answers that training never names (Razin et al., arXiv 2507.07981): every topic has a good and a
// bad answer, and a paraphrase of each. Two learners see the same preferences between the former
// and are asked about the latter: a policy's head, in which each token has a row of its own, and a
// reward model that is linear in a feature of prompt and answer.

#include <vector>

#include "sim/clusters/clusters.hpp"

namespace prefdyn {

struct UnseenSpec {
    Index topics = 6;
    Index prompts = 12;       ///< a topic; half prefer the first answer, half the second
    Index dimension = 48;     ///< d
    double spread = 0.2;      ///< of prompts about their topic's direction, per coordinate / sqrt d
    double paraphrase = 0.3;  ///< distance of a paraphrase, relative to a token's length
};

/// Throws one InputError that lists everything wrong with the spec.
void validate(const UnseenSpec& spec);

struct UnseenData {
    RowMatrix prompt;                ///< g (N, d), what the policy is trained on
    RowMatrix fresh;                 ///< as many prompts that it is not trained on
    std::vector<TokenPair> trained;  ///< (N): chosen, rejected; of both kinds of prompts
    std::vector<TokenPair> unseen;   ///< (N): their paraphrases
    RowMatrix token;                 ///< (V, d), V = 4 topics
};

/// A function of (spec, seed).
UnseenData sample_unseen(const UnseenSpec& spec, std::uint64_t seed);

/// phi(prompt, chosen) - phi(prompt, rejected) of every pair, phi = prompt * token, coordinate by
/// coordinate (N, d).
RowMatrix feature_gaps(const UnseenData& data, const RowMatrix& prompt,
                       const std::vector<TokenPair>& pairs);

}  // namespace prefdyn
