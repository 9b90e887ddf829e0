#include "experiments/commands/claims_option.hpp"

#include "sim/base/failure.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

void declare_claims(ParameterTable& t, std::string& claims) {
    t.text("claims", &claims, "comma-separated claim ids or prefixes (T2 takes T2a and T2b)");
    t.check([](const std::string& ids) -> std::string {
        try {
            theory::select_claims(ids);
            return {};
        } catch (const InputError& error) {
            return std::string("is not known: ") + error.what() +
                   (error.hint().empty() ? "" : "; " + error.hint());
        }
    });
}

}  // namespace prefdyn
