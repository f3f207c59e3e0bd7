// What `trainer` trains when it is given no configuration: LeNet on the generated digits.
// launch/digits_lenet.cfg is the same as a file, which a test holds it to.
#pragma once

namespace lockstep::app {

inline constexpr const char* kDefaultConfiguration = R"(dataset       = digits
layer         = conv 20 kernel=5
layer         = maxpool 2
layer         = conv 50 kernel=5
layer         = maxpool 2
layer         = linear 500
layer         = relu
layer         = linear 10
loss          = softmax
optimizer     = sgd
learning-rate = 0.05
momentum      = 0.9
weight-decay  = 5e-4
schedule      = cosine
warmup-steps  = 100
batch-size    = 64
epochs        = 5
seed          = 1
)";

}  // namespace lockstep::app
