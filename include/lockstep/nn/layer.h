// What a layer is: the three functions of the modular formulation of back-propagation.
//
//   fprop  outputs from inputs and parameters
//   bprop  the derivative of the loss with respect to the inputs, from that with respect to the output
//   grad   the derivative with respect to the parameters, accumulated, so that sharing a parameter just works
//
// A layer object is immutable and serves all threads; whatever a pass needs comes in through its arguments.
// Shapes are fixed when it is made, and the three functions allocate nothing. Activations lie as
// kernels/layout.h says.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lockstep/core/recording.h"
#include "lockstep/core/shape.h"
#include "lockstep/kernels/work.h"
#include "lockstep/nn/scalar_function.h"

namespace lockstep::nn {

class PassObserver;  // pass_observer.h

// One microbatch on its way through the network.
struct Pass {
  int64_t samples = 0;    // of this microbatch
  int64_t columns = 0;    // kernels::columns_for(samples)
  int64_t minibatch = 0;  // samples of the whole minibatch, over all ranks
  bool training = false;
  // What random numbers follow from; never a rank or a thread.
  uint64_t seed = 0;
  uint32_t step = 0;
  uint32_t first_sample = 0;         // the place in the minibatch of this microbatch's first sample
  Timeline* timeline = nullptr;      // where this thread's time is recorded; mostly nowhere
  PassObserver* observer = nullptr;  // who is shown the values; mostly nobody
  // Whether layers that need sums over the minibatch get them (Layer::minibatch_sums()); otherwise this
  // microbatch is all of it.
  bool together = false;
};

enum class Way { kForward, kBackward };

struct ParameterSpec {
  std::string name;           // "weights", "bias"
  std::vector<int64_t> dims;  // natural layout
  int64_t fan_in = 0;         // 0: starts at `constant` instead of at random
  int64_t fan_out = 0;
  float constant = 0;
  // Of a statistic, which is not learned (ParameterInfo::keep). grad() gives the microbatch's observation
  // times its share of the minibatch, so that the sum over microbatches is the minibatch's mean.
  std::optional<float> keep = std::nullopt;
};

// What fprop, bprop and grad work on.
struct Operands {
  std::span<const float* const> inputs;      // one matrix an input: features x columns
  std::span<const float* const> parameters;  // in the order of Layer::parameters()
  float* output;                             // features x columns; written by fprop, read by the others
  float* saved;                              // saved_floats(columns) that fprop leaves for grad and bprop
  float* scratch;                            // scratch_floats(columns); anybody's before and after
};

// What bprop and grad read of what fprop saw, besides parameters and `saved`. The rest of it is gone by then:
// its memory serves other layers.
struct BackwardReads {
  bool inputs = true;
  bool output = true;
};

// Where a derivative goes: replaced, or added to what is there. Null where nobody wants it.
struct Sink {
  float* data = nullptr;
  bool accumulate = false;
};

// y = M x + c in double precision, M outputs x inputs, row major.
struct AffineMap {
  int64_t outputs = 0;
  int64_t inputs = 0;
  std::vector<double> matrix;
  std::vector<double> offset;
};

// How the first parameter of a layer y = W x + b holds W.
struct DenseWeights {
  int64_t units;
  int64_t inputs;
  bool transposed;  // whether it is inputs x units, else units x inputs; row major
};

// The most microbatches that joint_grad() sums at once.
constexpr int64_t kMostJoint = 32;

// What Layer::keep() left of one microbatch.
struct Kept {
  const float* values;
  int64_t columns;
};

class Layer {
 public:
  virtual ~Layer() = default;

  virtual Shape output_shape() const = 0;
  virtual std::vector<ParameterSpec> parameters() const { return {}; }
  virtual int64_t saved_floats(int64_t /*columns*/) const { return 0; }
  virtual int64_t scratch_floats(int64_t /*columns*/) const { return 0; }

  virtual BackwardReads backward_reads() const { return {}; }
  // Whether fprop may write the output over the first input, and bprop that input's derivative over the
  // output's.
  virtual bool in_place() const { return false; }

  // The function that an elementwise layer applies to every value; none for other layers.
  virtual std::optional<ScalarFunction> scalar_function() const { return std::nullopt; }

  // What a layer of dense connections computes of its (flattened) input; none for other layers.
  virtual std::optional<AffineMap> affine_map(std::span<const float* const> /*parameters*/) const {
    return std::nullopt;
  }

  // Of a layer whose first parameter is its matrix of dense connections; none for other layers.
  virtual std::optional<DenseWeights> dense_weights() const { return std::nullopt; }

  // Whether it passes its input on as it is, and adds to what training minimises. In training its fprop
  // leaves what it adds in `saved`, summed over the samples of the microbatch, as the loss is; bprop and grad
  // add the derivative of that, divided by the samples of the minibatch. In evaluation it adds nothing.
  virtual bool is_penalty() const { return false; }
  virtual double penalty(const float* /*saved*/) const { return 0; }

  // What each direction takes a sample in microbatches of so many columns, and the kernel that does it: a row
  // of `trainer time` each.
  virtual kernels::LayerWork work(int64_t columns) const = 0;

  virtual void fprop(const Pass& pass, const Operands& operands) const = 0;
  // One sink an input. Comes after grad() where there are parameters, which may leave something in `saved`.
  virtual void bprop(const Pass& pass, const Operands& operands, const float* output_delta,
                     std::span<const Sink> input_deltas) const = 0;
  // One sink a parameter; null where it does not learn. Not called where none of them does.
  virtual void grad(const Pass& /*pass*/, const Operands& /*operands*/, const float* /*output_delta*/,
                    std::span<const Sink> /*gradients*/) const {}

  // A layer that has to know sums over all microbatches of the minibatch before it can go on: so many of
  // them, each way; 0 for those that do not. In a pass that goes together, terms() gives the microbatch's
  // part of the sums, before fprop() and between grad() and bprop(), and take() then leaves in `saved` what
  // these need of the sums.
  virtual int64_t minibatch_sums() const { return 0; }
  virtual void terms(Way /*way*/, const Pass& /*pass*/, const Operands& /*operands*/,
                     double* /*terms*/) const {}
  virtual void take(Way /*way*/, const Pass& /*pass*/, const double* /*sums*/, float* /*saved*/) const {}

  // Where the first parameter's gradient is a large matrix, writing and adding one a microbatch costs more
  // than computing it. Such a layer can compute its rows for several microbatches at once, from what keep()
  // leaves in place of grad() (whose sink for it is then null). 0 rows: it cannot.
  virtual int64_t joint_rows() const { return 0; }
  virtual int64_t kept_floats(int64_t /*columns*/) const { return 0; }
  virtual void keep(const Pass& /*pass*/, const Operands& /*operands*/, const float* /*output_delta*/,
                    float* /*kept*/) const {}
  // Rows begin to end of the sum over the microbatches; `merges` is its order, as kernels::dense_gradient has
  // it. Replaces what is in `gradient`, which points at row 0.
  virtual void joint_grad(std::span<const Kept> /*microbatches*/, std::span<const int> /*merges*/,
                          int64_t /*begin*/, int64_t /*end*/, float* /*gradient*/) const {}
};

}  // namespace lockstep::nn
