// A trained network with what pictures of it need: its data, and what it makes of them, computed once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/analysis/forward.h"
#include "lockstep/analysis/image.h"
#include "lockstep/analysis/share.h"
#include "lockstep/core/buffer.h"
#include "lockstep/data/dataset.h"
#include "lockstep/data/preprocessing.h"
#include "lockstep/data/unpack.h"
#include "lockstep/io/file.h"
#include "lockstep/nn/loss.h"
#include "lockstep/nn/network.h"

namespace lockstep::analysis {

// What a picture may be of. References stay in use.
struct Subject {
  const nn::Network& network;
  const float* parameters;
  nn::NetworkSettings settings;
  const nn::Loss& loss;
  bool classifies;      // labels
  bool both_views;      // by the mean of the outputs for a picture and for its mirror image
  bool reconstructs;    // its input
  bool sigmoid_on_top;  // what it says is the sigmoid of its output (cross-entropy)
  const io::DatasetInfo& info;
  data::Normalisation normalisation;  // what `unpacker` does; empty: nothing
  const data::Unpacker& unpacker;
  const data::Split& split;
  std::string split_name;
  const io::Table& history;
  std::string evaluated;      // the split of the history's evaluations
  bool evaluated_both_views;  // as they were made, whatever `both_views` asks for now
  std::string code;           // the layer that the code is at; empty: as nn::code_node() finds it
};

struct Samples {
  Rows inputs;                  // as the network sees them
  std::vector<int32_t> labels;  // empty where there are none
};

struct Code {
  std::string layer;
  Rows values;
  std::vector<int32_t> labels;  // of the samples; empty where there are none
};

// One sample that a classifier was asked about.
struct Answer {
  int64_t index = 0;  // in the split
  int32_t label = 0;
  int32_t found = 0;
  double loss = 0;
};

struct Classification {
  std::vector<int64_t>
      confusion;              // classes x classes: how many of the row's class were found to be the column's
  std::vector<Answer> worst;  // of the highest loss, the highest first
  int64_t count = 0;
  int64_t wrong = 0;
};

class Material {
 public:
  // A usage error where the subject names a layer for the code that the network does not have.
  Material(const Subject& subject, const Team& team);

  const Subject& subject() const { return subject_; }
  const Team& team() const { return team_; }
  // Why there is no code; empty where there is one.
  const std::string& no_code() const { return no_code_; }
  int code_node() const { return code_node_; }

  // Collective, all of them; the same on every rank.
  // At most so many, evenly spread over the split.
  Samples samples(int64_t most);
  Samples samples_at(const std::vector<int64_t>& indices);
  // What the network says of them.
  Rows outputs(const Rows& inputs);
  const Code& code();                      // of 1000 samples at most
  const Classification& classification();  // over the whole split

  // Samples, or what a network says they are, as tiles with a channel or three: in the units of the dataset's
  // values, without normalisation. Where samples have another number of channels, these lie side by side.
  std::vector<float> tiles(const Rows& rows) const;
  Shape tile_shape() const;
  // The range of all values that are stored as bytes, else that of these tiles.
  Range tile_range(const std::vector<float>& tiles) const;

 private:
  Rows scored_outputs(Rows inputs);

  Subject subject_;
  Team team_;
  int code_node_ = -1;
  std::string no_code_;
  std::optional<Code> code_;
  std::optional<Classification> classification_;
};

// The shape in which numbers of this shape can be drawn: channels side by side where they are not 1 or 3.
Shape drawable_shape(const Shape& shape);
// Numbers of `shape` in natural order, in the order of drawable_shape(), appended to `tiles`.
void append_tile(std::span<const float> values, const Shape& shape, std::vector<float>& tiles);

}  // namespace lockstep::analysis
