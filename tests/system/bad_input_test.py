"""Bad input gets one clear message and loses nothing: configurations, ranks, places to write, divergence."""
import errno
import os
import re
import shutil
import unittest

import numpy as np

from bad_input import BadInputTest
from support import FAULT, MPIRUN, SMALL, TRAINER, copy, digits, write_dataset


class ConfigurationTest(BadInputTest):
    def assert_configuration(self, text, *says):
        """`text` is added to a sound configuration of one layer."""
        self.configuration("dataset = digits.h5\nlayer = relu\n" + text, "bad.cfg")
        self.fails(2, "bad.cfg", "--steps", 1, says=says)

    def test_unknown_names_with_near_ones(self):
        end = "\nlayer = linear 10\n"
        for text, *says in (
                ("lerning-rate = 0.1" + end, r"bad\.cfg:3: ", "lerning-rate", "did you mean 'learning-rate'"),
                ("frobnicate = 1" + end, r"bad\.cfg:3: ", "frobnicate", "known: .*learning-rate"),
                ("layer = linaer 10", r"bad\.cfg:3: ", "linaer", "did you mean 'linear'"),
                ("layer = transformer 10", r"bad\.cfg:3: ", "transformer", "known: .*conv.*dropout"),
                ("layer = conv 5 kernal=3" + end, r"bad\.cfg:3: ", "kernal", "'kernel'"),
                ("layer = linear 10 inti=he", r"bad\.cfg:3: ", "inti", "'init'"),
                ("layer = linear 10 init=hee", r"bad\.cfg:3: ", "hee", "'he'"),
                ("layer = linear 10 from=rely1", r"bad\.cfg:3: ", "rely1", "'relu1'"),
                ("layer = linear 10 share=relu1", r"bad\.cfg:3: ", "relu1", "has parameters"),
                ("optimizer = sgdd" + end, r"bad\.cfg:3: ", "sgdd", "sgd, adam"),
                ("loss = sofmax" + end, r"bad\.cfg:3: ", "sofmax", "softmax, squared"),
                ("schedule = cosin" + end, r"bad\.cfg:3: ", "cosin", "cosine"),
                ("initialisation = zero" + end, r"bad\.cfg:3: ", "zero", "glorot"),
                ("reduction = tree" + end, r"bad\.cfg:3: ", "tree", "ordered, mpi"),
                ("augment = crp 4" + end, r"bad\.cfg:3: ", "crp", "did you mean 'crop'"),
                ("in-memory = maybe" + end, r"bad\.cfg:3: ", "maybe", "auto, yes, no"),
        ):
            with self.subTest(text):
                self.assert_configuration(text, *says)

    def test_unusable_values(self):
        end = "\nlayer = linear 10\n"
        for text, *says in (
                ("batch-size = 0" + end, "batch-size = 0", "from 1"),
                ("microbatch = 0" + end, "microbatch = 0", "from 1"),
                ("shuffle = blocks 8" + end, "shuffle = blocks 8 cannot be used", "blocks 512 x 16"),
                ("batch-size = many" + end, "many", "whole number"),
                ("batch-size = 12.5" + end, "12.5", "whole number"),
                ("batch-size = 99999999999999999999" + end, "99999999999999999999", "whole number"),
                ("batch-size = 20, 40 from 1" + end, r"batch-size = 20, 40 from 1 ", "64, 256 after 10"),
                ("batch-size = 20, 40 after 1, 80 after 1" + end, "80 after 1", "ascending order"),
                ("batch-size = 20, 99999999999 after 1" + end, "99999999999", "from 1 to 2147483648"),
                ("learning-rate = fast" + end, "fast", "a number"),
                ("learning-rate = -1" + end, "-1", "0 or more"),
                ("learning-rate = nan" + end, "nan", "a number"),
                ("momentum = 1" + end, "momentum = 1", "below 1"),
                ("nesterov = yes" + end, "yes", "true or false"),
                ("learning-rate =" + end, "learning-rate", "no value"),
                ("learning-rate" + end, "learning-rate", "key = value"),
                ("[network]" + end, "network", "section"),
                ("layer = linear 0", "units = 0", "from 1"),
                ("layer = linear", "units"),
                ("layer = linear 10 20", "20", "more than this layer takes"),
                ("layer = batchnorm statistics=ranks" + end, "statistics=ranks", "microbatch or minibatch"),
                ("layer = dropout 1" + end, "rate = 1", "below 1"),
                ("layer =", "empty"),
                ("augment = crop 28" + end, "padding from 1 to 27", "28x28", "found '28'"),
                ("test-augment = crop" + end, "test-augment = crop cannot be used", "none, flip"),
                ("augment = flip 2" + end, "'2' is more than flip takes"),
                ("normalise = 0.5,0.5/0.2,0.2" + end, "2 value", "expected 1", "channel"),
                ("normalise = 0.5/0" + end, "'0' cannot be a deviation", "above 0"),
                ("normalise = 0/1e-300" + end, "beyond single precision"),
                ("normalise = datset" + end, "expected dataset, none, or means/deviations"),
        ):
            with self.subTest(text):
                self.assert_configuration(text, r"bad\.cfg:3: ", *says)

    def test_networks_that_do_not_fit_together(self):
        for text, *says in (
                ("layer = conv 4 kernel=29\nlayer = linear 10", r"bad\.cfg:3: ", "29x29", "28x28"),
                ("layer = maxpool 2\nlayer = conv 4 kernel=20\nlayer = linear 10", r"bad\.cfg:4: ", "20x20", "14x14"),
                ("layer = linear 20\nlayer = deconv 4 kernel=2 pad=1", r"bad\.cfg:4: ", "input of 20", "0x0", "smaller pad="),
                ("layer = maxpool 14\nlayer = maxpool 3", r"bad\.cfg:4: ", "window of 3", "1x2x2", "smaller window"),
                ("layer = maxpool 14\nlayer = avgpool 3", r"bad\.cfg:4: ", "window of 3", "1x2x2", "smaller window"),
                ("layer = maxpool 14\nlayer = subsample 3", r"bad\.cfg:4: ", "window of 3", "1x2x2", "smaller window"),
                ("layer = linear 30 name=a\nlayer = linear 10 share=a", r"bad\.cfg:4: ", "share=a", "10x30", "30x784"),
                ("layer = linear 30 name=a\nlayer = linear 10 tied=a", r"bad\.cfg:4: ", "tied=a", "30x10", "30x784"),
                ("layer = linear 30 name=a\nlayer = linear 10 name=a", r"bad\.cfg:4: ", "'a'", "taken"),
                ("layer = linear 30 name=a\nlayer = linear 10 from=relu1", r"bad\.cfg:3: ", "nothing reads", r"\(a\)"),
                ("layer = linear 30 name=a\nlayer = linear 20 name=b from=relu1\nlayer = add from=a,b\nlayer = linear 10",
                 r"bad\.cfg:5: ", "30", "20"),
                ("layer = linear 12", r"bad\.cfg:3: ", "12 outputs", "needs 10", "classes"),
                ("layer = linear 10\ntarget = input\nloss = squared", r"bad\.cfg:3: ", "10 outputs", "needs 784"),
                ("layer = linear 784\ntarget = input", "softmax", "labels", "squared"),
                ("layer = linear 10\ntarget = targets", r"bad\.cfg:4: ", "no /train/targets"),
        ):
            with self.subTest(text):
                self.assert_configuration(text, *says)

    def test_files_that_are_no_configuration(self):
        self.configuration("", "empty.cfg")
        self.configuration("# nothing yet\n", "comment.cfg")
        os.mkdir(self.path("folder.cfg"))
        self.fails(2, "empty.cfg", says=(r"empty\.cfg", "key = value"))
        self.fails(2, "comment.cfg", says=("no layer", "layer = "))
        self.fails(2, "folder.cfg", says=r"folder\.cfg")
        self.fails(2, "missing.cfg", says=r"missing\.cfg")
        self.fails(2, "digits.h5", says=r"digits\.h5")

    def test_command_lines(self):
        for arguments, *says in (
                (("trian",), "'trian'", "did you mean 'train'"),
                (("frobnicate",), "'frobnicate'", "known: train, time, resume, evaluate, encode, .*import, generate, inspect, diff, .*selftest"),
                (("run.cfg", "another.cfg"), "usage: trainer"),
                (("run.cfg", "--lerning-rate", "1"), "command line", "'learning-rate'"),
                (("run.cfg", "--batch-size", "0"), "command line", "batch-size = 0", "from 1"),
                (("run.cfg", "--steps"), "command line", "--steps"),
                (("evaluate",), "usage: trainer evaluate"),
                (("resume",), "usage: trainer resume"),
                (("inspect",), "usage: trainer inspect"),
                (("diff", "a.h5"), "usage: trainer diff"),
                (("generate", "digits"), "--output"),
                (("generate", "digts", "--output", "x.h5"), "digts", "known: .*digits"),
                (("import", "mnist", "x", "--output", "x.h5"), "mnist", "idx, cifar10"),
                (("import", "idx", "x"), "--output"),
                (("run.cfg", "--checkpoint-steps", "5"), "--checkpoint FILE"),
                (("run.cfg", "--schedule", "step"), "schedule-steps"),
                (("run.cfg", "--nesterov", "true", "--momentum", "0"), "momentum above 0"),
        ):
            with self.subTest(arguments):
                self.fails(2, *arguments, says=says)
        self.assertFalse(os.path.exists(self.path("x.h5")))

    def test_a_processor_without_the_instructions_of_a_precision(self):
        # oneDNN is told to see no more in the processor, and it is oneDNN that the program asks.
        old = {"DNNL_MAX_CPU_ISA": "AVX2"}
        for ranks in (0, 2):
            self.fails(2, self.config, "--precision", "bf16", ranks=ranks, env=old,
                       says=["command line: precision = bf16 needs the instructions avx512_bf16", "avx2",
                             "or take --precision float32"])
        self.configuration(f"dataset = digits.h5\n{SMALL}precision = bf16\n", "bf16.cfg")
        self.fails(2, "bf16.cfg", env=old, says=r"bf16\.cfg:\d+: precision = bf16 needs")
        self.succeed("bf16.cfg", "--precision", "float32", "--steps", 1, env=old)

    def test_a_message_of_all_ranks_is_printed_once(self):
        for arguments, code in (((self.config, "--batch-size", "0"), 2), ((self.config, "--dataset", "missing.h5"), 1),
                                (("frobnicate",), 2), (("inspect", "missing.h5"), 1)):
            with self.subTest(arguments):
                self.fails(code, *arguments, ranks=3, says=re.escape(arguments[-1]))

    def test_more_ranks_than_microbatches(self):
        result = self.succeed(self.config, "--steps", 2, "--batch-size", 20, ranks=4)
        self.assertRegex(result.err, r"\Atrainer: warning: 4 ranks share 3 microbatches[^\n]*--microbatch[^\n]*--batch-size[^\n]*\n\Z")


