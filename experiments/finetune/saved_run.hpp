#pragma once
#include "experiments/finetune/run.hpp"

namespace prefdyn {

/// Writes plan.state: parameters, moments, updates and records so far. What was there stays until
/// the new file is whole.
void save_run(const FinetunePlan& plan, const finetune::Training& training, const FinetuneRun& run);

/// Takes up what plan.state holds; false if there is no such file. Throws InputError if it belongs
/// to another run or is damaged.
bool load_run(const FinetunePlan& plan, finetune::Training& training, FinetuneRun& run);

}  // namespace prefdyn
