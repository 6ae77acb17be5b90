"""The analyst's door: `manage.py attribute` on files, without a database."""

from __future__ import annotations

import csv
import io
import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command

from attribution.domain.files import analysis

ROOT = Path(__file__).resolve().parents[2]
DEALS = """\
opportunity_id,account_id,created_at,closed_at,status,amount,currency,lead_created_at
O1,A1,2026-01-10,2026-03-01,won,1000.00,USD,2026-01-05
O2,A1,2026-02-10,2026-04-01,won,-0.50,USD,
O3,A2,2026-02-10,2026-04-01,won,,USD,
O4,A3,2026-02-10,2026-04-01,won,700,JPY,
O5,A4,2026-02-10,2026-04-01,lost,70.00,EUR,
O6,A5,2026-02-10,,open,70.50,EUR,
"""
TOUCHES = """\
touch_id,account_id,channel,campaign,touched_at
T1,A1,email,Spring,2026-01-01
T2,A1,gift,Dinner,2026-01-05T10:00:00Z
T3,A1,webinar,,2026-02-20 09:00:00
T4,A1,email,Spring,2026-03-15
T5,A2,gift,Dinner,2026-03-15
T6,A5,gift,Dinner,2026-03-15
T7,A8,gift,Dinner,2026-03-15
"""
CHAINS = "--by channel --model"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(options: str, *, deals: str = DEALS, touches: str = TOUCHES, out: str = "out.csv") -> str:
    """Run the command on two texts and return what it wrote."""
    Path("deals.csv").write_text(deals, encoding="utf-8")
    Path("touches.csv").write_text(touches, encoding="utf-8")
    call_command(
        "attribute",
        *["--opportunities", "deals.csv", "--touches", "touches.csv", "--out", out],
        *options.split(),
        stdout=io.StringIO(),
        stderr=io.StringIO(),
    )
    return Path(out).read_text(encoding="utf-8") if out.endswith(".csv") else ""


def rows(text: str) -> list[list[str]]:
    return [line.split(",") for line in text.splitlines()[1:]]


def refused(options: str, **files: str) -> str:
    """Run the command, expect one line and exit code 2, and that nothing was written."""
    with pytest.raises(CommandError) as caught:
        ask(options, **files)
    assert caught.value.returncode == 2
    assert not Path("out.csv").exists()
    message = str(caught.value)
    assert message.count("\n") == 0
    return message


def test_credits_by_touch_are_as_worked_by_hand(here: Path) -> None:
    """O1 has touches 1 to 3 in its window, O2 has 1 to 4; T4 comes after the close of O1.

    1000.00 in three: the unit left over goes to the earliest. -0.50 in four: -0.13 twice.
    """
    assert ask("--model linear") == (
        "model,opportunity_id,touch_id,channel,campaign,weight,credit,currency\n"
        "linear,O1,T1,email,Spring,0.333333333333,333.34,USD\n"
        "linear,O1,T2,gift,Dinner,0.333333333333,333.33,USD\n"
        "linear,O1,T3,webinar,,0.333333333333,333.33,USD\n"
        "linear,O2,T1,email,Spring,0.250000000000,-0.13,USD\n"
        "linear,O2,T2,gift,Dinner,0.250000000000,-0.13,USD\n"
        "linear,O2,T3,webinar,,0.250000000000,-0.12,USD\n"
        "linear,O2,T4,email,Spring,0.250000000000,-0.12,USD\n"
        "linear,O3,T5,gift,Dinner,1.000000000000,,USD\n"
        "linear,O4,,(unattributed),,1.000000000000,700,JPY\n"
    )