class MemoryTest(BadInputTest):
    """What does not fit is known before anything is allocated."""
    WIDE = "layer = conv 4000000 kernel=3 pad=1\nlayer = relu\nlayer = globalavgpool\nlayer = linear 10\n"

    def test_a_microbatch_beyond_any_memory(self):
        wide = self.configuration("dataset = digits.h5\n" + self.WIDE, "wide.cfg")
        arguments = (wide, "--microbatch", 1000000, "--batch-size", 1000000, "--steps", 1, "--checkpoint", "c.h5")
        says = ("microbatch of 400 samples", r"has [\d.]+ [MG]B left", "dataset 0 MB", "parameters and gradient buffers",
                r"activations \d+\.\d GB a thread x 2 threads", r"'conv 4000000 kernel=3 pad=1' \(\S*wide\.cfg:2\)",
                "smaller --microbatch or fewer --threads")
        self.fails(1, *arguments, "--threads", 2, says=says, timeout=10)
        self.fails(1, *arguments, "--threads", 2, ranks=3, timeout=20, says=(*says, "the 3 ranks there need", "or fewer ranks"))
        self.fails(1, "time", *arguments[:-2], "--threads", 2, says=says, timeout=10)
        self.assertEqual(sorted(os.listdir(self.folder)), ["digits.h5", "run.cfg", "wide.cfg"])

    def test_the_estimate_is_about_what_is_measured(self):
        text = "dataset = digits.h5\nlayer = conv 64 kernel=3 pad=1\nlayer = tanh\nlayer = maxpool 2\nlayer = linear 10\n"
        result = self.succeed(self.configuration(text), "--microbatch", 200, "--batch-size", 400, "--threads", 2, "--steps", 2)
        estimated, measured = map(int, re.search(r"estimated (\d+) MB, measured at most (\d+) MB", result.out).groups())
        self.assertGreater(measured, 150)
        self.assertLess(abs(estimated - measured), 0.25 * measured)


