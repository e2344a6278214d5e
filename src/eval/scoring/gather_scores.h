// What the processes of one job found out, brought together.
#pragma once

#include <span>

#include "comm/comm.h"
#include "eval/scoring/score_requests.h"

namespace slm {

// Document d belongs to process d % size. Adds the results of all others to that of the first.
void gather_scores(Comm& comm, std::span<const Request> requests, RequestScores& result);

}  // namespace slm
