#include "lockstep/core/options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/option_table.h"
#include "support/expect.h"

namespace lockstep {
namespace {

using test::expect_usage_error;

Options configured(const std::string& content) {
  Options options;
  apply_configuration(options, content, "run.cfg");
  return options;
}

Options with_command_line(const std::string& content, const std::vector<std::string>& arguments) {
  Options options = configured(content);
  apply_settings(options, parse_command_line(arguments, {}), {});
  return options;
}

TEST(Configuration, IsLinesOfKeyAndValueWithCommentsAndBlankLines) {
  const Options options = configured(
      "# a comment\n"
      "\n"
      "learning-rate = 0.25   # and another\n"
      "  batch-size=17\n"
      "optimizer   =   adam\n"
      "nesterov = true");
  EXPECT_EQ(options.learning_rate, 0.25);
  EXPECT_EQ(options.batch_size, 17);
  EXPECT_EQ(options.optimizer, "adam");
  EXPECT_TRUE(options.nesterov);
}

TEST(Configuration, LayersComeInOrderWithWhereTheyStood) {
  const Options options = configured("layer = conv 20 kernel=5\nseed = 3\nlayer = relu\n");
  ASSERT_EQ(options.layers.size(), 2u);
  EXPECT_EQ(options.layers[0].line, "conv 20 kernel=5");
  EXPECT_EQ(options.layers[0].origin, "run.cfg:1");
  EXPECT_EQ(options.layers[1].line, "relu");
  EXPECT_EQ(options.layers[1].origin, "run.cfg:3");
}

TEST(Configuration, AnUnknownKeyIsAnErrorWithPlaceAndNearNames) {
  expect_usage_error([] { configured("seed = 1\nmomentun = 0.9\n"); },
                     {"run.cfg:2", "no option 'momentun'", "did you mean 'momentum'?"});
  expect_usage_error([] { configured("layers = relu\n"); }, {"run.cfg:1", "did you mean 'layer'?"});
  expect_usage_error([] { configured("zzzzzzzz = 1\n"); }, {"run.cfg:1", "known: layer, dataset"});
}

TEST(Configuration, AWrongValueIsAnErrorWithPlaceValueAndWhatIsValid) {
  expect_usage_error([] { configured("\n\nbatch-size = 0\n"); },
                     {"run.cfg:3", "batch-size = 0 cannot be used", "a whole number from 1 to"});
  expect_usage_error([] { configured("batch-size = 10.5\n"); }, {"batch-size = 10.5", "a whole number"});
  expect_usage_error(
      [] { configured("batch-size = 64, 256 after 2, 128 after 1\n"); },
      {"run.cfg:1", "batch-size = 64, 256 after 2, 128 after 1", "ascending order: 64, 256 after 10"});
  expect_usage_error([] { configured("momentum = 1\n"); }, {"momentum = 1", "a number from 0 to below 1"});
  expect_usage_error([] { configured("learning-rate = -1\n"); },
                     {"learning-rate = -1", "a number, 0 or more"});
  expect_usage_error([] { configured("optimizer = adma\n"); },
                     {"optimizer = adma", "one of sgd, adam, adamw"});
  expect_usage_error([] { configured("nesterov = yes\n"); }, {"nesterov = yes", "true or false"});
  expect_usage_error([] { configured("seed = -1\n"); }, {"seed = -1", "from 0 to 18446744073709551615"});
  expect_usage_error([] { configured("steps = 99999999999999999999\n"); }, {"steps = 99999999999999999999"});
}

TEST(Configuration, NoOptionTakesNanOrInfinityOrText) {
  for (const OptionEntry& entry : option_table()) {
    if (entry.expected == "a file") continue;
    const std::set<std::string> read_elsewhere = {"augment", "normalise",  "learn",     "patches",
                                                  "whiten",  "start-from", "stack-code"};
    if (read_elsewhere.contains(entry.name)) continue;  // where the dataset or the checkpoint is known
    for (const char* value : {"nan", "inf", "-inf", "nonsense", "1e", "0x10", "1 2"}) {
      expect_usage_error([&] { configured(entry.name + " = " + value); },
                         {"run.cfg:1", entry.name + " = " + value + " cannot be used", entry.expected});
    }
  }
}

TEST(Configuration, AKeyWithoutValueIsAnError) {
  for (const OptionEntry& entry : option_table()) {
    if (entry.name == "checkpoint") continue;  // empty: none is written
    expect_usage_error([&] { configured(entry.name + " =\n"); },
                       {"run.cfg:1", entry.name + " has no value; expected", entry.expected});
  }
  EXPECT_EQ(configured("checkpoint =\n").checkpoint, "");
}

TEST(Configuration, ALineWithoutEqualsSignIsAnError) {
  expect_usage_error([] { configured("seed = 1\nhello world\n"); },
                     {"run.cfg:2", "'hello world' is not of the form key = value"});
}

TEST(Configuration, SectionsAreAnError) {
  for (const char* line : {"[train]", "  [train]", "["}) {
    expect_usage_error([&] { configured(line); }, {"run.cfg:1", "is a section", "key = value"});
  }
}

TEST(Configuration, AKeyThatStandsTwiceIsAnErrorWithBothLines) {
  expect_usage_error([] { configured("seed = 1\nepochs = 3\nseed = 2\n"); },
                     {"run.cfg:3", "seed is given a second time", "line 1"});
}

// A checkpoint holds the options as a configuration, where it would begin a comment.
TEST(Configuration, NoValueHoldsAHash) {
  expect_usage_error(
      [] {
        with_command_line("", {"--dataset", "a#b.h5"});
      },
      {"the command line", "dataset = a#b.h5 cannot be used", "begins a comment"});
  expect_usage_error(
      [] {
        with_command_line("", {"--layer", "linear 10 name=a#b"});
      },
      {"the command line", "layer = linear 10 name=a#b cannot be used"});
}

TEST(Configuration, ATargetIsAChoiceOrALayer) {
  EXPECT_EQ(configured("target = layer:code\n").target, "layer:code");
  for (const char* value : {"layer:", "layer", "code", "inputs"}) {
    expect_usage_error(
        [&] { configured(text("target = ", value, "\n")); },
        {text("target = ", value, " cannot be used"), "labels, targets, input, or layer:NAME"});
  }
}

// What is not given leaves no line, which nobody could read again.
TEST(Configuration, WhereARunStartsIsWrittenOnlyWhereItIsGiven) {
  EXPECT_EQ(configuration_text(Options()).find("start-from"), std::string::npos);
  EXPECT_EQ(configuration_text(Options()).find("stack-"), std::string::npos);
  const std::string given = "start-from = a.h5,b.h5\nstack-on = c.h5\nstack-code = code\n";
  const Options options = configured(configuration_text(configured(given)));
  EXPECT_EQ(options.start_from, "a.h5,b.h5");
  EXPECT_EQ(options.stack_on, "c.h5");
  EXPECT_EQ(options.stack_code, "code");
}

void expect_unused(const std::string& content, const std::vector<std::string>& parts) {
  expect_usage_error([&] { check_unused(configured(content)); }, parts);
}

TEST(UnusedOptions, OfACodeIsOneOfNoStack) {
  expect_unused("stack-code = code\n",
                {"run.cfg:1", "nothing reads stack-code", "add stack-on = CHECKPOINT"});
}

TEST(UnusedOptions, AreErrorsThatNameTheChoiceTheyAreFor) {
  expect_unused("optimizer = adam\nmomentum = 0.9\n",
                {"run.cfg:2", "nothing reads momentum with optimizer = adam", "optimizer = sgd"});
  expect_unused("optimizer = adamw\nnesterov = false\n", {"nothing reads nesterov"});
  for (const char* key : {"beta1", "beta2", "epsilon"}) {
    expect_unused(std::string(key) + " = 0.5\n",
                  {"run.cfg:1", std::string("nothing reads ") + key, "optimizer = sgd"});
  }
  expect_unused("schedule-gamma = 0.5\n", {"nothing reads schedule-gamma with schedule = constant"});
  expect_unused("schedule = cosine\nschedule-power = 2\n",
                {"nothing reads schedule-power with schedule = cosine"});
}

TEST(UnusedOptions, AreLeftOutOfTheConfigurationThatACheckpointHolds) {
  const Options adam = configured("optimizer = adam\nschedule = cosine\n");
  check_unused(configured(configuration_text(adam)));
  EXPECT_EQ(configuration_text(configured(configuration_text(adam))), configuration_text(adam));
}

TEST(UnusedOptions, AreNoneWhereEverythingIsRead) {
  check_unused(Options());
  check_unused(configured("momentum = 0.9\nnesterov = true\nschedule = step\nschedule-steps = 3\n"));
  check_unused(configured("optimizer = adam\nbeta1 = 0.8\nepsilon = 1e-4\n"));
}

TEST(UnusedOptions, OfTheFileAreNoneWhereTheCommandLineChoseAnew) {
  check_unused(with_command_line("optimizer = sgd\nmomentum = 0.9\n", {"--optimizer", "adam"}));
  expect_usage_error(
      [] {
        check_unused(with_command_line("", {"--optimizer", "adam", "--momentum", "0.5"}));
      },
      {"the command line", "nothing reads momentum"});
}

TEST(CommandLineOptions, WinOverTheFile) {
  const Options options = with_command_line("seed = 1\nepochs = 5\n",
                                            {"--seed", "7", "--learning-rate=0.5", "--nesterov", "true"});
  EXPECT_EQ(options.seed, 7u);
  EXPECT_EQ(options.epochs, 5);
  EXPECT_EQ(options.learning_rate, 0.5);
  EXPECT_TRUE(options.nesterov);
}

TEST(CommandLineOptions, KnowWhereEachValueStood) {
  const Options options = with_command_line("seed = 1\nepochs = 5\n", {"--seed", "7"});
  EXPECT_EQ(options.origin("seed"), "the command line");
  EXPECT_EQ(options.origin("epochs"), "run.cfg:2");
  EXPECT_EQ(options.origin("momentum"), "the default");
}

TEST(CommandLineOptions, LayersReplaceThoseOfTheFile) {
  const std::string file = "layer = conv 20 kernel=5\nlayer = relu\n";
  const Options replaced = with_command_line(file, {"--layer", "linear 3", "--layer", "tanh"});
  ASSERT_EQ(replaced.layers.size(), 2u);
  EXPECT_EQ(replaced.layers[0].line, "linear 3");
  EXPECT_EQ(replaced.layers[0].origin, "the command line");
  EXPECT_EQ(replaced.layers[1].line, "tanh");
  EXPECT_EQ(with_command_line(file, {"--seed", "2"}).layers.size(), 2u);
}

TEST(CommandLineOptions, WordsAndSettingsAreToldApart) {
  const CommandLine line =
      parse_command_line({"train", "a.cfg", "--seed", "3", "b", "--output", "x"}, {"output"});
  EXPECT_EQ(line.words, (std::vector<std::string>{"train", "a.cfg", "b"}));
  const std::vector<std::pair<std::string, std::string>> settings = {{"seed", "3"}, {"output", "x"}};
  EXPECT_EQ(line.settings, settings);
}

TEST(CommandLineOptions, KeysOfTheCommandAreLeftToIt) {
  Options options;
  apply_settings(options, parse_command_line({"--output", "x", "--seed", "9"}, {"output"}), {"output"});
  EXPECT_EQ(options.seed, 9u);
}

TEST(CommandLineOptions, AnUnknownKeyIsAnErrorWithNearNames) {
  expect_usage_error(
      [] {
        parse_command_line({"--bach-size", "3"}, {});
      },
      {"the command line", "no option 'bach-size'", "did you mean 'batch-size'?"});
  expect_usage_error([] { parse_command_line({"--outptu", "x"}, {"output"}); }, {"did you mean 'output'?"});
  // Not even a beginning of a name stands for it: a later option could make it mean another.
  expect_usage_error([] { parse_command_line({"--learning", "3"}, {}); }, {"'learning'", "'learning-rate'"});
}

TEST(CommandLineOptions, AKeyWithoutItsValueIsAnError) {
  expect_usage_error([] { parse_command_line({"--seed"}, {}); }, {"the command line", "seed"});
}

TEST(CommandLineOptions, AWrongValueIsAnErrorWithWhatIsValid) {
  expect_usage_error(
      [] {
        with_command_line("", {"--batch-size", "many"});
      },
      {"the command line", "batch-size = many cannot be used", "a whole number from 1 to"});
}

// A value that an option takes and that is not its default, whatever the option.
std::string another_value(const OptionEntry& entry) {
  for (const char* value : {"true", "7", "0.30000000000000004", "adam", "squared", "uniform", "no", "input",
                            "mpi", "cosine", "bf16", "flip", "blocks 8 x 2", "some/file.h5", "false"}) {
    Options options;
    if (entry.set(options, value) && entry.get(options) != entry.get(Options())) return value;
  }
  return "";
}

TEST(ConfigurationText, GivesTheSameOptionsAgain) {
  Options options;
  options.layers = {{"conv 3 kernel=2", ""}, {"linear 10 name=last", ""}};
  for (const OptionEntry& entry : option_table()) {
    const std::string value = another_value(entry);
    ASSERT_NE(value, "") << "no value of " << entry.name << " differs from its default";
    ASSERT_TRUE(entry.set(options, value));
  }
  const std::string text = configuration_text(options);
  const Options again = configured(text);
  int left_out = 0;  // what nothing reads with the optimizer and schedule of the others
  for (const OptionEntry& entry : option_table()) {
    const bool written =
        text.find("\n" + entry.name + " = ") != std::string::npos || text.starts_with(entry.name);
    if (written) {
      EXPECT_EQ(entry.get(again), entry.get(options)) << entry.name;
    }
    left_out += written ? 0 : 1;
  }
  EXPECT_LE(left_out, 8);
  ASSERT_EQ(again.layers.size(), 2u);
  EXPECT_EQ(again.layers[1].line, "linear 10 name=last");
  EXPECT_EQ(configuration_text(again), text);
}

TEST(ConfigurationText, KeepsNumbersToTheBit) {
  Options options;
  options.learning_rate = 1.0 / 3;
  options.weight_decay = 5e-324;
  options.optimizer = "adam";
  options.epsilon = 1.7976931348623157e308;
  options.seed = ~uint64_t{0};
  const Options again = configured(configuration_text(options));
  EXPECT_EQ(again.learning_rate, 1.0 / 3);
  EXPECT_EQ(again.weight_decay, 5e-324);
  EXPECT_EQ(again.epsilon, 1.7976931348623157e308);
  EXPECT_EQ(again.seed, ~uint64_t{0});
}

TEST(ConfigurationText, ForComparisonLeavesOutWhatMayDifferBetweenRanks) {
  Options one;
  Options other;
  other.threads = 5;
  EXPECT_EQ(configuration_text(one, true), configuration_text(other, true));
  EXPECT_NE(configuration_text(one), configuration_text(other));
  other.seed = 2;
  EXPECT_NE(configuration_text(one, true), configuration_text(other, true));
}

TEST(OptionsHelp, HasEveryOptionWithItsDefaultAndMeaning) {
  const std::string help = options_help();
  for (const OptionEntry& entry : option_table()) {
    EXPECT_NE(help.find("--" + entry.name + " " + entry.get(Options())), std::string::npos) << entry.name;
    EXPECT_NE(help.find(entry.help), std::string::npos) << entry.name;
  }
}

}  // namespace
}  // namespace lockstep
