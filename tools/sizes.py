"""Prints the ten longest functions and modules, for a look at review; nothing depends on it."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "quaymaster"
SHOWN = 10


def functions(module: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            yield length, f"{module.relative_to(SOURCE)}:{node.lineno} {node.name}"


def show(title: str, lengths: list[tuple[int, str]], long: int) -> None:
    over = sum(length > long for length, _ in lengths)
    print(f"{title}: {len(lengths)}, {over} of them longer than {long} lines")
    for length, name in sorted(lengths, reverse=True)[:SHOWN]:
        print(f"{length:6}  {name}")


def main() -> None:
    modules = sorted(SOURCE.rglob("*.py"))
    show("functions", [found for module in modules for found in functions(module)], 30)
    lines = [
        (len(module.read_text("utf-8").splitlines()), str(module.relative_to(SOURCE)))
        for module in modules
    ]
    show("modules", lines, 200)


if __name__ == "__main__":
    main()
