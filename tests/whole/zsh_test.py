"""prefdyn completion zsh, in an interactive zsh: what the Tab key makes of a line."""

import os
import pty
import select
import shutil
import sys
import tempfile
import time
import unittest

if shutil.which("zsh") is None:
    print("SKIPPED: completion in zsh is not tested: there is no zsh (apt-get install zsh)")
    sys.exit(77)


class Zsh:
    """A zsh on a terminal that has read the script."""

    def __init__(self, home):
        program = os.environ["PREFDYN"]
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(home)
            place = f"{os.path.dirname(program)}:{os.environ['PATH']}"
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**os.environ, "TERM": "dumb", "HOME": home, "PS1": "> ", "PATH": place})
        self.said = b""
        self.line(f"source <('{program}' completion zsh); PS1=; echo 'BE''GUN'\n", b"BEGUN")

    def line(self, typed, awaited):
        """Types, and waits for what is to come."""
        self.said = b""
        os.write(self.terminal, typed.encode())
        end = time.monotonic() + 60
        while awaited not in self.said and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.said += os.read(self.terminal, 4096)
        return awaited in self.said

    def completes(self, typed, whole):
        """Ctrl-U empties the line afterwards."""
        found = self.line(typed + "\t", whole.encode())
        self.line("\x15: em''pty\n", b"")
        return found

    def end(self):
        os.close(self.terminal)
        os.waitpid(self.child, 0)


class CompletionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        open(os.path.join(cls.folder.name, "my_spec.ini"), "w").close()
        cls.zsh = Zsh(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.zsh.end()
        cls.folder.cleanup()

    def test_words(self):
        for typed, whole in (("prefdyn sim", "prefdyn simulate"),
                             ("prefdyn simulate --disting", "prefdyn simulate --distinguishability"),
                             ("prefdyn simulate --method ad", "prefdyn simulate --method adam"),
                             ("prefdyn completion z", "prefdyn completion zsh"),
                             ("prefdyn help misa", "prefdyn help misalign"),
                             ("prefdyn sweep my_", "prefdyn sweep my_spec.ini"),
                             (f"{os.environ['PREFDYN']} verify --popu", "verify --population")):
            self.assertTrue(self.zsh.completes(typed, whole), f"{typed} gave {self.zsh.said!r}")


if __name__ == "__main__":
    unittest.main()
