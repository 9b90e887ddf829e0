#pragma once
// A SentencePiece model trained on the spot, for the tests of sim/lm/text.

#include <doctest/doctest.h>
#include <sentencepiece_trainer.h>

#include <string>

namespace prefdyn::test {

/// A sentence iterator over a few words, for the trainer of the library.
class Sentences final : public sentencepiece::SentenceIterator {
  public:
    bool done() const override { return at_ == 200; }
    void Next() override { text_ = "would you say yes or no " + std::to_string(++at_ % 17); }
    const std::string& value() const override { return text_; }
    sentencepiece::util::Status status() const override { return {}; }

  private:
    int at_ = 0;
    std::string text_ = "Yes No";
};

inline std::string trained_model() {
    Sentences sentences;
    std::string bytes;
    const auto status = sentencepiece::SentencePieceTrainer::Train(
        "--vocab_size=300 --model_type=bpe --byte_fallback=true "
        "--hard_vocab_limit=false --minloglevel=2 --user_defined_symbols=<u>",
        &sentences, &bytes);
    REQUIRE_MESSAGE(status.ok(), status.ToString());
    return bytes;
}

}  // namespace prefdyn::test