def test_sums_keep_currencies_apart_and_always_show_what_is_unattributed(here: Path) -> None:
    assert ask("--model first_touch,last_touch --by channel") == (
        "model,channel,weight,credit,currency\n"
        "first_touch,email,2.000000000000,999.50,USD\n"
        "first_touch,gift,1.000000000000,,USD\n"
        "first_touch,(unattributed),1.000000000000,700,JPY\n"
        "first_touch,(unattributed),0.000000000000,0.00,USD\n"
        "last_touch,email,1.000000000000,-0.50,USD\n"
        "last_touch,gift,1.000000000000,,USD\n"
        "last_touch,webinar,1.000000000000,1000.00,USD\n"
        "last_touch,(unattributed),1.000000000000,700,JPY\n"
        "last_touch,(unattributed),0.000000000000,0.00,USD\n"
    )


def test_sums_by_campaign_have_a_row_for_touches_without_one(here: Path) -> None:
    assert ask("--model last_touch --by campaign").splitlines()[:2] == [
        "model,campaign,weight,credit,currency",
        "last_touch,,1.000000000000,1000.00,USD",
    ]


@pytest.mark.parametrize(
    ("basis", "expected"),
    [("open", ["O6", "T6", "70.50"]), ("lost", ["O5", "", "70.00"])],
)
def test_another_basis_divides_the_pipeline(here: Path, basis: str, expected: list[str]) -> None:
    (row,) = rows(ask(f"--model linear --basis {basis}"))

    assert [row[1], row[2], row[6]] == expected


def test_open_deals_are_looked_at_when_asked(here: Path) -> None:
    """T6 is on March 15: seen at the end of that day, and not at its beginning."""
    at_the_end = rows(ask("--model linear --basis open --as-of 2026-03-15"))
    before = rows(ask("--model linear --basis open --as-of 2026-03-15T00:00:00Z"))

    assert [row[2] for row in at_the_end + before] == ["T6", ""]


def test_a_look_back_counts_its_boundary_in(here: Path) -> None:
    """O1 closes at the end of March 1; 59 days before is the end of January 1, where T1 lies."""
    inside = {row[2] for row in rows(ask("--model linear --lookback-days 59")) if row[1] == "O1"}
    outside = {row[2] for row in rows(ask("--model linear --lookback-days 58")) if row[1] == "O1"}

    assert inside == {"T1", "T2", "T3"}
    assert outside == {"T2", "T3"}


def test_a_date_ends_its_day_in_the_zone_asked_for(here: Path) -> None:
    """March 1 ends at 05:00 UTC of the 2nd in New York, so that a touch at 03:00 UTC counts."""
    late = TOUCHES.replace(
        "T4,A1,email,Spring,2026-03-15", "T4,A1,email,Spring,2026-03-02T03:00:00Z"
    )

    in_utc = ask("--model last_touch", touches=late)
    in_new_york = ask("--model last_touch --timezone America/New_York", touches=late)

    assert [row[2] for row in rows(in_utc) if row[1] == "O1"] == ["T3"]
    assert [row[2] for row in rows(in_new_york) if row[1] == "O1"] == ["T4"]


def test_a_half_life_can_be_chosen(here: Path) -> None:
    """O3 aside, T6 is alone; O1's touches are 59, 55.6 and 9.6 days old."""
    default = rows(ask("--model time_decay"))
    short = rows(ask("--model time_decay --half-life-days 1"))

    assert default[0][5] > "0.15"
    assert short[0][5] == "0.000000000000"
    assert sum(Decimal(row[6]) for row in short if row[1] == "O1") == 1000


def test_an_opportunity_wins_over_the_account_where_both_are_given(here: Path) -> None:
    touches = (
        "touch_id,opportunity_id,account_id,channel,campaign,touched_at\n"
        "T1,O1,A1,email,,2026-01-01\n"
        "T2,,A1,gift,,2026-01-02\n"
        "T3,O2,A9,call,,2026-01-03\n"
        "T4,O9,A1,none,,2026-01-03\n"
    )

    found = rows(ask("--model linear", touches=touches))

    assert [row[1:3] for row in found] == [
        ["O1", "T1"],
        ["O1", "T2"],
        ["O2", "T2"],
        ["O2", "T3"],
        ["O3", ""],
        ["O4", ""],
    ]


