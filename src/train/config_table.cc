// Every key of a run configuration. Kept in one line each, in the order in which they are printed.
#include "train/config_key.h"

namespace slm {
namespace {

constexpr KeyUse kImplemented = KeyUse::kImplemented, kRecorded = KeyUse::kRecorded,
                 kIgnored = KeyUse::kIgnored;

// A type without a place in RunConfig.
template <class T>
ConfigTarget nowhere(RunConfig&) {
  return static_cast<T*>(nullptr);
}
constexpr auto kInt = nowhere<int64_t>;
constexpr auto kBool = nowhere<bool>;
constexpr auto kText = nowhere<std::string>;

using C = RunConfig;
using T = ConfigTarget;

// clang-format off
constexpr ConfigKey kKeys[] = {
    // Model shape
    {"num_layers", kImplemented, [](C& c) -> T { return &c.shape.layers; }, "transformer blocks"},
    {"hidden_size", kImplemented, [](C& c) -> T { return &c.shape.hidden; }, "model width"},
    {"num_attention_heads", kImplemented, [](C& c) -> T { return &c.shape.heads; }, "query heads"},
    {"num_kv_heads", kImplemented, [](C& c) -> T { return &c.shape.kv_heads; }, "key and value heads; 0: as many as query heads"},
    {"attention_head_type", kImplemented, [](C& c) -> T { return &c.shape.head_type; }, "multihead or groupedquery; must agree with num_kv_heads"},
    {"seq_length", kImplemented, [](C& c) -> T { return &c.shape.seq_length; }, "tokens of a training sample"},
    {"max_position_embeddings", kImplemented, [](C& c) -> T { return &c.shape.max_positions; }, "context length the model declares"},
    {"norm", kImplemented, [](C& c) -> T { return &c.shape.norm; }, "layernorm or rmsnorm"},
    {"layernorm_epsilon", kImplemented, [](C& c) -> T { return &c.shape.norm_epsilon; }, "added to the variance"},
    {"qk_norm", kImplemented, [](C& c) -> T { return &c.shape.qk_norm; }, "a norm per head on q and k"},
    {"pos_emb", kImplemented, [](C& c) -> T { return &c.shape.positions; }, "rotary"},
    {"rotary_pct", kImplemented, [](C& c) -> T { return &c.shape.rotary_fraction; }, "fraction of a head that is rotated"},
    {"rotary_emb_base", kImplemented, [](C& c) -> T { return &c.shape.rotary_base; }, "base of the rotary angles"},
    {"rotary_scaling_factor", kImplemented, [](C& c) -> T { return &c.shape.rotary_scale; }, "positions are divided by this: linear interpolation to a longer context"},
    {"rotary_interleaved", kImplemented, [](C& c) -> T { return &c.shape.rotary_interleaved; }, "false: pairs half a head apart"},
    {"activation", kImplemented, [](C& c) -> T { return &c.shape.activation; }, "silu, gelu, gelu_tanh or relu"},
    {"mlp_type", kImplemented, [](C& c) -> T { return &c.shape.mlp_type; }, "plain or gated"},
    {"mlp_multiple_of", kImplemented, [](C& c) -> T { return &c.shape.mlp_multiple; }, "the MLP width is rounded up to a multiple of this"},
    {"intermediate_size", kImplemented, [](C& c) -> T { return &c.shape.mlp_width; }, "MLP width; 0: 4 x hidden, or 8/3 x hidden when gated"},
    {"no_weight_tying", kImplemented, [](C& c) -> T { return &c.shape.untied_head; }, "true: an output matrix of its own"},
    {"gpt_j_residual", kImplemented, [](C& c) -> T { return &c.shape.parallel_residual; }, "attention and MLP side by side"},
    {"gpt_j_tied", kImplemented, [](C& c) -> T { return &c.shape.shared_norm; }, "both sides read one norm"},
    {"use_bias_in_norms", kImplemented, [](C& c) -> T { return &c.shape.norm_bias; }, "norms have a bias"},
    {"use_bias_in_qk_norm", kImplemented, [](C& c) -> T { return &c.shape.qk_norm_bias; }, "the norms of q and k have a bias"},
    {"use_bias_in_attn_linear", kImplemented, [](C& c) -> T { return &c.shape.attention_bias; }, "q, k, v and the attention output have a bias"},
    {"use_qkv_bias", kImplemented, [](C& c) -> T { return &c.shape.qkv_bias; }, "q, k and v have a bias, whatever use_bias_in_attn_linear says"},
    {"use_bias_in_mlp", kImplemented, [](C& c) -> T { return &c.shape.mlp_bias; }, "MLP matrices have a bias"},
    {"attention_config", kImplemented, [](C& c) -> T { return &c.shape.attention; }, "kinds of attention by layer; flash and global are the same maths"},
    {"model_parallel_size", kImplemented, [](C& c) -> T { return &c.shape.model_parallel; }, "processes that compute every block together, when several are started; multiplies the unit of the padded vocabulary"},
    {"pipe_parallel_size", kImplemented, [](C& c) -> T { return &c.shape.pipeline_parallel; }, "pipeline stages; computed as one"},
    {"make_vocab_size_divisible_by", kImplemented, [](C& c) -> T { return &c.shape.vocab_multiple; }, "unit of the padded vocabulary"},
    {"vocab_size", kImplemented, [](C& c) -> T { return &c.shape.vocab_size; }, "tokens before padding; 0: what the tokenizer has"},

    // Initial values
    {"init_method", kImplemented, [](C& c) -> T { return &c.init.method; }, "of matrices that read the residual stream, embedding and output"},
    {"output_layer_init_method", kImplemented, [](C& c) -> T { return &c.init.output_method; }, "of matrices that write the residual stream"},
    {"init_method_std", kImplemented, [](C& c) -> T { return &c.init.std; }, "sigma of normal and scaled_normal"},

    // Optimiser and schedule
    {"optimizer.type", kImplemented, [](C& c) -> T { return &c.optimizer.type; }, "Adam or AdamW: both are AdamW"},
    {"optimizer.params.lr", kImplemented, [](C& c) -> T { return &c.optimizer.lr; }, "peak learning rate"},
    {"optimizer.params.betas", kImplemented, [](C& c) -> T { return &c.optimizer.betas; }, "decay of the two moments"},
    {"optimizer.params.eps", kImplemented, [](C& c) -> T { return &c.optimizer.eps; }, "added after the square root"},
    {"weight_decay", kImplemented, [](C& c) -> T { return &c.optimizer.weight_decay; }, "decoupled; norms and biases do not decay"},
    {"gradient_clipping", kImplemented, [](C& c) -> T { return &c.optimizer.max_grad_norm; }, "limit of the global gradient norm; 0: none"},
    {"min_lr", kImplemented, [](C& c) -> T { return &c.schedule.min_lr; }, "lowest learning rate after warm-up"},
    {"train_iters", kImplemented, [](C& c) -> T { return &c.schedule.train_steps; }, "optimiser steps"},
    {"lr_decay_iters", kImplemented, [](C& c) -> T { return &c.schedule.decay_steps; }, "steps over which the rate decays; 0: train_iters x lr_decay_fraction"},
    {"lr_decay_fraction", kImplemented, [](C& c) -> T { return &c.schedule.decay_fraction; }, "of train_iters, when lr_decay_iters is not given"},
    {"lr_decay_style", kImplemented, [](C& c) -> T { return &c.schedule.style; }, "constant, linear, cosine, exponential or hybrid_cosine_inv_sqrt_2"},
    {"warmup", kImplemented, [](C& c) -> T { return &c.schedule.warmup; }, "fraction of the decay steps"},
    {"cooldown", kImplemented, [](C& c) -> T { return &c.schedule.cooldown; }, "final linear phase, fraction of the decay steps"},
    {"cooldown_start", kImplemented, [](C& c) -> T { return &c.schedule.cooldown_start; }, "first step of the final linear phase"},
    {"cooldown_steps", kImplemented, [](C& c) -> T { return &c.schedule.cooldown_steps; }, "length of the final linear phase"},
    {"cooldown_final_lr", kImplemented, [](C& c) -> T { return &c.schedule.cooldown_final_lr; }, "learning rate at its end"},
    {"hybrid_total_steps", kImplemented, [](C& c) -> T { return &c.schedule.hybrid_steps; }, "N of hybrid_cosine_inv_sqrt_2; 0: the decay steps"},
    {"hybrid_switch_fraction", kImplemented, [](C& c) -> T { return &c.schedule.hybrid_switch; }, "where its cosine ends, fraction of N"},
    {"override_lr_scheduler", kImplemented, [](C& c) -> T { return &c.schedule.override_checkpoint_schedule; }, "on resume, this file's schedule instead of the checkpoint's"},
    {"use_checkpoint_lr_scheduler", kImplemented, [](C& c) -> T { return &c.schedule.keep_checkpoint_schedule; }, "on resume, the checkpoint's schedule instead of this file's"},
    {"hidden_dropout", kImplemented, [](C& c) -> T { return &c.hidden_dropout; }, "of the embedding and of what attention and MLP add, while training"},
    {"attention_dropout", kImplemented, [](C& c) -> T { return &c.attention_dropout; }, "of the attention probabilities, while training"},

    // Batch and data
    {"train_batch_size", kImplemented, [](C& c) -> T { return &c.batch.global; }, "sequences of an optimiser step"},
    {"train_micro_batch_size_per_gpu", kImplemented, [](C& c) -> T { return &c.batch.micro; }, "sequences computed at a time"},
    {"gradient_accumulation_steps", kImplemented, [](C& c) -> T { return &c.batch.accumulate; }, "micro batches of an optimiser step"},
    {"pack_impl", kImplemented, [](C& c) -> T { return &c.data.packing; }, "packed: samples run on across documents"},
    {"data_impl", kImplemented, [](C& c) -> T { return &c.data.impl; }, "mmap or infer"},
    {"train_data_paths", kImplemented, [](C& c) -> T { return &c.data.train; }, "prefixes of .bin/.idx files"},
    {"train_data_weights", kImplemented, [](C& c) -> T { return &c.data.train_weights; }, "relative; empty: all equal"},
    {"valid_data_paths", kImplemented, [](C& c) -> T { return &c.data.valid; }, "prefixes of .bin/.idx files"},
    {"valid_data_weights", kImplemented, [](C& c) -> T { return &c.data.valid_weights; }, "relative; empty: all equal"},
    {"test_data_paths", kImplemented, [](C& c) -> T { return &c.data.test; }, "prefixes of .bin/.idx files, for the loss at the end"},
    {"test_data_weights", kImplemented, [](C& c) -> T { return &c.data.test_weights; }, "relative; empty: all equal"},
    {"train_label_data_paths", kImplemented, [](C& c) -> T { return &c.data.train_labels; }, "label files of train_data_paths: no loss where they are negative"},
    {"valid_label_data_paths", kImplemented, [](C& c) -> T { return &c.data.valid_labels; }, "label files of valid_data_paths"},
    {"test_label_data_paths", kImplemented, [](C& c) -> T { return &c.data.test_labels; }, "label files of test_data_paths"},
    {"data_path", kImplemented, [](C& c) -> T { return &c.data.path; }, "one prefix, cut by split, instead of the lists"},
    {"split", kImplemented, [](C& c) -> T { return &c.data.split; }, "documents of data_path for training, validation, test: shares of any scale"},
    {"epoch_shuffle", kImplemented, [](C& c) -> T { return &c.data.epoch_shuffle; }, "neox: all epochs together; megatron: the last apart when short; per_epoch: one after the other"},
    {"weight_by_num_documents", kImplemented, [](C& c) -> T { return &c.data.weight_by_documents; }, "weights from the numbers of documents, instead of the lists"},
    {"weighted_sampler_alpha", kImplemented, [](C& c) -> T { return &c.data.weight_alpha; }, "below 1: small sources are seen more often then"},
    {"data_cache", kImplemented, [](C& c) -> T { return &c.data.cache; }, "folder for the order of samples of large files; empty: below save"},
    {"reset_attention_mask", kImplemented, [](C& c) -> T { return &c.data.reset_attention; }, "tokens see only their own document"},
    {"reset_position_ids", kImplemented, [](C& c) -> T { return &c.data.reset_positions; }, "positions restart with each document"},
    {"eod_mask_loss", kImplemented, [](C& c) -> T { return &c.data.mask_eod_loss; }, "no loss where the input is the end of a document"},
    {"loss_norm", kImplemented, [](C& c) -> T { return &c.data.loss_norm; }, "micro: mean of the micro batches' means; global_tokens: mean of the step's tokens"},
    {"z_loss", kImplemented, [](C& c) -> T { return &c.data.z_loss; }, "weight of logsumexp^2 in the loss"},
    {"tokenizer_type", kImplemented, [](C& c) -> T { return &c.data.tokenizer_type; }, "told from the file itself"},
    {"vocab_file", kImplemented, [](C& c) -> T { return &c.data.tokenizer; }, "tokenizer file or directory"},
    {"seed", kImplemented, [](C& c) -> T { return &c.data.seed; }, "of initial values and data order"},

    // Sequence-length warm-up
    {"curriculum_learning.enabled", kImplemented, [](C& c) -> T { return &c.curriculum.enabled; }, "short samples first"},
    {"curriculum_learning.curriculum_type", kImplemented, [](C& c) -> T { return &c.curriculum.type; }, "seqlen"},
    {"curriculum_learning.min_difficulty", kImplemented, [](C& c) -> T { return &c.curriculum.least; }, "tokens at the beginning"},
    {"curriculum_learning.max_difficulty", kImplemented, [](C& c) -> T { return &c.curriculum.most; }, "tokens at the end; 0: seq_length"},
    {"curriculum_learning.schedule_type", kImplemented, [](C& c) -> T { return &c.curriculum.schedule; }, "fixed_linear, fixed_root or fixed_discrete"},
    {"curriculum_learning.schedule_config.total_curriculum_step", kImplemented, [](C& c) -> T { return &c.curriculum.total_steps; }, "steps until max_difficulty"},
    {"curriculum_learning.schedule_config.difficulty_step", kImplemented, [](C& c) -> T { return &c.curriculum.granularity; }, "lengths are multiples of this"},
    {"curriculum_learning.schedule_config.root_degree", kImplemented, [](C& c) -> T { return &c.curriculum.root; }, "of fixed_root"},
    {"curriculum_learning.schedule_config.difficulty", kImplemented, [](C& c) -> T { return &c.curriculum.lengths; }, "of fixed_discrete: tokens of each stage"},
    {"curriculum_learning.schedule_config.max_step", kImplemented, [](C& c) -> T { return &c.curriculum.last_steps; }, "of fixed_discrete: last step of each stage but the last"},

    // Precision
    {"precision", kImplemented, [](C& c) -> T { return &c.precision; }, "fp32, fp16 or bfloat16: of weights and activations; sums, moments and master weights are f32"},
    {"fp16.enabled", kImplemented, [](C& c) -> T { return &c.fp16; }, "asks for fp16"},
    {"fp16.fp16", kRecorded, kBool, "legacy flag"},
    {"fp16.loss_scale", kImplemented, [](C& c) -> T { return &c.loss_scaler.fixed; }, "a fixed scale; 0: found by trying"},
    {"fp16.loss_scale_window", kImplemented, [](C& c) -> T { return &c.loss_scaler.window; }, "steps without overflow before the scale is doubled"},
    {"fp16.initial_scale_power", kImplemented, [](C& c) -> T { return &c.loss_scaler.initial_power; }, "the first scale is 2 to this power"},
    {"fp16.hysteresis", kImplemented, [](C& c) -> T { return &c.loss_scaler.hysteresis; }, "overflows before the scale is halved"},
    {"fp16.min_loss_scale", kImplemented, [](C& c) -> T { return &c.loss_scaler.least; }, "an overflow at this scale ends the run"},
    {"bf16.enabled", kImplemented, [](C& c) -> T { return &c.bf16; }, "asks for bfloat16"},
    {"fp32_allreduce", kRecorded, kBool, "gradients are always sent and summed in f32"},
    {"full_precision_lm_cross_entropy", kRecorded, kBool, "the loss is always computed from f32 logits"},

    // Memory
    {"checkpoint_activations", kImplemented, [](C& c) -> T { return &c.recompute; }, "keep only block inputs, compute the rest again in the backward pass"},
    {"checkpoint_num_layers", kImplemented, [](C& c) -> T { return &c.recompute_layers; }, "blocks per kept input"},
    {"partition_activations", kRecorded, kBool, "no difference to the result"},
    {"synchronize_each_layer", kRecorded, kBool, "no difference to the result"},
    {"deterministic", kImplemented, [](C& c) -> T { return &c.parallel.deterministic; }, "1, 2, 4 … 64 processes give the same bits; slower, and more gradient buffers"},
    {"zero_optimization.stage", kImplemented, [](C& c) -> T { return &c.parallel.zero_stage; }, "1: optimiser state is spread over the processes; 0: each has all of it"},
    {"zero_optimization.allgather_partitions", kRecorded, kBool, "new weights are always handed round in one all-gather"},
    {"zero_optimization.allgather_bucket_size", kRecorded, kInt, "new weights are handed round in one all-gather"},
    {"zero_optimization.overlap_comm", kImplemented, [](C& c) -> T { return &c.parallel.overlap; }, "send gradients while the backward pass goes on"},
    {"zero_optimization.reduce_scatter", kRecorded, kBool, "gradients always go straight to their owner"},
    {"zero_optimization.reduce_bucket_size", kImplemented, [](C& c) -> T { return &c.parallel.bucket; }, "gradients sent at a time; never more than 4M"},
    {"zero_optimization.contiguous_gradients", kRecorded, kBool, "gradients are always contiguous"},
    {"zero_optimization.cpu_offload", kRecorded, kBool, "no difference to the result"},
    {"scaled_upper_triang_masked_softmax_fusion", kRecorded, kBool, "same maths"},
    {"bias_gelu_fusion", kRecorded, kBool, "the fused kernel was the tanh form; ask for it with activation: gelu_tanh"},
    {"use_flash_cross_entropy", kRecorded, kBool, "same maths"},
    {"output_layer_parallelism", kRecorded, kText, "one process"},

    // Evaluation, checkpoints, logging
    {"eval_interval", kImplemented, [](C& c) -> T { return &c.watching.eval_every; }, "steps between validations"},
    {"eval_iters", kImplemented, [](C& c) -> T { return &c.watching.eval_batches; }, "global batches of a validation"},
    {"eval_tasks", kImplemented, [](C& c) -> T { return &c.tasks.names; }, "evaluation tasks to run at each eval_interval, on the rows in eval_data_dir"},
    {"eval_data_dir", kImplemented, [](C& c) -> T { return &c.tasks.data; }, "directory of the rows of eval_tasks"},
    {"eval_limit", kImplemented, [](C& c) -> T { return &c.tasks.limit; }, "documents of each of eval_tasks; 0: all"},
    {"eval_batch_size", kImplemented, [](C& c) -> T { return &c.tasks.batch; }, "most texts of eval_tasks in one pass of the model; 0: what memory holds"},
    {"checkpoint_factor", kImplemented, [](C& c) -> T { return &c.saving.every; }, "steps between checkpoints; 0: only at the end"},
    {"extra_save_iters", kImplemented, [](C& c) -> T { return &c.saving.extra_steps; }, "further steps to save at; 0: before the first"},
    {"keep_last_n_checkpoints", kImplemented, [](C& c) -> T { return &c.saving.keep_last; }, "older ones are deleted; 0: all are kept"},
    {"keep_every", kImplemented, [](C& c) -> T { return &c.saving.keep_every; }, "checkpoints of steps it divides are never deleted; 0: none"},
    {"checkpoint_scale", kImplemented, [](C& c) -> T { return &c.saving.scale; }, "linear: every checkpoint_factor steps; log: at its powers"},
    {"checkpoint_async", kImplemented, [](C& c) -> T { return &c.saving.background; }, "write checkpoints while training goes on, from a copy of weights and moments"},
    {"checkpoint_dtype", kImplemented, [](C& c) -> T { return &c.saving.dtype; }, "of the saved weights: f32, bf16 or f16; empty: the type computed in. What they lack of f32 is kept beside the moments"},
    {"no_save_optim", kImplemented, [](C& c) -> T { return &c.saving.without_optimizer; }, "checkpoints without moments: smaller, and not to be continued exactly"},
    {"no_load_optim", kImplemented, [](C& c) -> T { return &c.saving.load_without_optimizer; }, "continue with moments of zero"},
    {"no_save_rng", kRecorded, kBool, "random numbers follow from seed and step: there is no state to save"},
    {"no_load_rng", kRecorded, kBool, "random numbers follow from seed and step: there is no state to load"},
    {"exit_interval", kImplemented, [](C& c) -> T { return &c.saving.exit_every; }, "save and end at the next step it divides; 0: never"},
    {"on_nonfinite", kImplemented, [](C& c) -> T { return &c.faults.on_nonfinite; }, "when loss or gradient is not finite: stop, skip or rewind"},
    {"on_spike", kImplemented, [](C& c) -> T { return &c.faults.on_spike; }, "when loss or gradient norm spikes: ignore, skip, rewind or stop"},
    {"spike_threshold", kImplemented, [](C& c) -> T { return &c.faults.spike_threshold; }, "standard deviations above the mean that make a spike"},
    {"spike_window", kImplemented, [](C& c) -> T { return &c.faults.spike_window; }, "steps that mean and deviation are taken over"},
    {"max_faults", kImplemented, [](C& c) -> T { return &c.faults.most; }, "faults a run may have; the next one stops it"},
    {"save", kImplemented, [](C& c) -> T { return &c.saving.save; }, "directory of checkpoints and metrics"},
    {"load", kImplemented, [](C& c) -> T { return &c.saving.load; }, "directory of checkpoints to continue from"},
    {"iteration", kImplemented, [](C& c) -> T { return &c.saving.load_step; }, "the step to load; without it the latest"},
    {"finetune", kImplemented, [](C& c) -> T { return &c.saving.finetune; }, "load only weights, begin at step 0"},
    {"no_checkpoint_arg_validation", kImplemented, [](C& c) -> T { return &c.saving.skip_shape_check; }, "allow another context length than the checkpoint's"},
    {"log_interval", kImplemented, [](C& c) -> T { return &c.watching.log_every; }, "steps between lines in the log"},
    {"steps_per_print", kImplemented, [](C& c) -> T { return &c.watching.print_every; }, "the same as log_interval, which wins"},
    {"wall_clock_breakdown", kImplemented, [](C& c) -> T { return &c.watching.time_phases; }, "also print where the seconds of a step go"},
    {"tensorboard_dir", kImplemented, [](C& c) -> T { return &c.watching.tensorboard; }, "directory of TensorBoard event files; empty: tensorboard/ in save; none: no such files"},
    {"log_param_norm", kIgnored, kBool, "norms of parameters are not logged"},
    {"log_grad_norm", kRecorded, kBool, "the gradient norm is always logged"},
    {"use_wandb", kIgnored, kBool, "metrics go to metrics.jsonl and TensorBoard event files instead; see `stablelm report`"},
    {"wandb_host", kRecorded, kText, "kept with the checkpoint"},
    {"wandb_team", kRecorded, kText, "kept with the checkpoint"},
    {"wandb_project", kRecorded, kText, "kept with the checkpoint"},
    {"wandb_group", kRecorded, kText, "kept with the checkpoint"},
    {"wandb_name", kImplemented, [](C& c) -> T { return &c.watching.name; }, "name of the run in reports; empty: that of its directory"},
    {"s3_path", kIgnored, kText, "checkpoints are not uploaded"},
    {"s3_sync_interval", kRecorded, kInt, "checkpoints are not uploaded"},

    // Launch
    {"num_workers", kRecorded, kInt, "data is read from mapped files"},
    {"distributed_backend", kRecorded, kText, "MPI carries everything"},
    {"launcher", kIgnored, kText, "start with mpirun or srun: as many processes as they start"},
    {"deepspeed_slurm", kRecorded, kBool, "start with srun: docs/many-processes.md"},
    {"use_mup", kIgnored, kBool, "muP is not applied: learning rates and initial values are the plain ones"},
    {"save_base_shapes", kRecorded, kBool, "muP"},
    {"base_shapes_file", kRecorded, kText, "muP"},
    {"coord_check", kRecorded, kBool, "muP"},
};
// clang-format on

}  // namespace

std::span<const ConfigKey> config_keys() { return kKeys; }

const ConfigKey* find_config_key(std::string_view name) {
  for (const ConfigKey& key : kKeys)
    if (key.name == name) return &key;
  return nullptr;
}

}  // namespace slm
