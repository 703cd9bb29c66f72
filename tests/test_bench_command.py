"""`passkeep bench`: the real command, with little work. Nothing is said about speed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from passkeep.benchmark import files, measure, peers, plot, table
from passkeep.benchmark.contest import Absent
from passkeep.benchmark.setting import Setting
from passkeep.benchmark.suites import SUITES
from support.cli import PROGRAM, Terminal, assert_fails, ok, run

ALWAYS = {
    "Encrypt from memory to memory, AES-256-GCM": {
        *("encrypt_into", "memcpy, 2 threads", "cryptography.cobblestone, 1 thread"),
        *("AESGCM, 1 MiB messages, 2 threads", "AESGCM, 16 KiB messages, 2 threads"),
    },
    "Decrypt from memory to memory, AES-256-GCM": {
        *("decrypt_into", "cryptography.cobblestone, 1 thread"),
        *("AESGCM, 1 MiB messages, 2 threads", "AESGCM, 16 KiB messages, 2 threads"),
    },
    "Encrypt from memory to memory, ChaCha20-Poly1305": {
        "ChaCha20Poly1305, 1 MiB messages, 2 threads",
        "ChaCha20Poly1305, 64 KiB messages, 2 threads",
    },
}
"""The honest rows."""


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """All suites, in a folder that is looked at afterwards."""
    folder = tmp_path_factory.mktemp("bench")
    options = ("--quick", "--json", "--threads", 2, "--folder", folder)
    done = ok("bench", *SUITES, *options)
    assert list(folder.iterdir()) == [], "something was left behind"
    return json.loads(done.out)


def rows(found):
    return [
        (race, row) for suite in found["suites"] for race in suite["races"] for row in race["rows"]
    ]


def test_every_suite_measures_something(everything):
    assert [suite["name"] for suite in everything["suites"]] == list(SUITES)
    for race, row in rows(everything):
        assert row["status"] == "measured", (race["title"], row["name"], row["reason"])
        assert race["reason"] == ""


def test_the_report_has_its_documented_shape(everything):
    assert everything["schema"] == "passkeep.bench/1"
    assert set(everything) == {
        *("schema", "date", "seconds", "command", "settings", "machine", "peers", "cipher"),
        *("noise", "suites"),
    }
    assert everything["command"][:2] == ["passkeep", "bench"]
    assert set(everything["noise"]) == {"quiet", "reasons", "fixed_task", "stolen", "load"}
    assert everything["noise"]["quiet"] is not bool(everything["noise"]["reasons"])
    assert set(everything["machine"]["versions"]) >= {"passkeep", "python", "cryptography"}
    assert everything["cipher"]["recommended"] in {"age", "aes-256-gcm"}
    titles = [race["title"] for suite in everything["suites"] for race in suite["races"]]
    assert len(set(titles)) == len(titles)
    for race, row in rows(everything):
        assert race["unit"] in {"bytes", "items", "seconds", "memory"}
        names = [one["name"] for one in race["rows"]]
        assert len(set(names)) == len(names)
        assert race["baseline"] is None or race["baseline"] in names
        assert row["role"] in {"passkeep", "limit", "reference", "peer"}
        assert row["runs"] == len(row["samples"]) == 1
        for figures in (row["value"], row["relative"]):
            if figures is not None:
                assert 0 < figures["low"] <= figures["median"] <= figures["high"]
        assert (row["relative"] is None) == (race["baseline"] is None)
        assert (row["at"] is None) == (not race["axis"])


def test_the_honest_rows_are_always_in(everything):
    found = {}
    for race, row in rows(everything):
        found.setdefault(race["title"], set()).add(row["name"])
    for title, names in ALWAYS.items():
        assert names <= found[title], title


def test_it_is_shown_as_a_table(everything):
    for suite in everything["suites"]:
        for race in suite["races"]:
            title, head, *lines = table.lines(race)
            assert title == race["title"]
            assert (race["baseline"] or "") in head
            for row, line in zip(race["rows"], lines, strict=False):
                assert line.startswith(f"  {row['name']}")
            markdown = list(table.markdown(race))
            assert len(markdown) == 2 + len(race["rows"])
            assert len({line.replace("\\|", "").count("|") for line in markdown}) == 1


@pytest.mark.parametrize(("kind", "first"), [("png", b"\x89PNG\r\n\x1a\n"), ("svg", b"<?xml")])
def test_it_is_drawn(everything, kind, first, tmp_path):
    picture = tmp_path / f"picture.{kind}"
    some = [suite for suite in everything["suites"] if suite["name"] in {"digests", "growth"}]
    plot.draw(everything | {"suites": some}, picture, kind)
    data = picture.read_bytes()
    assert data.startswith(first)
    if kind == "svg":
        text = data.decode()
        for part in (
            "By size",
            "By threads",
            "By streams",
            "AES-256-GCM",
            "encrypt_file with a digest",
        ):
            assert part in text
        assert text.rstrip().endswith("</svg>")


def test_the_page_is_made_of_it(everything, tmp_path):
    kept = {"digests", "reads", "growth"}
    some = [suite for suite in everything["suites"] if suite["name"] in kept]
    (tmp_path / "result.json").write_text(json.dumps(everything | {"suites": some}))
    program = Path(__file__).parents[1] / "bench" / "page.py"
    line = [sys.executable, program, tmp_path, tmp_path / "result.json"]
    subprocess.run(line, check=True, timeout=60)
    page = (tmp_path / "benchmarks.md").read_text("utf-8")
    for race, row in rows({"suites": some}):
        assert f"### {race['title']}" in page
        assert f"| {row['name']} |" in page
    pictures = {path.name for path in (tmp_path / "benchmarks").iterdir()}
    assert pictures == {"digests.svg", "growth.svg"}, "reads has no throughput"
    assert all(f"](benchmarks/{name})" in page for name in pictures)


def test_the_command_draws_and_overwrites_nothing(tmp_path):
    picture = tmp_path / "picture.svg"
    shown = ok("bench", "limits", "--quick", "--folder", tmp_path, "--plot", picture)
    assert b"Copy memory" in shown.out
    assert picture.read_text("utf-8").startswith("<?xml")
    assert_fails(run("bench", "limits", "--quick", "--plot", picture), 1)


def test_a_person_sees_tables_and_how_far_it_is(tmp_path):
    with Terminal("bench", "limits", "--quick", "--folder", tmp_path) as terminal:
        assert terminal.finish() == 0
    for part in ("Copy memory", "memcpy, 1 thread", "/5", "Faster on this machine: --cipher"):
        assert part in terminal.screen


def without(module):
    hide = f"import sys; sys.modules[{module!r}] = None; from passkeep.cli import main; main()"
    return (sys.executable, "-c", hide)


def test_without_matplotlib_it_names_the_extra(tmp_path):
    program = without("matplotlib")
    failed = run("bench", "limits", "--plot", tmp_path / "x.png", program=program)
    assert_fails(failed, 2)
    assert "passkeep[bench]" in failed.err


def test_without_numpy_it_says_so_and_works(tmp_path):
    options = ("--quick", "--json", "--folder", tmp_path)
    found = json.loads(ok("bench", "memory", *options, program=without("numpy")).out)
    for race, row in rows(found):
        assert row["status"] == "measured"
        assert any("numpy is not installed" in note for note in race["notes"])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("nonsense",), 2),
        (("--plot", "picture.txt"), 2),
        (("startup", "messages", "--plot", "picture.png"), 2),
        (("--size", "1KiB"), 2),
        (("--folder", "/nonexistent"), 2),
        (("--budget", "0"), 2),
        (("files", "--size", "9000TiB"), 1),
        (("memory", "--size", "9000TiB"), 1),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_measured(options, code, tmp_path):
    assert_fails(run("bench", *options, cwd=tmp_path), code, hint=code == 1)
    assert list(tmp_path.iterdir()) == []


def install(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path):
    """A PATH with what a system has, and nobody else on it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("tar", "cp", "sh"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


def test_a_peer_that_fails_is_never_fast_and_a_missing_one_is_named(tools, tmp_path):
    install(tools, "age", "exit 0")
    install(tools, "restic", "echo cannot open the repository >&2; exit 1")
    work = tmp_path / "work"
    work.mkdir()
    options = ("--quick", "--peers", "--json", "--folder", work)
    done = run("bench", "trees", *options, env={"PATH": str(tools)})
    assert done.code == 5, done.err
    assert "cannot open the repository" in done.err
    found = json.loads(done.out)
    status = {(race["title"].split()[0], row["name"]): row for race, row in rows(found)}
    for name in (("Back", "tar | age"), ("Back", "restic backup"), ("Restore", "restic restore")):
        assert status[name]["status"] == "failed"
        assert status[name]["value"] is status[name]["relative"] is None
        assert status[name]["samples"] == []
    missing = status["Back", "zstd"]
    assert (missing["status"], missing["reason"]) == ("absent", "not installed")
    assert missing["value"] is None
    assert (found["peers"]["rage"], found["peers"]["age"]) == (None, "unknown")
    mine = [row for row in status.values() if row["role"] == "passkeep"]
    assert {row["status"] for row in mine} == {"measured"}
    assert list(work.iterdir()) == []


LIES = {
    "it does nothing": "exit 0",
    "it fails": "echo no >&2; exit 1",
    "it copies": 'while [ "$1" != -o ]; do shift; done; cp "$3" "$2"',
    "it pads": 'while [ "$1" != -o ]; do shift; done; head -c 2000000 /dev/zero > "$2"',
}


def others_of(race):
    """Those of a race who are not passkeep."""
    return lambda stack: [
        one for one in race.enter(stack) if isinstance(one, Absent) or one.role != "passkeep"
    ]


@pytest.mark.parametrize("lie", LIES)
def test_whatever_a_peer_does_instead_of_the_work_is_found_out(lie, tools, tmp_path, monkeypatch):
    (tools / "head").symlink_to(shutil.which("head"))
    install(tools, "age", LIES[lie])
    monkeypatch.setenv("PATH", str(tools))
    peers.find.cache_clear()
    setting = Setting((tmp_path,), 1, quick=True, peers=True)
    try:
        for race in files.races(setting)[:2]:
            outcome = measure.run(dataclasses.replace(race, enter=others_of(race)), 0, rounds=1)
            results = {one.name: one for one in outcome.results}
            assert results["age"].error, lie
            assert not results["age"].counts
            assert results["rage"].error == "not installed"
            assert results["cp"].counts
    finally:
        peers.find.cache_clear()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_nothing_is_left_when_it_is_stopped(number, code, tmp_path):
    line = (*PROGRAM, "bench", "files", "--size", "32MiB", "--folder", tmp_path, "--budget", "60")
    with subprocess.Popen(
        [os.fspath(word) for word in line],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 30
        while not list(Path(tmp_path).glob("passkeep-bench-*/plain")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        said = process.communicate(timeout=30)[1]
    assert process.returncode == code, said
    assert list(tmp_path.iterdir()) == []


def test_no_other_command_loads_it():
    program = """
import sys
import passkeep.cli.digest, passkeep.cli.single, passkeep.cli.tree, passkeep.cli.key
print(*sorted(name for name in sys.modules if name.startswith("passkeep.benchmark.m")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b""
