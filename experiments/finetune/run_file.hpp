#pragma once
// The result file of training runs: one axis of runs, one of parts (a behaviour within a run).

#include "experiments/finetune/run.hpp"
#include "experiments/program/machine_options.hpp"

namespace prefdyn {

/// A run and what it was.
struct TrainedRun {
    FinetuneRun run;
    std::string method;
    bool flipped = false;
    std::uint64_t seed = 0;
};

std::vector<Field> finetune_fields();

/// Fields beside those, and what puts them.
struct MoreFields {
    std::vector<Field> fields;
    std::function<void(ResultWriter&)> put;
};

/// Publishes the runs atomically; `options` and `more` become attributes.
void write_runs(const std::string& path, const std::vector<TrainedRun>& runs,
                const std::string& command, const ParameterTable& options, Device device,
                double wall_seconds, const std::vector<std::pair<std::string, std::string>>& more,
                const MoreFields& beside = {});

}  // namespace prefdyn
