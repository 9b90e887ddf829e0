#pragma once
// Which keys of PEFT's adapter_config.json are understood, and which modules it names.

#include <nlohmann/json.hpp>
#include <string>

namespace prefdyn::transformer {

/// The object in FOLDER/adapter_config.json. Throws InputError naming file, key and value unless
/// every key is understood.
nlohmann::json read_adapter_config(const std::string& path);

/// Whether `module` is one of `names`, a list of names or ends of names, or one regular expression
/// that must match all of it. Null names none.
bool names_module(const nlohmann::json& names, const std::string& module, const std::string& place);

/// The value of the first key of `pattern`, an object, that is the end of `module` as a regular
/// expression; null if there is none.
nlohmann::json pattern_value(const nlohmann::json& pattern, const std::string& module,
                             const std::string& place);

}  // namespace prefdyn::transformer