def test_touches_may_name_opportunities_alone(here: Path) -> None:
    touches = "touch_id,opportunity_id,channel,campaign,touched_at\nT1,O2,email,,2026-01-01\n"

    found = rows(ask("--model linear", touches=touches))

    assert [row[1:3] for row in found] == [["O1", ""], ["O2", "T1"], ["O3", ""], ["O4", ""]]


def test_the_same_row_twice_counts_once(here: Path) -> None:
    once = ask("--model all")
    twice = ask(
        "--model all",
        deals=DEALS + "O1,A1,2026-01-10,2026-03-01,won,1000,USD,2026-01-05\n",
        touches=TOUCHES + "T3,A1,webinar,,2026-02-20T09:00:00Z\n",
    )

    assert twice == once


def test_shuffled_files_give_the_same_bytes(here: Path) -> None:
    plain = [ask(f"--model all --by {cut}", deals=WON_AND_LOST) for cut in analysis.CUTS]
    backward = {
        "deals": "\n".join([DEALS.splitlines()[0], *reversed(WON_AND_LOST.splitlines()[1:])]),
        "touches": "\n".join([TOUCHES.splitlines()[0], *reversed(TOUCHES.splitlines()[1:])]),
    }

    assert [ask(f"--model all --by {cut}", **backward) for cut in analysis.CUTS] == plain


WON_AND_LOST = DEALS.replace("-0.50", "500.00").replace("O5,A4", "O5,A1")


def test_every_model_conserves_every_currency_in_every_cut(here: Path) -> None:
    for cut in analysis.CUTS:
        found = rows(ask(f"--model all --by {cut}", deals=WON_AND_LOST))
        models = analysis.MODELS[:14] if cut == "touch" else analysis.MODELS
        assert list(dict.fromkeys(row[0] for row in found)) == list(models)
        for model, currency in itertools.product(models, ("USD", "JPY")):
            credit = sum(
                Decimal(row[-2])
                for row in found
                if row[0] == model and row[-1] == currency and row[-2]
            )
            assert credit == {"USD": 1500, "JPY": 700}[currency]


def test_markov_and_shapley_compare_won_with_lost(here: Path) -> None:
    """A, B is won twice for 100 and 0.01; A and B alone are lost: see the unit tests' example.

    Markov gives 2/5 and 3/5 of 100.01. Shapley: both sets of one fail, so A, B is shared evenly.
    """
    deals = DEALS.splitlines()[0] + "".join(
        f"\nO{n},A{n},2026-01-01,2026-04-01,{status},{amount},USD,"
        for n, (status, amount) in enumerate(
            [("won", "100"), ("won", "0.01"), ("lost", ""), ("lost", "9"), ("won", "1")]
        )
    )
    touches = TOUCHES.splitlines()[0] + "".join(
        f"\nT{n},A{account},{channel},,2026-01-0{n + 1}"
        for n, (account, channel) in enumerate(
            [(0, "A"), (0, "B"), (1, "A"), (1, "B"), (2, "A"), (3, "B")]
        )
    )

    assert ask("--model markov,shapley --by channel", deals=deals, touches=touches) == (
        "model,channel,weight,credit,currency\n"
        "markov,A,0.400000000000,40.00,USD\n"
        "markov,B,0.600000000000,60.01,USD\n"
        "markov,(unattributed),0.000000000000,1.00,USD\n"
        "shapley,A,0.500000000000,50.01,USD\n"
        "shapley,B,0.500000000000,50.00,USD\n"
        "shapley,(unattributed),0.000000000000,1.00,USD\n"
    )


