"""What the tests of bad input share: a sound dataset and configuration, and how a failure has to look."""
from support import REFUSAL, SMALL, SystemTest, copy, digits

LINEAR = "layer = linear 10\nlearning-rate = 0.01\nbatch-size = 20\nmicrobatch = 4\nsteps = 4\nthreads = 1\n"


class BadInputTest(SystemTest):
    def setUp(self):
        super().setUp()
        self.dataset = copy(digits(type(self)), self.path("digits.h5"))
        self.config = self.configuration("dataset = digits.h5\n" + SMALL)

    def fails(self, code, *arguments, says, **how):
        result = self.trainer(*arguments, env=REFUSAL | how.pop("env", {}), **how)
        self.assert_one_message(result, code, *([says] if isinstance(says, str) else says))
        return result

    def checkpoint(self, *more):
        self.succeed(self.config, "--steps", 4, "--checkpoint", "c.h5", *more)
        return self.path("c.h5")
