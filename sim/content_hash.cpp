#include "sim/content_hash.hpp"

#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid_io.hpp>

namespace prefdyn {

std::string content_hash(std::string_view bytes, std::string_view more) {
    using boost::uuids::name_generator_sha1;
    auto id = name_generator_sha1(boost::uuids::ns::oid())(bytes.data(), bytes.size());
    if (!more.empty()) id = name_generator_sha1(id)(more.data(), more.size());
    return boost::uuids::to_string(id);
}

}  // namespace prefdyn
