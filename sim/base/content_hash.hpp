#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace prefdyn {

/// XXH3 (128 bits) of some bytes as a UUID string (version 8); with `more`, of the first digest
/// followed by those. It tells contents apart by chance, not against someone who makes them alike.
std::string content_hash(std::string_view bytes, std::string_view more = {});

/// content_hash of bytes that come piece by piece.
class ContentHash {
  public:
    ContentHash();
    ~ContentHash();
    void add(std::string_view bytes);
    std::string text() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace prefdyn