def test_parquet_in_and_out_says_the_same_as_csv(here: Path) -> None:
    as_csv = list(csv.reader(io.StringIO(ask("--model all"))))
    kinds = {"closed_at": pa.timestamp("us", "UTC"), "amount": pa.decimal128(20, 2)}
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(DEALS.splitlines()[0].split(","), pa.string()),
    )
    deals = pyarrow.csv.read_csv("deals.csv", convert_options=options)
    closes = [
        None if each == "" else f"{each} 23:59:59.999999" for each in deals["closed_at"].to_pylist()
    ]
    money = [None if each == "" else Decimal(each) for each in deals["amount"].to_pylist()]
    deals = deals.set_column(
        3, "closed_at", pa.array(closes).cast(pa.timestamp("us")).cast(kinds["closed_at"])
    )
    deals = deals.set_column(5, "amount", pa.array(money, kinds["amount"]))
    pyarrow.parquet.write_table(deals, "deals.parquet")
    pyarrow.parquet.write_table(pyarrow.csv.read_csv("touches.csv"), "touches.parquet")

    call_command(
        "attribute",
        *["--opportunities", "deals.parquet", "--touches", "touches.parquet"],
        *["--model", "all", "--out", "out.parquet"],
        stdout=io.StringIO(),
    )

    found = pyarrow.parquet.read_table("out.parquet")
    assert found.column_names == as_csv[0]
    assert len(found) == len(as_csv) - 1
    for row, cells in zip(found.to_pylist(), as_csv[1:], strict=True):
        assert [row[name] for name in found.column_names[:5]] == cells[:5]
        assert row["weight"] == Decimal(cells[5])
        assert row["credit"] == (Decimal(cells[6]) if cells[6] else None)
        assert row["currency"] == cells[7]


def test_sums_can_be_parquet_too(here: Path) -> None:
    ask("--model linear --by channel", out="out.parquet")

    found = pyarrow.parquet.read_table("out.parquet").to_pylist()

    assert {row["channel"] for row in found} == {"email", "gift", "webinar", "(unattributed)"}
    assert sum(row["credit"] or 0 for row in found if row["currency"] == "USD") == Decimal("999.5")


def changed(text: str, line: int, old: str, new: str) -> str:
    lines = text.splitlines()
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("line", "old", "new", "message"),
    [
        (1, "status", "state", "deals.csv, line 1, column status: is missing in the header"),
        (1, "status", "amount", "deals.csv, line 1, column amount: stands twice in the header"),
        (
            2,
            "1000.00",
            "1000.001",
            "deals.csv, line 2, column amount: '1000.001' has more decimals",
        ),
        (3, "-0.50", "1e5", "deals.csv, line 3, column amount: '1e5' is not an amount. Write"),
        (5, "700", "9" * 20, "deals.csv, line 5, column amount: '99999999999999999999' does not"),
        (5, "JPY", "YEN", "deals.csv, line 5, column currency: 'YEN' is not a currency. Write"),
        (5, "won", "sold", "deals.csv, line 5, column status: 'sold' is no status. Write won"),
        (5, "2026-04-01", "soon", "deals.csv, line 5, column closed_at: 'soon' is not a time"),
        (5, "2026-04-01", "", "deals.csv, line 5, column closed_at: is blank. Give the close"),
        (5, "2026-02-10", "", "deals.csv, line 5, column created_at: is blank. Give the instant"),
        (5, "O4", "", "deals.csv, line 5, column opportunity_id: is blank. Give every row an id"),
        (5, "O4", "O3", "deals.csv, line 5, column opportunity_id: is on line 4 too, with another"),
        (5, "JPY,", "JPY", "deals.csv, line 5, column lead_created_at: is missing: the line has 7"),
        (5, "JPY,", "JPY,,,", "deals.csv, line 5, column lead_created_at: the line has 10 cells"),
        (5, "O4", '"O4', "deals.csv, line 5: a quote is not closed here or below. Close it."),
    ],
)
def test_a_bad_file_of_deals_is_refused_by_line_and_column(
    here: Path, line: int, old: str, new: str, message: str
) -> None:
    assert refused("--model linear", deals=changed(DEALS, line, old, new)).startswith(message)


