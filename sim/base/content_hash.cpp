#include "sim/base/content_hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <boost/uuid/uuid_io.hpp>
#include <cstdint>

namespace prefdyn {

namespace {

/// The digest of `first` followed by `second`, in the byte order xxhsum prints.
XXH128_canonical_t digest(std::string_view first, std::string_view second = {}) {
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, first.data(), first.size());
    XXH3_128bits_update(&state, second.data(), second.size());
    XXH128_canonical_t out;
    XXH128_canonicalFromHash(&out, XXH3_128bits_digest(&state));
    return out;
}

std::string_view bytes_of(const XXH128_canonical_t& digest) {
    return {reinterpret_cast<const char*>(digest.digest), sizeof digest.digest};
}

std::string uuid_of(const XXH128_canonical_t& hash) {
    boost::uuids::uuid id;
    std::copy_n(hash.digest, sizeof hash.digest, id.begin());
    constexpr int kVersion = 6, kVariant = 8;  // bytes whose high bits a UUID gives a meaning
    *(id.begin() + kVersion) = static_cast<std::uint8_t>(0x80 | (hash.digest[kVersion] & 0x0f));
    *(id.begin() + kVariant) = static_cast<std::uint8_t>(0x80 | (hash.digest[kVariant] & 0x3f));
    return boost::uuids::to_string(id);
}

}  // namespace

std::string content_hash(std::string_view bytes, std::string_view more) {
    const XXH128_canonical_t hash = digest(bytes);
    return uuid_of(more.empty() ? hash : digest(bytes_of(hash), more));
}

struct ContentHash::State {
    XXH3_state_t hash;
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {
    XXH3_128bits_reset(&state_->hash);
}

ContentHash::~ContentHash() = default;

void ContentHash::add(std::string_view bytes) {
    XXH3_128bits_update(&state_->hash, bytes.data(), bytes.size());
}

std::string ContentHash::text() const {
    XXH128_canonical_t out;
    XXH128_canonicalFromHash(&out, XXH3_128bits_digest(&state_->hash));
    return uuid_of(out);
}

}  // namespace prefdyn