class RanksThatDifferTest(BadInputTest):
    def differ(self, first, second, *says):
        """Ranks 0 and 1 are started with `first`, rank 2 with `second`: mpirun's words behind -n."""
        words = [MPIRUN, "-q", "--oversubscribe", "-n", "2", *first, ":", "-n", "1", *second]
        result = self.start_words(words).wait(20)
        self.assert_one_message(result, 1, "rank 2 has another", *says)

    def test_configurations(self):
        self.configuration("dataset = digits.h5\n" + SMALL + "seed = 2\n", "other.cfg")
        self.differ([TRAINER, "run.cfg"], [TRAINER, "other.cfg"], "configuration", "same configuration")

    def test_options(self):
        self.differ([TRAINER, "run.cfg"], [TRAINER, "run.cfg", "--learning-rate", "0.1"], "configuration")

    def test_programs(self):
        other = shutil.copy(TRAINER, self.path("trainer"))
        with open(other, "ab") as file:
            file.write(b"\n")
        self.differ([TRAINER, "run.cfg"], [other, "run.cfg"], "program", "same build")

    def test_datasets_under_one_name(self):
        folder = self.path("other")
        os.mkdir(folder)
        self.succeed("generate", "digits", "--seed", 2, "--generate-train", 400, "--generate-test", 100, "--output", "digits.h5",
                     cwd=folder)
        for how in ("yes", "no"):
            words = [TRAINER, self.config, "--in-memory", how]
            self.differ(words, ["-wdir", folder, *words], "dataset", "same file", r"digits\.h5")

    def test_checkpoints_under_one_name(self):
        self.checkpoint()
        folder = self.path("other")
        os.mkdir(folder)
        self.succeed(self.config, "--steps", 5, "--checkpoint", os.path.join(folder, "c.h5"))
        words = [TRAINER, "resume", "c.h5", "--dataset", self.dataset]
        self.differ(words, ["-wdir", folder, *words], "checkpoint", "same file")

    def test_commands(self):
        self.differ([TRAINER, "run.cfg"], [TRAINER, "selftest"], "command", "same command")

    def test_a_file_that_one_rank_does_not_see(self):
        os.mkdir(self.path("empty"))
        words = [MPIRUN, "-q", "--oversubscribe", "-n", "1", TRAINER, self.config, ":", "-n", "1", "-wdir", self.path("empty"),
                 TRAINER, self.config]
        self.assert_one_message(self.start_words(words).wait(20), 1, "rank 1: ", r"digits\.h5", "No such file")