@pytest.mark.parametrize(
    ("line", "old", "new", "message"),
    [
        (
            1,
            "account_id",
            "account",
            "touches.csv, line 1, column opportunity_id or account_id: is",
        ),
        (4, "2026-02-20 09:00:00", "", "touches.csv, line 4, column touched_at: is blank. Give"),
        (4, "A1", "", "touches.csv, line 4, column account_id: account_id blank. Say to whom"),
        (4, "T3", "T1", "touches.csv, line 4, column touch_id: is on line 2 too, with another"),
        (
            4,
            "webinar",
            "(unattributed)",
            "touches.csv, line 4, column channel: (unattributed) names",
        ),
    ],
)
def test_a_bad_file_of_touches_is_refused_by_line_and_column(
    here: Path, line: int, old: str, new: str, message: str
) -> None:
    assert refused("--model linear", touches=changed(TOUCHES, line, old, new)).startswith(message)


def test_the_first_fault_is_the_one_on_the_first_line(here: Path) -> None:
    deals = changed(changed(DEALS, 6, "70.00", "x"), 4, "2026-04-01", "y")

    assert refused("--model linear", deals=deals).startswith("deals.csv, line 4, column closed_at")


def test_lines_are_counted_as_an_editor_counts_them(here: Path) -> None:
    """A cell of two lines and a blank line stand before the fault, which is on line 7."""
    deals = changed(DEALS, 3, "O2", '"O\n2"')
    deals = deals.replace("O3,A2", "\nO3,A2").replace("700,JPY", "x,JPY")

    assert refused("--model linear", deals=deals).startswith("deals.csv, line 7, column amount")


def test_a_file_that_is_not_utf8_is_refused(here: Path) -> None:
    Path("deals.csv").write_bytes(DEALS.replace("O4", "Ö4").encode("latin-1"))
    Path("touches.csv").write_text(TOUCHES, encoding="utf-8")

    with pytest.raises(CommandError, match=r"deals\.csv, line 5: is not UTF-8") as caught:
        call_command(
            "attribute",
            *["--opportunities", "deals.csv", "--touches", "touches.csv"],
            *["--model", "linear", "--out", "out.csv"],
        )
    assert caught.value.returncode == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--model sinus", "'sinus' is no model. Give all, or some of: first_touch, last_touch"),
        ("--model markov", "markov answers for channels and campaigns, not for touches. Add --by"),
        ("--model linear --timezone Mars", "'Mars' is not a time zone"),
        ("--model linear --as-of soon", "'soon' is not a time. Write it as 2026-03-31"),
        ("--model linear --lookback-days -1", "A look-back of -1 days cannot be used"),
        ("--model linear --lookback-days x", "--lookback-days 'x' is not a whole number"),
        ("--model time_decay --half-life-days 0", "A half-life of 0 days cannot be used"),
        ("--model markov --by channel --order 4", "A chain of order 4 cannot be used. Give 1 to 3"),
        ("--model shapley --by channel --basis lost", "markov and shapley compare won deals with"),
        (f"{CHAINS} markov", "deals.csv, line 3, column amount: is negative, and markov"),
        (f"{CHAINS} shapley", "deals.csv, line 3, column amount: is negative, and markov"),
    ],
)
def test_what_cannot_be_asked_is_refused(here: Path, options: str, message: str) -> None:
    assert refused(options).startswith(message)


def test_too_many_channels_for_shapley_are_refused(here: Path) -> None:
    touches = TOUCHES + "".join(f"X{n},A1,channel {n},,2026-01-01\n" for n in range(20))

    message = refused(f"{CHAINS} shapley", touches=touches, deals=WON_AND_LOST)

    assert message.startswith("Exact Shapley values of 23 channels are out of reach")


