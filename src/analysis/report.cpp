#include "lockstep/analysis/report.h"

#include "lockstep/analysis/pictures.h"
#include "lockstep/analysis/svg.h"
#include "report_style.h"

namespace lockstep::analysis {

namespace {

std::string element(const std::string& name, const std::string& content) {
  return "<" + name + ">" + content + "</" + name + ">\n";
}

std::string headline(const Facts& facts) {
  std::string page = "<dl class=\"headline\">\n";
  for (const auto& [name, value] : facts) {
    page += "<div><dt>" + escape_markup(name) + "</dt><dd>" + escape_markup(value) + "</dd></div>\n";
  }
  return page + "</dl>\n";
}

std::string figure(const PictureKind& kind, const Picture& picture, int number) {
  std::string page = "<figure id=\"" + kind.name + "\">\n<div class=\"picture\">";
  if (picture.image) {
    page += "<img alt=\"" + escape_markup(kind.title) + "\" width=\"" +
            std::to_string(picture.image->width()) + "\" height=\"" +
            std::to_string(picture.image->height()) + "\" src=\"" + data_uri(*picture.image) + "\"/>";
  } else {
    page += picture.svg;
  }
  return page + "</div>\n<figcaption><b>Figure " + std::to_string(number) + ". " + escape_markup(kind.title) +
         ".</b> " + escape_markup(picture.caption) + "</figcaption>\n</figure>\n";
}

std::string figures(Material& material) {
  std::string page;
  int number = 0;
  for (const PictureKind& kind : picture_kinds()) {
    if (kind.lacks(material).empty()) page += figure(kind, kind.draw(material), ++number);
  }
  return page;
}

// A row a layer: its line, what comes out, what it has to learn.
std::string network_table(const nn::Network& network) {
  std::string page =
      "<div class=\"scroll\"><table>\n<tr><th>layer</th><th>line</th><th class=\"number\">output</th>"
      "<th class=\"number\">parameters</th></tr>\n";
  for (const nn::Node& node : network.nodes()) {
    int64_t own = 0;
    bool adopts = false;
    for (size_t p = 0; p < node.parameters.size(); ++p) {
      const ParameterInfo& info = network.layout().parameters()[static_cast<size_t>(node.parameters[p])];
      own += node.owns[p] ? info.size : 0;
      adopts = adopts || !node.owns[p];
    }
    page += "<tr><td>" + escape_markup(node.name) + "</td><td><code>" + escape_markup(node.line) +
            "</code></td><td class=\"number\">" + node.layer->output_shape().to_string() +
            "</td><td class=\"number\">" + std::to_string(own) + (adopts ? " + shared" : "") + "</td></tr>\n";
  }
  return page + "</table></div>\n";
}

std::string fact_table(const Facts& facts) {
  std::string page = "<div class=\"scroll\"><table>\n";
  for (const auto& [name, value] : facts) {
    page += "<tr><th>" + escape_markup(name) + "</th><td>" + escape_markup(value) + "</td></tr>\n";
  }
  return page + "</table></div>\n";
}

}  // namespace

std::string report_page(Material& material, const ReportText& text) {
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n";
  page +=
      "<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\"/>\n";
  page += element("title", escape_markup(text.title));
  page += element("style", kReportStyle);
  page += "</head>\n<body>\n<main>\n<header>\n";
  page += element("h1", escape_markup(text.title));
  page += element("p", escape_markup(text.summary));
  page += headline(text.headline);
  page += "</header>\n";
  page += element("h2", "Figures") + figures(material);
  page += element("h2", "Network") + network_table(material.subject().network);
  page += element("h2", "Configuration") + "<pre id=\"configuration\">" + escape_markup(text.configuration) +
          "</pre>\n";
  page += "<details>\n<summary>with every option written out</summary>\n<pre id=\"resolved\">" +
          escape_markup(text.resolved) + "</pre>\n</details>\n";
  page += element("h2", "Provenance") + fact_table(text.provenance);
  page += "<footer>digest of all parameters <code id=\"digest\">" + escape_markup(text.digest) +
          "</code></footer>\n";
  return page + "</main>\n</body>\n</html>\n";
}

}  // namespace lockstep::analysis
