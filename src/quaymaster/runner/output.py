"""What a process prints, on its way into the log: lines, masking and logging commands.

The work is done on whole blocks of lines wherever it can be: a task may print a gigabyte.
"""

import codecs
import io
from collections.abc import Callable

from quaymaster.runner.log_stream import LogStream
from quaymaster.runner.logging_commands import MENTION
from quaymaster.runner.masking import Masker

LONGEST_LINE = 32 * 1024
LONGEST_COMMAND = 2 * 1024 * 1024


class TaskOutput:
    """Takes bytes in any portions; lines end with LF, CR LF or CR, as .NET readers have it.

    NUL becomes a visible sign, invalid UTF-8 the replacement character. `on_command` gets each
    line that holds `##vso`; None means that this output may not give commands (RELIABILITY R-20).
    """

    def __init__(
        self,
        log: LogStream,
        masker: Masker,
        on_command: Callable[[str], None] | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> None:
        self._log = log
        self._masker = masker
        self._on_command = on_command
        self._on_text = on_text
        utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._decoder = io.IncrementalNewlineDecoder(utf8, translate=True)
        self._open_line: list[str] = []
        self._open_size = 0
        self._is_command = False
        self._was_cut = False

    def feed(self, portion: bytes) -> None:
        """Take the next bytes."""
        self._take(self._decoder.decode(portion))

    def close(self) -> None:
        """The output has ended; a last line without an end counts as a line."""
        self._take(self._decoder.decode(b"", final=True))
        if self._open_line:
            self._line_end("")

    def _take(self, text: str) -> None:
        if "\0" in text:
            text = text.replace("\0", "\u2400")
        if "\n" not in text:
            self._continue_line(text)
            return
        if self._open_line:
            rest, _, text = text.partition("\n")
            self._line_end(rest)
        block, newline, tail = text.rpartition("\n")
        if newline:
            self._block(block)
        self._continue_line(tail)

    def _line_end(self, rest: str) -> None:
        """The open line is complete."""
        line = "".join(self._open_line) + rest
        self._open_line.clear()
        self._open_size = 0
        self._is_command = False
        if self._was_cut:
            self._cut(line, keep=0)
            self._was_cut = False
        else:
            self._block(line)

    def _continue_line(self, text: str) -> None:
        """Keep the beginning of a line; print its first pieces when it becomes too long."""
        if not text:
            return
        self._open_line.append(text)
        self._open_size += len(text)
        if self._open_size <= LONGEST_LINE + self._overlap or self._waits_for_command():
            return
        line = "".join(self._open_line)
        rest = self._cut(line, keep=self._overlap)
        self._open_line = [rest] if rest else []
        self._open_size = len(rest)

    def _waits_for_command(self) -> bool:
        """A long line that holds a command is kept whole, up to a limit."""
        if self._was_cut or self._on_command is None or self._open_size > LONGEST_COMMAND:
            return False
        if not self._is_command:
            self._is_command = MENTION in "".join(self._open_line)
        return self._is_command

    def _block(self, block: str) -> None:
        """Print complete lines, obeying the commands among them."""
        has_commands = MENTION in block and self._on_command is not None
        if not has_commands and len(block) <= LONGEST_LINE:
            self._print(block)
            return
        lines = block.split("\n")
        if not has_commands and max(map(len, lines)) <= LONGEST_LINE:
            self._print(block)
            return
        self._one_by_one(lines)

    def _one_by_one(self, lines: list[str]) -> None:
        waiting: list[str] = []
        for line in lines:
            is_command = MENTION in line and self._on_command is not None
            if not is_command and len(line) <= LONGEST_LINE:
                waiting.append(line)
                continue
            if waiting:
                self._print("\n".join(waiting))
                waiting.clear()
            if is_command and self._on_command is not None:
                self._on_command(line)
            else:
                self._cut(line, keep=0)
                self._was_cut = False
        if waiting:
            self._print("\n".join(waiting))

    def _print(self, text: str) -> None:
        masked = self._masker.mask(text)
        if self._on_text is not None:
            self._on_text(masked)
        self._log.write(masked)

    @property
    def _overlap(self) -> int:
        """How far a piece looks ahead, so that no secret is cut in two."""
        return self._masker.longest

    def _cut(self, line: str, *, keep: int) -> str:
        """Print a long line in pieces, but for a rest of at least `keep` characters if asked."""
        if not self._was_cut and len(line) > LONGEST_LINE:
            self._was_cut = True
            self._log.write(
                f"##[warning]The next line is longer than {LONGEST_LINE} characters; "
                "it is shown in pieces."
            )
        start = 0
        while len(line) - start > LONGEST_LINE + keep:
            window = line[start : start + LONGEST_LINE + self._overlap]
            size = self._masker.cut(window, LONGEST_LINE)
            self._print(line[start : start + size])
            start += size
        rest = line[start:]
        if keep or not rest:
            return rest
        self._print(rest)
        return ""
