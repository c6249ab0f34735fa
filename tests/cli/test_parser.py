"""Errors of the command line: they name what was typed, and suggest what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnistry.cli import build_parser, main
from mnistry.cli.parser import CommandParser
from mnistry.errors import InputError, did_you_mean, did_you_mean_path


@pytest.mark.parametrize("command", [[], ["show"], ["data"]])
def test_a_command_without_its_sub_command_prints_the_help(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`mnistry`, `mnistry show` and `mnistry data` print their help and succeed."""
    assert main(command) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith(f"usage: {' '.join(['mnistry', *command])} ")
    assert "\nExample" in said.out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["trian"], "got 'trian': did you mean `train`?"),
        (["Train"], "got 'Train': did you mean `train`?"),
        (["show", "weigths"], "got 'weigths': did you mean `weights`?"),
        (["data", "lsit"], "got 'lsit': did you mean `list`?"),
        (
            ["train", "--modle", "softmax"],
            "`--modle` is not an option of `mnistry train`: did you mean `--model` "
            "(see `mnistry train --help`)?",
        ),
        (["read", "--digit=3", "a.png", "--dgits=3"], "`--dgits` is not an option of `mnistry re"),
        (["data", "fetch", "mnist", "--tmieout", "3"], "did you mean `--timeout` (see `mnistry da"),
        (
            ["train", "--rate", "0.1"],
            "did you mean `--learning-rate` (see `mnistry train --help`)?",
        ),
        (["train", "--xyz"], "`--xyz` is not an option of `mnistry train`; see `mnistry train --h"),
        (["train", "--model", "sofmax"], "`--model` must be one of softmax, convnet; got 'sofmax'"),
        (["train", "--solver", "lbfsg"], "got 'lbfsg': did you mean `lbfgs`?"),
        (["train", "--data", "mnsit"], "`--data` must be a folder, a file or the name of a data s"),
        (["train", "--data", "mnsit"], "got 'mnsit': did you mean `mnist`?"),
        (["evaluate", "--data", "Fasion"], "got 'Fasion': did you mean `fashion`?"),
        (["data", "fetch", "emnist_digit"], "`NAME` must be a data set of the family"),
        (["data", "fetch", "emnist_digit"], "did you mean `emnist-digits`?"),
        (["evaluate", "digit.onnx"], "No such file or directory; did you mean `digits.onnx`?"),
        (["show", "weights", "--model", "digit.onnx"], "did you mean `digits.onnx`?"),
        (["read", "a.png", "--alpha", "2"], "`--alpha` must be"),
        (["read", "a.png", "--level", "-1"], "`--level` must be"),
        (["evaluate", "digits.onnx", "more"], "'more' is one argument too many for `mnistry eva"),
        (["data", "fetch"], "the following arguments are required: NAME."),
        (["train", "--out"], "`--out`: expected one argument."),
    ],
)
def test_errors_name_what_was_typed(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2 and one line on standard error, which holds the sentence."""
    monkeypatch.chdir(tmp_path)
    Path("digits.onnx").touch()
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert said.err.startswith("mnistry: ")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value", "span"),
    [
        ("--steps", "0", "must be 1 or more; got 0."),
        ("--steps", "-5", "must be 1 or more; got -5."),
        ("--steps", "1.5", "must be a whole number, 1 or more; got '1.5'."),
        ("--batch-size", "0", "must be 1 or more; got 0."),
        ("--epochs", "0", "must be more than 0, up to 1,000,000; got 0."),
        ("--epochs", "nan", "must be more than 0, up to 1,000,000; got nan."),
        ("--learning-rate", "0", "must be more than 0, "),
        ("--learning-rate", "-1", "must be more than 0, "),
        ("--learning-rate", "nan", "must be more than 0, "),
        ("--learning-rate", "inf", "must be more than 0, "),
        ("--learning-rate", "fast", "must be a number more than 0, "),
        ("--l2", "-0.1", "must be from 0 to "),
        ("--l2", "nan", "must be from 0 to "),
        ("--seed", "-1", "must be 0 or more; got -1."),
        ("--members", "0", "must be 1 or more; got 0."),
        ("--folds", "1", "must be 2 or more; got 1."),
        ("--save-every", "nan", "must be from 0 to "),
    ],
)
def test_numbers_that_train_nothing_are_refused(
    option: str,
    value: str,
    span: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The sentence names the option, its range and what was given; no file is written."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", option, value]) == 2
    assert capsys.readouterr().err.startswith(f"mnistry: `{option}` {span}")
    assert list(tmp_path.iterdir()) == []


def test_python_arguments_become_options() -> None:
    """Arguments of Python functions are renamed; other words in backticks are left alone."""
    train = build_parser().parse_args(["train"]).parser
    assert isinstance(train, CommandParser)
    assert train.in_options("`source`, `rate`, `batch` and `save_every`; see `other`.") == (
        "`--data`, `--learning-rate`, `--batch-size` and `--save-every`; see `other`."
    )
    read = build_parser().parse_args(["read"]).parser
    assert read.in_options("`count` must be 1.") == "`--digits` must be 1."
    with pytest.raises(InputError, match="`--count` must be 1 or more"):
        build_parser().parse_args(["data", "deform", "there", "--count", "0"])


def all_parsers(parser: CommandParser) -> list[CommandParser]:
    inner = [
        one
        for action in parser._actions
        if isinstance(action.choices, dict)
        for each in action.choices.values()
        for one in all_parsers(each)
    ]
    return [parser, *inner]


@pytest.mark.parametrize("parser", all_parsers(build_parser()), ids=lambda parser: parser.prog)
def test_help_fits_80_columns(parser: CommandParser, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line of any command's help is longer than a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    too_long = [line for line in parser.format_help().splitlines() if len(line) > 80]
    assert too_long == []


def test_suggestions_are_near(tmp_path: Path) -> None:
    """A name is suggested where it is like the one given, and none where nothing is."""
    assert did_you_mean("MNSIT", ["mnist", "fashion"]) == "did you mean `mnist`?"
    assert did_you_mean("q", ["mnist", "fashion"]) == ""
    (tmp_path / "my-pictures").mkdir()
    (tmp_path / ".my_picture").touch()
    found = did_you_mean_path(str(tmp_path / "my-picture"))
    assert found == f"did you mean `{tmp_path / 'my-pictures'}`?"
    assert did_you_mean_path("a\0b/c") == ""
    assert did_you_mean_path("/nothing/here") == ""
