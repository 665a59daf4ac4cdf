// Kernels as functions that libtorch differentiates, with a C interface for Rust. CPU only.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "kernels.h"
#include "memory.h"

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

template <typename T>
T* data(const Tensor& x) {
  return reinterpret_cast<T*>(x.data_ptr());
}

const float* optional_data(const Tensor& x) { return x.defined() ? data<float>(x) : nullptr; }

template <typename T>
const isoflop::Kernels<T>& kernels_of();
template <>
const isoflop::Kernels<float>& kernels_of() {
  return isoflop::kernels().float32;
}
template <>
const isoflop::Kernels<isoflop::Bfloat16>& kernels_of() {
  return isoflop::kernels().bfloat16;
}

// Calls `work` with the kernels and a null pointer for the element type of `x`.
template <typename F>
void for_kind(const Tensor& x, const F& work) {
  TORCH_CHECK(x.device().is_cpu(), "fused kernels run on the CPU only");
  if (x.scalar_type() == at::kFloat) return work(kernels_of<float>(), static_cast<float*>(nullptr));
  TORCH_CHECK(x.scalar_type() == at::kBFloat16, "fused kernels take float32 and bfloat16, not ", x.scalar_type());
  work(kernels_of<isoflop::Bfloat16>(), static_cast<isoflop::Bfloat16*>(nullptr));
}

template <typename F>
void share(int64_t tasks, const F& work) {
  at::parallel_for(0, tasks, 1, work);
}

int64_t row_tasks(int64_t rows) { return at::divup(rows, isoflop::ROW_BLOCK); }

void check_floats(const Tensor& x, at::IntArrayRef dims, const char* what) {
  TORCH_CHECK(x.device().is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous() && x.sizes() == dims, what, " must be float32 ",
              dims, ", not ", x.scalar_type(), " ", x.sizes());
}

isoflop::Convolution convolution_of(const Tensor& x, const Tensor& taps, bool residual) {
  TORCH_CHECK(x.dim() == 3 && taps.dim() == 2 && taps.size(0) <= 8, "a convolution expects [B, T, C] and at most 8 taps");
  check_floats(taps, {taps.size(0), x.size(2)}, "taps");
  return {x.size(0), x.size(1), x.size(2), taps.size(0), residual};
}

struct Convolve : Function<Convolve> {
  static Tensor forward(AutogradContext* context, const Tensor& given, const Tensor& taps, bool residual) {
    const Tensor x = given.contiguous(), y = at::empty_like(x);
    const auto a = convolution_of(x, taps, residual);
    for_kind(x, [&](const auto& kernels, auto* kind) {
      using T = std::remove_pointer_t<decltype(kind)>;
      share(a.tasks(), [&](int64_t begin, int64_t end) { kernels.convolve(a, data<T>(x), data<float>(taps), data<T>(y), begin, end); });
    });
    context->save_for_backward({x, taps});
    context->saved_data["residual"] = residual;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &taps = saved[1], dy = gradients[0].contiguous();
    const auto a = convolution_of(x, taps, context->saved_data["residual"].toBool());
    const Tensor dx = at::empty_like(x), dtaps = at::empty({a.sequences, a.width, a.channels}, taps.options());
    for_kind(x, [&](const auto& kernels, auto* kind) {
      using T = std::remove_pointer_t<decltype(kind)>;
      share(a.tasks(), [&](int64_t begin, int64_t end) {
        kernels.convolve_backward(a, data<T>(x), data<float>(taps), data<T>(dy), data<T>(dx), data<float>(dtaps), begin, end);
      });
    });
    return {dx, dtaps.sum(0), Tensor()};
  }
};

struct Attend : Function<Attend> {
  static isoflop::Attention sizes(const Tensor& qkv, int64_t heads, int64_t groups, double scale) {
    return {qkv.size(0), qkv.size(1), heads, groups, qkv.size(2) / (heads + 2 * groups), static_cast<float>(scale)};
  }

