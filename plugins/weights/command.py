"""The verb ``bench weights``: show what a file of weights is, or take its tensors out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli import options as shared
from harness.cli.grouped import OUTPUT, GroupedGroup, option
from harness.cli.output import show

SHOWN = 12
"""Tensors that are listed at first."""


@click.group(cls=GroupedGroup, section="Prepare data and boxes")
def weights() -> None:
    """Show or convert a file of released weights.

    \b
    Examples:
      bench weights show veri_sbs_R50-ibn.pth
      bench weights convert model.pth.tar model.safetensors
    """


@weights.command("show")
@click.argument("file", type=shared.FILE, help="File of weights: safetensors, or one of torch.save.")
@option("--all", "every", is_flag=True, group=OUTPUT, help="List all tensors, not only the first dozen.")
@shared.as_json
def show_weights(file: Path, *, every: bool, json_wanted: bool) -> None:
    """Show the tensors and the format of a file of weights.

    Nothing of the file is executed; a file that holds more than tensors is shown as well.

    \b
    Example:
      bench weights show model.pth.tar --all
    """
    from plugins.weights.showing import described

    found = described(file)
    show(found, json_wanted=json_wanted, text=lambda: _text(found, every=every))


def _text(found: dict[str, Any], *, every: bool) -> str:
    from harness.cli.output import table

    rows = [
        {"tensor": one["name"], "shape": " x ".join(map(str, one["shape"])) or "one number", "numbers": one["numbers"]}
        for one in found["tensors"]
    ]
    listed = rows if every else rows[:SHOWN]
    lines = [
        f"{found['file']}: {found['form']}, {len(rows):,} tensors, {found['parameters']:,} numbers",
        f"sha256: {found['sha256']}",
        f"looks like: {found['format'] or 'no format that is known here'}"
        + (f"; {found['use']}" if found["use"] else ""),
    ]
    if found["converted"]:
        lines.append(f"converted from: {found['converted']}")
    if found["left_out"]:
        lines.append(f"holds besides: {', '.join(found['left_out'])}; bench weights convert leaves it out")
    more = f"\n... and {len(rows) - len(listed):,} more: --all" if len(rows) > len(listed) else ""
    return "\n".join(lines) + "\n\n" + table(listed) + more


@weights.command("convert")
@click.argument("file", type=shared.FILE, help="File of torch.save, whatever else it holds.")
@click.argument("out", type=shared.FILE, help="File to write: OUT.safetensors.")
@shared.force
@shared.as_json
def convert_weights(file: Path, out: Path, *, force: bool, json_wanted: bool) -> None:
    """Take the tensors out of a file that holds more than tensors.

    A process of its own interprets the file: nothing in it is imported or executed. Of a network that was pickled
    whole, the parameters and buffers are taken.

    \b
    Example:
      bench weights convert resnet50_model_120.pth resnet50.safetensors
    """
    from harness.basics.files import refuse_existing
    from plugins.weights.convert import convert

    refuse_existing(out, force=force)
    done = convert(file, out)
    answer = {"out": str(out), "tensors": done.tensors, "numbers": done.numbers, "left_out": list(done.left_out)}
    left = f"\nleft out: {', '.join(done.left_out)}" if done.left_out else ""
    show(
        answer, json_wanted=json_wanted, text=lambda: f"{out}: {done.tensors:,} tensors, {done.numbers:,} numbers{left}"
    )
