// The phase portrait of an autoencoder: all that `trainer dynamics` finds, as text, HDF5 and a drawing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lockstep/analysis/fixed_points.h"
#include "lockstep/analysis/plane.h"
#include "lockstep/io/file.h"

namespace lockstep::analysis {

struct PortraitOptions {
  IterationOptions iteration;
  FixedPointOptions fixed_points;
  int64_t grid = 25;  // places along each direction of the plane
};

struct Portrait {
  bool exact = true;    // double precision and exact Jacobians
  bool binary = false;  // the field whose curl is given is that of logits
  bool closed = false;  // whether the energy's bound was checked
  std::string energy;   // what the energy is; empty where there is none
  std::string source;   // of the starts: "the test split's samples"
  int64_t most_steps = 0;
  std::vector<Point> starts;
  std::vector<Trajectory> trajectories;
  FixedPoints fixed_points;
  std::vector<double> curls;  // at the first starts, as curl() has it
  std::optional<Plane> plane;
  PlaneField field;
  std::vector<std::vector<Point>> paths;  // the first steps of some trajectories, for drawing

  double largest_curl() const;  // at the starts looked at and the fixed points examined
  // Whether the curl is 0 within what its computation is rounded by.
  bool conservative() const;
};

// Collective; the same on every rank. Without a plane there is no field.
Portrait portrait_of(const Team& team, const Reconstruction& r, const Landscape& landscape,
                     const std::vector<Point>& starts, const std::optional<Plane>& plane,
                     const PortraitOptions& options);

// Lines for people.
std::string portrait_text(const Portrait& portrait);
// Everything, with an attribute on each array that says what it is.
void write_portrait(const Portrait& portrait, io::File& file);
// The plane: energy as colours and contours, the field as arrows, fixed points and trajectories projected on
// it.
std::string portrait_svg(const Portrait& portrait, const std::string& title);

}  // namespace lockstep::analysis