  static Tensor forward(AutogradContext* context, const Tensor& given, const std::optional<Tensor>& given_bias, int64_t heads,
                        int64_t groups, double scale) {
    const Tensor qkv = given.contiguous(), bias = given_bias.value_or(Tensor());
    TORCH_CHECK(qkv.dim() == 3 && heads % groups == 0 && qkv.size(2) % (heads + 2 * groups) == 0, "attention expects [B, T, (H + 2G)h]");
    const auto a = sizes(qkv, heads, groups, scale);
    if (bias.defined()) check_floats(bias, {heads, a.tokens}, "the bias of distances");
    const Tensor out = at::empty({a.sequences, a.tokens, heads * a.d_head}, qkv.options());
    const Tensor log_sum = at::empty({a.sequences, heads, a.tokens}, qkv.options().dtype(at::kFloat));
    for_kind(qkv, [&](const auto& kernels, auto* kind) {
      using T = std::remove_pointer_t<decltype(kind)>;
      share(a.tasks(), [&](int64_t begin, int64_t end) {
        kernels.attend(a, data<T>(qkv), optional_data(bias), data<T>(out), data<float>(log_sum), begin, end);
      });
    });
    context->save_for_backward({qkv, bias, out, log_sum});
    context->saved_data["heads"] = heads;
    context->saved_data["groups"] = groups;
    context->saved_data["scale"] = scale;
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &qkv = saved[0], &bias = saved[1], &out = saved[2], &log_sum = saved[3], dout = gradients[0].contiguous();
    auto& data_of = context->saved_data;
    const auto a = sizes(qkv, data_of["heads"].toInt(), data_of["groups"].toInt(), data_of["scale"].toDouble());
    const Tensor dqkv = at::empty_like(qkv);
    const Tensor dbias = bias.defined() ? at::empty({a.sequences, a.heads, a.tokens}, bias.options()) : Tensor();
    for_kind(qkv, [&](const auto& kernels, auto* kind) {
      using T = std::remove_pointer_t<decltype(kind)>;
      share(a.tasks(), [&](int64_t begin, int64_t end) {
        kernels.attend_backward(a, data<T>(qkv), optional_data(bias), data<T>(out), data<float>(log_sum), data<T>(dout), data<T>(dqkv),
                                dbias.defined() ? data<float>(dbias) : nullptr, begin, end);
      });
    });
    return {dqkv, dbias.defined() ? dbias.sum(0) : Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

struct Activate : Function<Activate> {
  static Tensor forward(AutogradContext* context, Tensor x, const std::optional<Tensor>& given_bias, int64_t activation) {
    const Tensor bias = given_bias.value_or(Tensor());
    TORCH_CHECK(x.is_contiguous(), "an in-place activation needs a contiguous tensor");
    const int64_t columns = x.size(-1), rows = x.numel() / columns;
    if (bias.defined()) check_floats(bias, {columns}, "the bias");
    for_kind(x, [&](const auto& kernels, auto* kind) {
      using T = std::remove_pointer_t<decltype(kind)>;
      share(row_tasks(rows), [&](int64_t begin, int64_t end) {
        kernels.activate(static_cast<int32_t>(activation), rows, columns, optional_data(bias), data<T>(x), begin, end);
      });
    });
    context->mark_dirty({x});
    context->save_for_backward({x});
    context->saved_data["bias"] = bias.defined();
    context->saved_data["activation"] = activation;
    return x;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Tensor y = context->get_saved_variables()[0], dy = gradients[0].contiguous(), dx = at::empty_like(y);
    const int64_t columns = y.size(-1), rows = y.numel() / columns, tasks = row_tasks(rows);
    const auto activation = static_cast<int32_t>(context->saved_data["activation"].toInt());
    const bool biased = context->saved_data["bias"].toBool();
    const Tensor dbias = biased ? at::empty({tasks, columns}, y.options().dtype(at::kFloat)) : Tensor();
    for_kind(y, [&](const auto& kernels, auto* kind) {
      using T = std::remove_pointer_t<decltype(kind)>;
      share(tasks, [&](int64_t begin, int64_t end) {
        kernels.activate_backward(activation, rows, columns, data<T>(y), data<T>(dy), data<T>(dx),
                                  biased ? data<float>(dbias) : nullptr, begin, end);
      });
    });
    return {dx, biased ? dbias.sum(0) : Tensor(), Tensor()};
  }
};

// Returns the mean losses (cross entropy, objective). If `differentiates`, the logits become the
// gradient of the objective.
std::pair<double, double> losses(const Tensor& logits, const Tensor& targets, double z, bool differentiates) {
  const int64_t rows = logits.size(0), tasks = row_tasks(rows);
  std::vector<double> losses(tasks), squares(tasks);
  TORCH_CHECK(logits.dim() == 2 && targets.scalar_type() == at::kLong && targets.numel() == rows, "a loss expects [N, V] and [N]");
  const int64_t* first = data<int64_t>(targets);
  const bool within = std::all_of(first, first + rows, [&](int64_t target) { return target >= 0 && target < logits.size(1); });
  TORCH_CHECK(within, "a target is outside the vocabulary of ", logits.size(1), " tokens");
  for_kind(logits, [&](const auto& kernels, auto* kind) {
    using T = std::remove_pointer_t<decltype(kind)>;
    share(tasks, [&](int64_t begin, int64_t end) {
      kernels.cross_entropy(rows, logits.size(1), static_cast<float>(z), differentiates, data<T>(logits), data<int64_t>(targets),
                            losses.data(), squares.data(), begin, end);
    });
  });
  double loss = 0, square = 0;
  for (int64_t i = 0; i < tasks; i++) loss += losses[i], square += squares[i];
  return {loss / rows, (loss + z * square) / rows};
}

struct CrossEntropy : Function<CrossEntropy> {
  static variable_list forward(AutogradContext* context, const Tensor& logits, const Tensor& targets, double z) {
    const auto [loss, objective] = losses(logits, targets, z, true);
    const auto options = logits.options().dtype(at::kFloat);
    const variable_list both = {at::full({}, loss, options), at::full({}, objective, options)};
    context->mark_non_differentiable({both[0]});
    context->saved_data["gradient"] = logits.detach();
    return both;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    Tensor gradient = context->saved_data["gradient"].toTensor();
    const float factor = gradients[1].item<float>();
    return {factor == 1.f ? gradient : gradient.mul(at::Scalar(factor)), Tensor(), Tensor()};
  }
};

thread_local std::string last_error;

template <typename F>
bool guarded(const F& work) {
  try {
    work();
    return true;
  } catch (const std::exception& error) {
    last_error = error.what();
  } catch (...) {
    last_error = "a kernel failed without a message";
  }
  return false;
}

std::optional<Tensor> optional(const Tensor* x) { return x ? std::optional<Tensor>(x->contiguous()) : std::nullopt; }

}  // namespace

extern "C" {

const char* isoflop_last_error() { return last_error.c_str(); }

void isoflop_keep_memory() { isoflop::keep_memory(); }

bool isoflop_convolve(Tensor** out, const Tensor* x, const Tensor* taps, bool residual) {
  return guarded([&] { *out = new Tensor(Convolve::apply(*x, taps->contiguous(), residual)); });
}

bool isoflop_attend(Tensor** out, const Tensor* qkv, const Tensor* bias, int64_t heads, int64_t groups, double scale) {
  return guarded([&] { *out = new Tensor(Attend::apply(*qkv, optional(bias), heads, groups, scale)); });
}

bool isoflop_activate(Tensor** out, const Tensor* x, const Tensor* bias, int64_t activation) {
  return guarded([&] { *out = new Tensor(Activate::apply(*x, optional(bias), activation)); });
}

// out[0] is the mean cross entropy, out[1] the objective. Overwrites the logits.
bool isoflop_cross_entropy(Tensor** out, const Tensor* logits, const Tensor* targets, double z) {
  return guarded([&] {
    variable_list both;
    if (at::GradMode::is_enabled() && logits->requires_grad()) {
      both = CrossEntropy::apply(logits->contiguous(), targets->contiguous(), z);
    } else {
      const auto [loss, objective] = losses(logits->contiguous(), targets->contiguous(), z, false);
      const auto options = logits->options().dtype(at::kFloat);
      both = {at::full({}, loss, options), at::full({}, objective, options)};
    }
    out[0] = new Tensor(both[0]);
    out[1] = new Tensor(both[1]);
  });
}

struct IsoflopAdamw {
  double learning_rate, beta1, beta2, eps, weight_decay, clip_norm;
  int64_t step, decayed;
};

// norms[0] is that of the gradient before clipping, norms[1] that of the parameters' change.
bool isoflop_adamw(const Tensor* parameters, const Tensor* gradient, const Tensor* first, const Tensor* second, IsoflopAdamw settings,
                   double* norms) {
  return guarded([&] {
    const int64_t length = parameters->numel(), tasks = at::divup(length, isoflop::SUM_BLOCK);
    for (const Tensor* x : {parameters, gradient, first, second}) check_floats(*x, {length}, "the optimizer's vectors");
    const auto& kernels = isoflop::kernels().flat;
    std::vector<double> sums(tasks);
    const auto root_of_sum = [&] {
      double total = 0;
      for (double sum : sums) total += sum;
      return std::sqrt(total);
    };
    share(tasks, [&](int64_t begin, int64_t end) { kernels.squares(length, data<float>(*gradient), sums.data(), begin, end); });
    norms[0] = root_of_sum();
    const double clip = std::min(1.0, settings.clip_norm / (norms[0] + 1e-6));
    const auto power = [&](double beta) { return 1 - std::pow(beta, static_cast<double>(settings.step)); };
    const isoflop::Adamw a{float(settings.learning_rate), float(settings.beta1), float(settings.beta2), float(settings.eps),
                           float(settings.weight_decay), float(power(settings.beta1)), float(std::sqrt(power(settings.beta2))),
                           float(clip), settings.decayed};
    share(tasks, [&](int64_t begin, int64_t end) {
      kernels.adamw(a, length, data<float>(*parameters), data<float>(*gradient), data<float>(*first), data<float>(*second),
                    sums.data(), begin, end);
    });
    norms[1] = root_of_sum();
  });
}

}  // extern "C"