class PlaceToWriteTest(BadInputTest):
    def test_checkpoints_that_cannot_be_written_are_known_before_training(self):
        os.mkdir(self.path("folder"))
        for target, *says in (("folder", "folder"), ("nowhere/c.h5", "nowhere", "does not exist"), ("/dev/null", "/dev/null"),
                              ("/sys/c.h5", "/sys", "cannot be written|cannot be created"), ("folder/", "name of a file|folder")):
            with self.subTest(target):
                result = self.trainer(self.config, "--steps", 2, "--checkpoint", target)
                self.assert_one_message(result, result.code, *says)
                self.assertIn(result.code, (1, 2))
                self.assertNotRegex(result.out, "epoch|digest")

    def test_a_run_does_not_write_over_what_it_reads(self):
        self.checkpoint()
        shutil.copy(self.path("c.h5"), self.path("other.h5"))
        os.symlink("digits.h5", self.path("link.h5"))
        before = {name: self.bytes_of(name) for name in os.listdir(self.folder)}
        config = os.path.basename(self.config)
        for role, other, *words in (
                ("the checkpoint", "the dataset", config, "--checkpoint", "digits.h5"),
                ("the checkpoint", "the dataset", config, "--checkpoint", "./link.h5"),
                ("the checkpoint", "the configuration", config, "--checkpoint", config),
                ("the trace", "the dataset", config, "--trace", "digits.h5"),
                ("the trace", "the checkpoint", config, "--checkpoint", "new.h5", "--trace", "./new.h5"),
                ("the trace", "the checkpoint", "resume", "c.h5", "--trace", "c.h5"),
                ("the trace", "the checkpoint that the run goes on from", "resume", "c.h5", "--checkpoint", "new.h5",
                 "--trace", "c.h5"),
                ("the dataset", "its source", "import", "idx", "digits.h5", "--output", "digits.h5")):
            for ranks in (0, 2) if role == "the checkpoint" else (0,):
                with self.subTest(words=words, ranks=ranks):
                    self.fails(2, *words, ranks=ranks, says=f"{role} would be written over {other}")
                    self.assertEqual({name: self.bytes_of(name) for name in os.listdir(self.folder)}, before)
        self.succeed("resume", "c.h5", "--steps", 6, "--checkpoint", "c.h5")

    def bytes_of(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def test_a_folder_without_permission(self):
        os.mkdir(self.path("locked"), 0o555)
        how = {}
        if os.getuid() == 0:  # who may write everywhere
            shutil.copy(TRAINER, self.path("trainer"))
            os.chmod(self.shared, 0o755)
            os.chmod(self.folder, 0o755)
            how = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        words = [self.path("trainer") if how else TRAINER, self.config, "--steps", "2", "--checkpoint", "locked/c.h5"]
        result = self.start_words(words, **how).wait()
        self.assert_one_message(result, 1, "locked", "Permission denied")

    def test_outputs(self):
        for output, *says in (("nowhere/d.h5", "nowhere", "does not exist"), (".", "folder|name of a file")):
            result = self.trainer("generate", "digits", "--output", output, "--generate-train", 10, "--generate-test", 1)
            self.assertIn(result.code, (1, 2))
            self.assert_one_message(result, result.code, *says)

    def test_no_space_under_mpirun(self):
        """Rank 0 alone writes; all ranks end, and the checkpoint before stays."""
        folder = self.path("checkpoints")
        os.mkdir(folder)
        first = self.succeed(self.config, "--steps", 4, "--checkpoint", "checkpoints/c.h5")
        env = {"LD_PRELOAD": FAULT, "FAULT_PATH": folder, "FAULT_MODE": "full", "FAULT_AT": "8", "FAULT_ERRNO": str(errno.ENOSPC)}
        result = self.trainer("resume", "checkpoints/c.h5", "--steps", 40, "--checkpoint-steps", 2, ranks=3, env=env)
        self.assert_one_message(result, 1, "rank 0: ", r"c\.h5", "No space left on device", "make room in")
        self.assertEqual(os.listdir(folder), ["c.h5"])
        self.assertEqual(self.succeed("inspect", "checkpoints/c.h5").digest, first.digest)


class DivergenceTest(BadInputTest):
    def test_a_loss_that_becomes_nan(self):
        self.checkpoint()
        for ranks in (0, 3):
            with self.subTest(ranks=ranks):
                result = self.fails(1, "resume", "c.h5", "--learning-rate", "1e30", "--steps", 100, "--checkpoint-steps", 1,
                                    ranks=ranks, says=(r"step \d+", r"rank \d", "infinite or NaN", r"digits\.h5", "learning-rate"))
                found = re.search(r"microbatch (\d+), samples ([\d, ]+) of /train", result.err)
                self.assertIsNotNone(found, result)
                samples = [int(s) for s in found.group(2).split(",")]
                self.assertEqual(len(set(samples)), 8)
                self.assertTrue(all(0 <= s < 400 for s in samples), samples)
                self.assertLess(int(found.group(1)), 12)
                self.assertEqual([name for name in os.listdir(self.folder) if "partial" in name], [])
                self.succeed("inspect", "c.h5")

    def test_a_failure_of_one_rank_where_all_wait_for_its_sums(self):
        """One sample that the loss does not take: its rank fails between the two ways through the network."""
        inputs = np.full((40, 12), 0.5, "float32")
        inputs[7] = 200
        write_dataset(self.path("own.h5"), {"train": {"inputs": inputs}})
        config = self.configuration("dataset = own.h5\ntarget = input\nloss = cross-entropy\nlayer = linear 8\n"
                                    "layer = batchnorm statistics=minibatch\nlayer = linear 12\n"
                                    "batch-size = 20\nmicrobatch = 4\nepochs = 1\nthreads = 1\n", "own.cfg")
        for ranks in (0, 2, 3):
            with self.subTest(ranks=ranks):
                self.fails(1, config, ranks=ranks, says=("step [01]", "cross-entropy", "200", "0 to 1"))

    def test_a_sample_that_spoils_the_statistics_of_all(self):
        inputs = np.random.default_rng(0).random((40, 12), "float32")
        inputs[7] = 3e38
        write_dataset(self.path("own.h5"), {"train": {"inputs": inputs, "labels": np.arange(40, dtype="int32") % 3}})
        config = self.configuration("dataset = own.h5\nlayer = linear 8\nlayer = relu\nlayer = linear 8\n"
                                    "layer = batchnorm statistics=minibatch\nlayer = linear 3\n"
                                    "batch-size = 20\nmicrobatch = 4\nepochs = 1\nthreads = 1\n", "own.cfg")
        for ranks in (0, 3):
            result = self.fails(1, config, ranks=ranks, says=("infinite or NaN", "no file to repeat it with", "cannot be repeated"))
            samples = re.search(r"samples ([\d, ]+) of /train", result.err)[1]
            self.assertIn(7, [int(s) for s in samples.split(",")], result.err)

    def test_a_diverged_network_does_not_replace_a_good_one(self):
        """The loss of the step was finite, the weights after it are not."""
        self.checkpoint()
        good = self.succeed("inspect", "c.h5").digest
        self.fails(1, "resume", "c.h5", "--learning-rate", "1e39", "--steps", 5, says=("infinite or NaN", "learning rate"))
        self.assertEqual(self.succeed("inspect", "c.h5").digest, good)

    def test_a_run_that_diverges_in_its_last_step_fails_without_a_checkpoint_too(self):
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                result = self.fails(1, self.config, "--steps", 1, "--learning-rate", "1e39", ranks=ranks,
                                    says=("test loss is -?(nan|inf) after step 1", "diverged", "learning-rate"))
                self.assertNotIn("digest", result.out)


if __name__ == "__main__":
    unittest.main()
