// A layer's line of the configuration, taken apart: "conv 20 kernel=5 name=first".
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lockstep/core/options.h"
#include "lockstep/kernels/precision.h"

namespace lockstep::nn {

// What holds for all layers that do not say otherwise.
struct NetworkSettings {
  std::string initialisation = "glorot";
  bool winograd = true;  // whether 3x3 convolutions may take Winograd's algorithm
  kernels::Precision precision = kernels::Precision::kFloat32;  // of convolutions and linear layers
};

class Layer;

// A layer that another one reads.
struct Source {
  int node = -1;                             // its index; -1: the network's input
  std::string text = "the network's input";  // for messages: else the layer's line in quotes
  const Layer* layer = nullptr;              // null: the network's input
};

// What lines of this form say: other things than layers are written so too.
struct LineForm {
  std::string noun = "layer";
  std::string example = "conv 20 kernel=5";
};

// Reads values by name; each complaint names the line, the value and what would be valid. A value that no
// layer asked for is an error too, found by finish().
class LayerArguments {
 public:
  // `position` is the layer's place in the network, from 0: what tells its random numbers from other layers'.
  LayerArguments(const LayerLine& line, uint32_t position, const NetworkSettings& settings = {},
                 LineForm form = {});

  const std::string& type() const { return type_; }
  uint32_t position() const { return position_; }
  const NetworkSettings& settings() const { return settings_; }

  // A number that may stand first without its name ("conv 20"), or as NAME=.
  int64_t leading_whole(const std::string& name, int64_t lowest);
  double leading_real(const std::string& name, double lowest, double below,
                      std::optional<double> fallback = std::nullopt);
  // One of some words, likewise.
  std::string leading_word(const std::string& name, const std::vector<std::string>& choices);
  // A named number that must be there.
  int64_t required_whole(const std::string& name, int64_t lowest);
  // Optional named values.
  int64_t whole(const std::string& name, int64_t lowest, int64_t fallback);
  double real(const std::string& name, double lowest, double below, double fallback);
  std::string word(const std::string& name, const std::string& fallback);
  bool yes_or_no(const std::string& name, bool fallback);
  // Whether the layer's own parameters change in training: yes unless the line says learn=no.
  bool learns() { return yes_or_no("learn", true); }
  bool has(const std::string& name) const { return values_.count(name) > 0; }

  // What the line reads first, and what that reads first, seen through penalties, which pass on what they
  // read. Only a network knows.
  using Sources = std::array<Source, 2>;
  void set_sources(const Sources& sources) { sources_ = sources; }
  const Sources& sources() const { return sources_; }
  // The layer's first parameter is to be that of another node.
  void adopt_first_parameter(int node) { adopted_ = node; }
  std::optional<int> adopted() const { return adopted_; }

  // Complains about what nobody asked for.
  void finish() const;

  // A complaint about this line, as a usage error: "file:3: layer 'conv 20 kernel=5': MESSAGE".
  [[noreturn]] void complain(const std::string& message) const;

 private:
  void take_leading(const std::string& name);
  std::string unknown_values() const;

  std::string line_;
  std::string origin_;
  LineForm form_;
  uint32_t position_;
  NetworkSettings settings_;
  std::string type_;
  std::vector<std::string> leading_;  // values without a name, in order
  size_t leading_used_ = 0;
  std::map<std::string, std::string> values_;
  std::set<std::string> asked_;
  Sources sources_;
  std::optional<int> adopted_;
};

}  // namespace lockstep::nn
