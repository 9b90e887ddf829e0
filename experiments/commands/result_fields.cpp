#include "experiments/commands/result_fields.hpp"

#include "experiments/certify/certificate_fields.hpp"
#include "experiments/scaled/scaled.hpp"
#include "experiments/verify/kept_data.hpp"
#include "experiments/verify/run_fields.hpp"
#include "experiments/verify/studies.hpp"
#include "experiments/verify/verdict_fields.hpp"

namespace prefdyn {

std::vector<Field> result_fields(const std::vector<theory::Claim>& claims) {
    std::vector<Field> out = run_fields(claims);
    const auto add = [&](const std::vector<Field>& more) {
        out.insert(out.end(), more.begin(), more.end());
    };
    add(kept_data_fields());
    add(verdict_fields());
    add(certify::certificate_fields());
    for (const Study& study : studies()) add(study.fields);
    add(scaled_fields());
    return out;
}

void write_results(const std::string& path, const Verification& v, const std::string& command,
                   const ParameterTable& options, Device device, double wall_seconds,
                   const std::vector<std::pair<std::string, std::string>>& more) {
    ResultWriter writer(result_fields(v.claims));
    put_runs(writer, v);
    put_kept_data(writer, v);
    put_verdicts(writer, v);
    put_certificates(writer, v.certificates);
    for (const auto& [name, values] : v.study_values) writer.put(name, values);
    writer.attribute("format_version", kFormatVersion);
    publish_results(writer, path, command, options, device, wall_seconds, more);
}

}  // namespace prefdyn
