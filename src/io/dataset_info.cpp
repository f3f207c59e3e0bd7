#include <algorithm>
#include <cmath>
#include <filesystem>

#include "dataset_content.h"
#include "lockstep/core/error.h"

namespace lockstep::io {
namespace {

bool has_zero(const std::vector<int64_t>& dims) {
  return std::find(dims.begin(), dims.end(), 0) != dims.end();
}

// Files of other programs have no checksums on their shapes: a damaged one asks for more memory than there
// is.
void require_plausible(const File& file, const std::string& name, const ArrayInfo& array) {
  if (array.elsewhere) {
    fail(file.path(), ": the values of ", name,
         " lie in other files (it is a virtual or external dataset), where one that is missing would read as "
         "zeros; copy them into this one");
  }
  constexpr int64_t kBestCompression = 1100;  // what gzip can do at most
  std::error_code error;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(file.path(), error));
  const bool negative =
      std::any_of(array.dims.begin(), array.dims.end(), [](int64_t dim) { return dim < 0; });
  if (!negative && (error || product(array.dims) / kBestCompression <= bytes)) return;
  fail(file.path(), ": ", name, " has shape ", dims_text(array.dims), ", but the file has only ", bytes,
       " bytes: it is damaged, or the array was never filled");
}

// Foreign files first: what is said of them is what they are, not what they lack in detail.
void check_format(const File& file) {
  const std::string expected = text("expected format = \"", kDatasetFormat, "\"", kSeeReadme);
  if (!file.has_attribute("/", "format")) {
    fail(file.path(), ": is no dataset of this program: it has no root attribute `format` and holds ",
         list_children(file), "; ", expected);
  }
  const std::string format = file.string_attribute("/", "format");
  if (format != kDatasetFormat) {
    fail(file.path(), ": is no dataset: its root attribute `format` is \"", format, "\"; ", expected);
  }
  if (!file.has_attribute("/", "version")) {
    fail(file.path(), ": has no root attribute `version`; expected version = ", kDatasetVersion, kSeeReadme);
  }
  const int64_t version = file.int_attribute("/", "version");
  if (version != kDatasetVersion) {
    fail(file.path(), ": has version ", version, " of the dataset format; this program reads version ",
         kDatasetVersion, version > kDatasetVersion ? "; a newer program is needed" : kSeeReadme);
  }
}

double number_or(const File& file, const std::string& object, const std::string& name, double otherwise) {
  if (!file.has_attribute(object, name)) return otherwise;
  const double value = file.float_attribute(object, name);
  if (!std::isfinite(value) || (name == "scale" && value == 0)) {
    fail(file.path(), ": the attribute `", name, "` of ", object, " is ", value, "; expected a finite number",
         name == "scale" ? " other than 0" : "");
  }
  return value;
}

// What one split's inputs say of samples; labels and targets are looked at apart.
DatasetInfo inputs_info(const File& file, const std::string& split) {
  const std::string name = "/" + split + "/inputs";
  const ArrayInfo array = file.info(name);
  const std::string found =
      text(file.path(), ": ", name, " has type ", array.stored_type, " and shape ", dims_text(array.dims));
  if (array.dims.size() != 2 && array.dims.size() != 4) {
    fail(found, "; expected [N, C, H, W], with C = 1 for grey images, or [N, D]", kSeeReadme);
  }
  if (array.type != Type::kUint8 && array.type != Type::kFloat32) {
    fail(found, "; expected uint8 or float32", kSeeReadme);
  }
  if (has_zero(array.dims)) fail(found, ", which holds no samples; leave out a split that has none");
  require_plausible(file, name, array);
  DatasetInfo info;
  info.sample_dims.assign(array.dims.begin() + 1, array.dims.end());
  info.type = array.type;
  info.scale = number_or(file, name, "scale", 1);
  info.offset = number_or(file, name, "offset", 0);
  return info;
}

// Whether the split has labels.
bool check_labels_array(const File& file, const std::string& split, int64_t samples) {
  const std::string name = "/" + split + "/labels";
  if (!file.exists(name)) return false;
  const ArrayInfo array = file.info(name);
  const std::string found =
      text(file.path(), ": ", name, " has type ", array.stored_type, " and shape ", dims_text(array.dims));
  if (!array.is_integer || array.dims.size() != 1) {
    fail(found, "; expected one integer for each sample, its class, [", samples, "]", kSeeReadme);
  }
  if (array.dims[0] != samples) {
    fail(file.path(), ": ", name, " has ", array.dims[0], " labels, but /", split, "/inputs has ", samples,
         " samples; the two have to be the same");
  }
  return true;
}

std::vector<int64_t> target_dims(const File& file, const std::string& split, int64_t samples) {
  const std::string name = "/" + split + "/targets";
  if (!file.exists(name)) return {};
  const ArrayInfo array = file.info(name);
  const bool numbers = array.is_integer || array.stored_type.starts_with("float");
  if (!numbers || array.dims.empty() || array.dims[0] != samples || has_zero(array.dims)) {
    fail(file.path(), ": ", name, " has type ", array.stored_type, " and shape ", dims_text(array.dims),
         "; expected float32 and one row for each of the ", samples, " samples of /", split, "/inputs",
         kSeeReadme);
  }
  require_plausible(file, name, array);
  if (array.dims.size() == 1) return {1};
  return {array.dims.begin() + 1, array.dims.end()};
}

// One above the largest label, where the file does not say.
int64_t count_classes(const File& file, const std::string& split, int64_t samples) {
  constexpr int64_t kBlock = int64_t{1} << 18;
  std::vector<int64_t> labels;
  int64_t classes = 0;
  for (int64_t first = 0; first < samples; first += kBlock) {
    labels.resize(static_cast<size_t>(std::min(kBlock, samples - first)));
    file.read_rows("/" + split + "/labels", first, static_cast<int64_t>(labels.size()), Type::kInt64,
                   labels.data());
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] < 0 || labels[i] >= kMaxClasses) {
        fail(file.path(), ": /", split, "/labels of sample ", first + static_cast<int64_t>(i), " hold ",
             labels[i], "; expected class numbers from 0 on");
      }
      classes = std::max(classes, labels[i] + 1);
    }
  }
  return classes;
}

