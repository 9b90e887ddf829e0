#include "experiments/program/output_options.hpp"

namespace prefdyn {

void declare(ParameterTable& t, OutputOptions& o, const std::string& otherwise) {
    t.stop_identity();
    t.text("out", &o.out, "result file (HDF5)" + otherwise, otherwise.empty());
    t.flag("force", &o.force, "replace an existing result file");
    declare(t, o.machine);
}

}  // namespace prefdyn
