// Pieces of pictures for generated samples: from a dataset, or textures drawn for the purpose.
#pragma once

#include <functional>
#include <string>

#include "generators.h"

namespace lockstep::data {

struct PatchSource {
  std::string source;  // for people: "drawn textures", "pictures of cifar10.h5 (digest ..)"
  std::function<Picture(RandomStream& random)> draw;  // thread safe
};

// From the split of a dataset with pictures of at least 28 x 28 (GreyPictures says which): uniform picture,
// uniform place in it. As in the paper's sets, a patch with little texture is drawn again: one whose grey has
// a standard deviation below 16 of 255; the sixteenth is taken as it is. Without a path: draw_texture().
PatchSource open_patches(const std::string& path, const std::string& split);

// A smooth random field: three octaves of value noise, each on a lattice of random levels (K. Perlin 1985,
// "An image synthesizer"), turned and stretched at random, from a dark to a bright level. In whole numbers.
Picture draw_texture(RandomStream& random);

}  // namespace lockstep::data