void require_same(const File& file, const std::string& first, const std::string& second, const char* what,
                  const std::string& in_first, const std::string& in_second) {
  if (in_first == in_second) return;
  fail(file.path(), ": /", first, " and /", second, " differ in ", what, ": ", in_first, " and ", in_second,
       "; all splits have to be alike");
}

void require_alike(const File& file, const std::string& first, const DatasetInfo& a,
                   const std::string& second, const DatasetInfo& b) {
  require_same(file, first, second, "the shape of samples", dims_text(a.sample_dims),
               dims_text(b.sample_dims));
  require_same(file, first, second, "the type of inputs", type_name(a.type), type_name(b.type));
  require_same(file, first, second, "the attribute `scale`", text(a.scale), text(b.scale));
  require_same(file, first, second, "the attribute `offset`", text(a.offset), text(b.offset));
  if (a.scale != b.scale || a.offset != b.offset) {  // in digits that text() does not show
    fail(file.path(), ": /", first, " and /", second,
         " differ slightly in `scale` or `offset` of their inputs");
  }
  require_same(file, first, second, "labels", a.classes > 0 ? "present" : "none",
               b.classes > 0 ? "present" : "none");
  require_same(file, first, second, "the shape of targets", dims_text(a.target_dims),
               dims_text(b.target_dims));
}

// A split under a name that nothing would read, as /val, is an error and not silence.
void check_split_names(const File& file) {
  bool any = false;
  for (const std::string& child : file.children("/")) {
    if (!file.exists("/" + child + "/inputs")) continue;
    any = true;
    if (std::find(kSplits.begin(), kSplits.end(), child) == kSplits.end()) {
      fail(file.path(), ": has /", child, "/inputs; a split is called /train, /validation or /test",
           kSeeReadme);
    }
  }
  for (const std::string& split : kSplits) {
    if (file.exists(text("/", split)) && !file.exists(text("/", split, "/inputs"))) {
      fail(file.path(), ": has /", split, " without /", split, "/inputs", kSeeReadme);
    }
  }
  if (any) return;
  fail(file.path(), ": has none of /train/inputs, /validation/inputs, /test/inputs; it holds ",
       list_children(file), kSeeReadme);
}

int64_t stated_classes(const File& file) {
  const int64_t classes = file.int_attribute("/", "classes");
  if (classes < 1 || classes > kMaxClasses) {
    fail(file.path(), ": the attribute `classes` of / is ", classes,
         ", but the file has labels; expected their number, or no such attribute", kSeeReadme);
  }
  return classes;
}

}  // namespace

std::string list_children(const File& file) {
  std::string result;
  for (const std::string& child : file.children("/")) result += (result.empty() ? "/" : ", /") + child;
  return result.empty() ? "nothing" : result;
}

DatasetInfo read_info(const File& file) {
  check_format(file);
  check_split_names(file);
  DatasetInfo info;
  std::string first;
  int64_t classes = 0;
  const bool classes_stated = file.has_attribute("/", "classes");
  for (const std::string& split : kSplits) {
    if (!file.exists(text("/", split, "/inputs"))) continue;
    const int64_t samples = file.info(text("/", split, "/inputs")).dims.at(0);
    DatasetInfo found = inputs_info(file, split);
    found.target_dims = target_dims(file, split, samples);
    if (check_labels_array(file, split, samples)) {
      found.classes = classes_stated ? stated_classes(file) : count_classes(file, split, samples);
      classes = std::max(classes, found.classes);
    }
    if (first.empty()) {
      first = split;
      info = found;
    }
    require_alike(file, first, info, split, found);
  }
  info.classes = classes;
  if (file.has_attribute("/", "source")) info.source = file.string_attribute("/", "source");
  return info;
}

}  // namespace lockstep::io
