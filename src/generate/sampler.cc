#include "generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "util/error.h"
#include "util/rng.h"

namespace slm {
namespace {

// What random numbers are for, so that none is used twice.
constexpr uint64_t kChoice = 0, kAcceptance = 0x9C1B2D5E8F3A7641, kProposal = 0x5E27A8C3D1F4690B;

constexpr float kBanned = -std::numeric_limits<float>::infinity();

void check_share(const char* name, double value) {
  check(value >= 0 && value <= 1, "[sampler] {} is {}, expected 0 to 1", name, value);
}

void validate(const SamplingOptions& o) {
  check(o.temperature >= 0 && std::isfinite(o.temperature),
        "[sampler] temperature is {}, expected 0 or more", o.temperature);
  check(o.top_k >= 0, "[sampler] top-k is {}, expected 0 (off) or more", o.top_k);
  check_share("top-p", o.top_p);
  check_share("min-p", o.min_p);
  check_share("typical-p", o.typical_p);
  check_share("epsilon cutoff", o.epsilon_cutoff);
  check_share("eta cutoff", o.eta_cutoff);
  check(o.repetition_penalty > 0 && std::isfinite(o.repetition_penalty),
        "[sampler] repetition penalty is {}, expected more than 0", o.repetition_penalty);
  check(o.no_repeat_ngram >= 0, "[sampler] no-repeat n-gram size is {}, expected 0 (off) or more",
        o.no_repeat_ngram);
  check(o.min_new_tokens >= 0, "[sampler] fewest new tokens is {}, expected 0 or more",
        o.min_new_tokens);
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, int64_t vocab, std::vector<int32_t> stop_ids,
                 uint64_t stream)
    : options_(options), vocab_(size_t(vocab)), stop_ids_(std::move(stop_ids)), stream_(stream) {
  validate(options);
  check(vocab > 0, "[sampler] a vocabulary of {} tokens", vocab);
}

// Number `place` of one of the sequence's streams of random numbers.
double Sampler::uniform(uint64_t purpose, size_t place) const {
  Rng rng(options_.seed, stream_ ^ purpose);
  rng.seek(2 * place);  // a uniform takes two words
  return rng.uniform();
}

int32_t Sampler::choose(std::span<const float> logits, std::span<const int32_t> ids,
                        int64_t prompt_length) {
  return draw(distribution(logits, ids, prompt_length), uniform(kChoice, ids.size()));
}

int32_t Sampler::choose(std::span<const float> logits, std::span<const int32_t> ids,
                        int64_t prompt_length, const Proposal& proposal) {
  if (proposal.from.empty()) return choose(logits, ids, prompt_length);
  return accept_or_replace(distribution(logits, ids, prompt_length), proposal,
                           uniform(kAcceptance, ids.size()), uniform(kChoice, ids.size()));
}

Proposal Sampler::propose(std::span<const float> logits, std::span<const int32_t> ids,
                          int64_t prompt_length) {
  distribution(logits, ids, prompt_length);
  return {draw(candidates_, uniform(kProposal, ids.size())), candidates_};
}

std::span<const Candidate> Sampler::distribution(std::span<const float> logits,
                                                 std::span<const int32_t> ids,
                                                 int64_t prompt_length) {
  process(logits, ids, prompt_length);
  if (options_.temperature == 0) {
    keep_best();
  } else {
    apply_temperature();
    if (options_.top_k > 0) apply_top_k();
    compute_probabilities();
    if (options_.top_p < 1) apply_top_p();
    if (options_.min_p > 0) apply_min_p();
    if (options_.typical_p < 1) apply_typical_p();
    if (options_.epsilon_cutoff > 0) apply_cutoff(options_.epsilon_cutoff);
    if (double eta = options_.eta_cutoff; eta > 0)
      apply_cutoff(std::min(eta, std::sqrt(eta) * std::exp(-entropy())));
  }
  candidates_.clear();
  for (const Scored& s : left_) candidates_.push_back({s.id, s.p});
  return candidates_;
}

// The rules that hold for greedy choice too; they leave the tokens that may follow in left_.
void Sampler::process(std::span<const float> logits, std::span<const int32_t> ids,
                      int64_t prompt_length) {
  logits_.assign(logits.begin(), logits.begin() + std::ptrdiff_t(std::min(vocab_, logits.size())));
  if (options_.repetition_penalty != 1) {
    float penalty = float(options_.repetition_penalty);
    for (int32_t id : ids) {  // from the original logit, so that an id is penalised once
      if (size_t(id) >= logits_.size()) continue;
      float l = logits[size_t(id)];
      logits_[size_t(id)] = l < 0 ? l * penalty : l / penalty;
    }
  }
  if (options_.no_repeat_ngram > 0) ban_repeated_ngrams(ids);
  if (int64_t(ids.size()) - prompt_length < options_.min_new_tokens)
    for (int32_t id : stop_ids_)
      if (size_t(id) < logits_.size()) logits_[size_t(id)] = kBanned;

  left_.clear();
  for (size_t i = 0; i < logits_.size(); ++i) {
    check_data(logits_[i] < std::numeric_limits<float>::infinity(),
               "[sampler] the model gives token {} the logit {}; its weights are damaged or its "
               "numbers overflow",
               i, logits_[i]);
    if (logits_[i] != kBanned) left_.push_back({int32_t(i), logits_[i], 0});
  }
  check(!left_.empty(), "[sampler] no token may follow; relax the n-gram or minimum-length rule");
}

void Sampler::ban_repeated_ngrams(std::span<const int32_t> ids) {
  if (options_.no_repeat_ngram > int64_t(ids.size())) return;
  size_t context = size_t(options_.no_repeat_ngram) - 1;
  std::span<const int32_t> last = ids.last(context);
  for (size_t next = context; next < ids.size(); ++next)
    if (size_t(ids[next]) < logits_.size() &&
        std::ranges::equal(ids.subspan(next - context, context), last))
      logits_[size_t(ids[next])] = kBanned;
}

void Sampler::keep_best() {
  Scored best = *std::ranges::max_element(left_, {}, &Scored::logit);
  left_ = {{best.id, best.logit, 1}};
}

// Relative to the largest logit, so that a temperature near 0 tends to greedy choice and not to
// infinity.
void Sampler::apply_temperature() {
  if (options_.temperature == 1) return;
  double largest = std::ranges::max_element(left_, {}, &Scored::logit)->logit;
  for (Scored& s : left_) s.logit = float((s.logit - largest) / options_.temperature);
}

void Sampler::apply_top_k() {
  if (options_.top_k >= int64_t(left_.size())) return;
  top_.resize(size_t(options_.top_k));
  std::ranges::partial_sort_copy(left_, top_, std::ranges::greater{}, &Scored::logit,
                                 &Scored::logit);
  std::erase_if(left_, [least = top_.back().logit](const Scored& s) { return s.logit < least; });
}

void Sampler::apply_top_p() {
  ranked_.clear();
  for (const Scored& s : left_) ranked_.push_back({-s.logit, s.id, s.p});
  Ranked last = last_within_mass(options_.top_p);
  std::erase_if(left_, [&](const Scored& s) {
    return -s.logit > last.key || (-s.logit == last.key && s.id > last.tie);
  });
  renormalise();
}

void Sampler::apply_min_p() {
  apply_cutoff(options_.min_p * std::ranges::max_element(left_, {}, &Scored::p)->p);
}

void Sampler::apply_typical_p() {
  double expected = entropy();
  auto surprise = [&](const Scored& s) { return std::abs(-std::log(s.p) - expected); };
  ranked_.clear();
  for (const Scored& s : left_) ranked_.push_back({surprise(s), s.id, s.p});
  double most = last_within_mass(options_.typical_p).key;
  std::erase_if(left_, [&](const Scored& s) { return surprise(s) > most; });
  renormalise();
}

// Drops what is less likely than `least`, but never the likeliest.
void Sampler::apply_cutoff(double least) {
  double most = std::ranges::max_element(left_, {}, &Scored::p)->p;
  std::erase_if(left_, [&](const Scored& s) { return s.p < least && s.p < most; });
  renormalise();
}

void Sampler::compute_probabilities() {
  double largest = std::ranges::max_element(left_, {}, &Scored::logit)->logit;
  for (Scored& s : left_) s.p = std::exp(s.logit - largest);
  renormalise();
}

void Sampler::renormalise() {
  double sum = 0;
  for (const Scored& s : left_) sum += s.p;
  for (Scored& s : left_) s.p /= sum;
}

double Sampler::entropy() const {
  double sum = 0;
  for (const Scored& s : left_)
    if (s.p > 0) sum -= s.p * std::log(s.p);
  return sum;
}

// Of ranked_, best first, the one whose probability makes the sum reach `mass`; the last when
// rounding keeps the sum below it. Halves the range in question, so the time is linear.
Sampler::Ranked Sampler::last_within_mass(double mass) {
  auto better = [](const Ranked& a, const Ranked& b) {
    return a.key != b.key ? a.key < b.key : a.tie < b.tie;
  };
  auto first = ranked_.begin(), end = ranked_.end();
  while (end - first > 1) {
    auto middle = first + (end - first - 1) / 2;
    std::nth_element(first, middle, end, better);
    double half = 0;
    for (auto r = first; r <= middle; ++r) half += r->p;
    if (mass <= half) {
      end = middle + 1;
    } else {
      mass -= half;
      first = middle + 1;
    }
  }
  return *first;
}

}  // namespace slm
