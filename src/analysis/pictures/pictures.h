// The functions of the table of pictures; PictureKind says what each does.
#pragma once

#include "lockstep/analysis/pictures.h"

namespace lockstep::analysis {

// Loss and error over training.
std::string lacks_curves(const Material& material);
Picture draw_curves(Material& material);

// Weights of the first layer that has any, and of the last.
std::string lacks_filters(const Material& material);
Picture draw_filters(Material& material);
std::string lacks_decoder(const Material& material);
Picture draw_decoder(Material& material);

// Samples, and what an autoencoder makes of them.
std::string lacks_reconstructions(const Material& material);
Picture draw_reconstructions(Material& material);

// The code's values, and the code in two dimensions.
std::string lacks_histogram(const Material& material);
Picture draw_histogram(Material& material);
std::string lacks_embedding(const Material& material);
Picture draw_embedding(Material& material);

// Where an autoencoder takes points, and its energy.
std::string lacks_field(const Material& material);
Picture draw_field(Material& material);

// What a classifier finds.
std::string lacks_confusion(const Material& material);
Picture draw_confusion(Material& material);
std::string lacks_mistakes(const Material& material);
Picture draw_mistakes(Material& material);

// Why samples of this shape cannot be shown; empty where they can.
std::string not_pictures(const Material& material);

// How many tiles fit beside each other in a page, evenly over the rows.
int64_t columns_for_tiles(const Shape& shape, int64_t zoom, int64_t count);

// "12 units", "1 unit".
std::string counted(int64_t count, const std::string& what);
// With so many digits that count: "0.00123".
std::string rounded(double value, int digits = 3);

}  // namespace lockstep::analysis
