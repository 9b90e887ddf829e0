"""Judges the claim file of docs/adding-a-claim.md, then adds the page's claim in C++ to a copy of the tree, step by
step, and runs the tests there.

ctest gives BUILD (a finished build), TYPE and COMPILER. Only what the page touches is compiled; the rest is linked
from BUILD.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ("theory/registry_test", "experiments/commands/commands_test", "experiments/verify/verify_test",
         "experiments/falsify/falsify_test", "whole/docs_test")
PROJECT = """
cmake_minimum_required(VERSION 3.22)
project(grown LANGUAGES C CXX)
find_package(prefdyn REQUIRED)
find_library(SENTENCEPIECE_TRAIN_LIBRARY sentencepiece_train REQUIRED)
add_library(grown OBJECT {sources})
target_include_directories(grown BEFORE PRIVATE {tree})
target_link_libraries(grown PUBLIC prefdyn::experiments)
add_executable(prefdyn {tree}/experiments/commands/main.cpp)
add_executable(prefdyn_tests {objects})
# Objects come before the libraries, and the first definition counts: theirs of the registry may share an object.
target_link_options(grown PUBLIC -Wl,--allow-multiple-definition)
target_link_libraries(prefdyn PRIVATE grown)
target_link_libraries(prefdyn_tests PRIVATE grown ${{SENTENCEPIECE_TRAIN_LIBRARY}})
set_target_properties(prefdyn_tests PROPERTIES LINKER_LANGUAGE CXX)
"""


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout[-6000:]}")
    return done.stdout


def copy_tree(tree):
    listed = run("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z").split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():  # a file deleted and not yet committed is still listed
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)


def steps(page):
    """File named by each step and the step's block."""
    found = re.findall(r"^\d\. .*?```\w*\n.*?^```$", page, re.M | re.S)
    return [(re.search(r"`([\w/.-]+\.\w+)`", step), re.search(r"```\w*\n(.*?)^```$", step, re.M | re.S)[1])
            for step in found]


def follow(page, tree):
    """Steps 1 to 3; returns the claim's file and what step 4 prints, and where."""
    (source, code), (registry, lines), (theory, paragraph), (_, shell) = steps(page)
    (tree / source[1]).write_text(code)
    listed = (tree / registry[1]).read_text()
    first = lines.splitlines(keepends=True)[0]
    assert listed.count(first) == 1, f"{registry[1]} lacks the line {first}"
    (tree / registry[1]).write_text(listed.replace(first, lines))
    with open(tree / theory[1], "a") as out:
        out.write("\n" + paragraph)
    return source[1], re.fullmatch(r"build/prefdyn (.+) > (\S+)\n", shell).groups()


def build(tree, work, source):
    run("cmake", "--install", os.environ["BUILD"], "--prefix", work / "prefix")
    compiled = f"{os.environ['BUILD']}/tests/CMakeFiles/prefdyn_tests.dir"
    (work / "CMakeLists.txt").write_text(PROJECT.format(
        tree=tree, sources=f"{tree}/theory/registry.cpp {tree}/{source}",
        objects=" ".join(f"{compiled}/{name}.cpp.o" for name in ("main", *TESTS))))
    ccache = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    run("cmake", "-S", work, "-B", work / "build", f"-DCMAKE_BUILD_TYPE={os.environ['TYPE']}",
        f"-DCMAKE_CXX_COMPILER={os.environ['COMPILER']}", f"-DCMAKE_PREFIX_PATH={work / 'prefix'}", *ccache)
    run("cmake", "--build", work / "build", "-j", "2")
    return work / "build"


def judge_file(page, work):
    """The page's ten lines through verify, claims, falsify and simulate: all as expected."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", page, re.M | re.S)
    lines = next(block for block in blocks if block.startswith("# mine.claim"))
    (work / "mine.claim").write_text(lines)
    program = f"{os.environ['BUILD']}/prefdyn"
    verdicts = run(program, "verify", "--quick", "--claim-file", "mine.claim", "--out", "x.h5", cwd=work)
    ids = re.findall(r"^\[(\w+)\]", lines, re.M)
    for name in ids:
        assert re.search(rf"^{name} .* holds ", verdicts, re.M), verdicts
    assert "mean(m_i(t)) <=" in run(program, "claims", ids[0], "--claim-file", "mine.claim", cwd=work)
    assert "not broken" in run(program, "falsify", "--claim", ids[0], "--claim-file", "mine.claim", "--budget", "40",
                               "--out", "f.ini", cwd=work)
    judged = run(program, "simulate", "--claim-file", "mine.claim", "--out", "s.h5", cwd=work)
    assert re.search(rf"^{ids[0]} .* holds", judged, re.M), judged
    print(f"{', '.join(ids)} of the page's claim file were judged")


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        tree = work / "tree"
        copy_tree(tree)
        judge_file((ROOT / "docs/adding-a-claim.md").read_text(), work)
        source, (command, printed) = follow((ROOT / "docs/adding-a-claim.md").read_text(), tree)
        binaries = build(tree, work, source)
        identity = re.search(r'return \{"(\w+)"', (tree / source).read_text())[1]
        (tree / printed).write_text(run(binaries / "prefdyn", *command.split()))
        assert f"bound_{identity}" in (tree / printed).read_text()
        assert "origin: own" in run(binaries / "prefdyn", "claims", identity)
        run(binaries / "prefdyn_tests", env=dict(os.environ, PREFDYN_SOURCE=str(tree)))
        print(f"{identity} was added in {source} and passes {', '.join(TESTS)}")


if __name__ == "__main__":
    main()