def test_all_leaves_out_what_the_data_does_not_allow_and_says_so(here: Path) -> None:
    Path("deals.csv").write_text(DEALS, encoding="utf-8")
    Path("touches.csv").write_text(TOUCHES, encoding="utf-8")
    told, shown = io.StringIO(), io.StringIO()

    call_command(
        "attribute",
        *["--opportunities", "deals.csv", "--touches", "touches.csv", "--out", "out.csv"],
        *["--model", "all", "--by", "channel", "--json"],
        stdout=shown,
        stderr=told,
    )

    summary = orjson.loads(shown.getvalue())["summary"]
    assert list(summary["left_out"]) == ["markov", "shapley"]
    assert "markov is left out: deals.csv, line 3" in told.getvalue()
    assert summary["models"] == list(analysis.BY_NAME)
    assert summary["missing_milestones"]["w_shaped"] == 2
    assert summary["touches_after_close"] == 1
    assert summary["touches_of_no_opportunity"] == 1
    assert summary["amounts"] == {"JPY": "700", "USD": "999.50"}


def test_a_file_is_not_written_over_itself(here: Path) -> None:
    with pytest.raises(CommandError, match="is read from"):
        ask("--model linear", out="deals.csv")

    assert Path("deals.csv").read_text(encoding="utf-8") == DEALS


def test_a_refusal_leaves_an_earlier_result_alone(here: Path) -> None:
    before = ask("--model linear")

    with pytest.raises(CommandError):
        ask("--model linear", touches="touch_id\n")

    assert Path("out.csv").read_text(encoding="utf-8") == before
    assert sorted(path.name for path in here.iterdir()) == ["deals.csv", "out.csv", "touches.csv"]


def test_headers_may_have_a_byte_order_mark_other_columns_and_any_order(here: Path) -> None:
    lines = [line.split(",") for line in DEALS.splitlines()]
    turned = "\n".join(",".join([*reversed(line), "more"]) for line in lines) + "\n"

    assert ask("--model all", deals="\ufeff" + turned) == ask("--model all")


def test_no_deals_give_a_header_alone(here: Path) -> None:
    header = DEALS.splitlines()[0] + "\n"

    for cut in analysis.CUTS:
        assert len(ask(f"--model all --by {cut}", deals=header).splitlines()) == 1
    assert rows(ask("--model linear", touches=TOUCHES.splitlines()[0] + "\n"))[0][2] == ""


def test_sums_beyond_64_bits_are_exact(here: Path) -> None:
    most = "92233720368547758.07"
    deals = DEALS.splitlines()[0] + "".join(
        f"\nO{n},A1,2026-01-01,2026-04-01,won,{most},USD," for n in range(3)
    )

    found = rows(ask("--model linear,markov --by channel", deals=deals))

    for model in ("linear", "markov"):
        total = sum(Decimal(row[3]) for row in found if row[0] == model)
        assert total == 3 * Decimal(most)


def run_alone(arguments: Sequence[str], home: Path, **environment: str) -> Any:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "attribute", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        env={
            **{name: value for name, value in os.environ.items() if "DJANGO" not in name},
            "TRIBUTE_HOME": str(home / "servers"),
            **environment,
        },
    )


def test_no_server_is_needed_or_started(here: Path) -> None:
    ask("--model linear")
    arguments = ["--opportunities", "deals.csv", "--touches", "touches.csv", "--model", "linear"]

    alone = run_alone([*arguments, "--out", "alone.csv"], here)

    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.startswith(
        "9 rows of 1 models in alone.csv: 4 won opportunities, 1 without"
    )
    assert Path("alone.csv").read_bytes() == Path("out.csv").read_bytes()
    assert not (here / "servers").exists()


def test_a_bad_file_ends_with_one_line_and_code_two(here: Path) -> None:
    """The addresses lead nowhere: nothing is asked there before the fault is told."""
    Path("deals.csv").write_text(changed(DEALS, 5, "700", "x"), encoding="utf-8")
    Path("touches.csv").write_text(TOUCHES, encoding="utf-8")
    arguments = ["--opportunities", "deals.csv", "--touches", "touches.csv", "--model", "linear"]

    ended = run_alone(
        [*arguments, "--out", "out.csv"],
        here,
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        REDIS_URL="redis://127.0.0.1:1/0",
    )

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "deals.csv, line 5, column amount: 'x' is not an amount." in ended.stderr
