// What the files of a run have in common: a format that they state, parameters, where they come from.
#pragma once

#include <string>
#include <string_view>

#include "lockstep/core/digest.h"
#include "lockstep/core/parameter_layout.h"
#include "lockstep/io/file.h"
#include "lockstep/train/checkpoint.h"

namespace lockstep::train {

struct FileFormat {
  const char* name;    // what the root attribute `format` says
  int64_t version;     // likewise `version`
  const char* what;    // "a checkpoint"
  const char* advice;  // "give a file that --checkpoint wrote"
};

void write_format(io::File& file, const FileFormat& format);
// Fails, naming the file, where it is of another format or version.
void require_format(const io::File& file, const FileFormat& format);

// An arena's parameters as arrays GROUP/LAYER/NAME, in the order of the layout.
void write_arena(io::File& file, const std::string& group, const ParameterLayout& layout, const float* arena);
void read_arena(const io::File& file, const std::string& group, const ParameterLayout& layout, float* arena);
void add_arena(Digest& digest, const ParameterLayout& layout, std::string_view name, const float* arena);
// Of what lies under /parameters.
ParameterLayout read_layout(const io::File& file);

// The first parameter with a value that is infinite or NaN; null where there is none.
const ParameterInfo* first_not_finite(const ParameterLayout& layout, const float* arena);

void write_provenance(io::File& file, const Attributes& provenance);
Attributes read_provenance(const io::File& file);

}  // namespace lockstep::train
