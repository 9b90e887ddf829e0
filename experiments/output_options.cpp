#include "experiments/output_options.hpp"

#include <omp.h>

namespace prefdyn {

void declare(ParameterTable& t, OutputOptions& o, const std::string& otherwise) {
    t.stop_identity();
    t.text("out", &o.out, "result file (HDF5)" + otherwise, otherwise.empty());
    t.flag("force", &o.force, "replace an existing result file");
    declare(t, o.machine);
}

Stopwatch::Stopwatch() : start_(omp_get_wtime()) {}
double Stopwatch::seconds() const { return omp_get_wtime() - start_; }

}  // namespace prefdyn
